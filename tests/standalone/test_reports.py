"""Reports say everything, and what the data holds does no harm in them."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from headgate import gate
from headgate.errors import CouldNotRunError, LedgerUnavailableError, UsageError
from headgate.ledger import JudgedRecord
from headgate.reports import words
from headgate.standalone import Judged
from small_shop import Shop

EVIL = "<script>alert('1')</script> | `x` ]]>\x01"


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    (tmp_path / "evil.jsonl").write_text(json.dumps({"id": 1, "name": EVIL}) + "\n")
    suite = [
        {"expect_column_values_to_be_in_set": {"column": "name", "value_set": ["a"]}},
        {"expect_column_values_to_be_in_set": {"column": "name", "value_set": ["b"]}, "severity": "warn"},
        {"expect_column_values_to_be_unique": {"column": "id"}},
        {"expect_column_values_to_be_unique": {"column": "<b>"}},
    ]
    return gate(tmp_path / "evil.jsonl", suite)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.links: list[str | None] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value for key, value in attrs if key in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_needs_nothing_else_and_runs_nothing_of_the_data(judged: Judged) -> None:
    page = _Tags()
    page.feed(judged.report())
    assert "script" not in page.seen
    assert page.seen.count("b") == len({each.dimension for each in judged.results})
    assert page.links == []
    assert EVIL.replace("\x01", "\\x01") in page.words
    for said in ("FAILED", "1 of 4 expectations held", "1 row", "could not be checked", "uniqueness"):
        assert said in page.words
    assert page.seen.count("tr") == 1 + len(judged.results)


def test_junit_counts_failures_errors_and_warnings(judged: Judged, tmp_path: Path) -> None:
    judged.report(tmp_path / "r.xml")
    suite = ElementTree.parse(tmp_path / "r.xml").getroot()[0]
    counts = {key: suite.attrib[key] for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    assert [[child.tag for child in case] for case in suite] == [["failure"], ["skipped"], [], ["error"]]
    assert "<script>" in (suite[0][0].text or "")


def test_markdown_is_one_table_row_for_each_that_did_not_hold(judged: Judged, tmp_path: Path) -> None:
    text = judged.report(tmp_path / "r.md")
    rows = [line for line in text.splitlines() if line.startswith(("| failed", "| warned"))]
    assert len(rows) == 3
    assert "<script>" not in text
    assert text.startswith("## FAILED: ")


@pytest.mark.parametrize("ending", ["html", "md", "xml"])
def test_no_document_holds_a_character_that_hides_others(tmp_path: Path, ending: str) -> None:
    odd = "".join(map(chr, range(1, 32))) + "\x7f\x85\x9b\u202e\u2066\ufffe"
    (tmp_path / "odd.jsonl").write_text(json.dumps({"name": odd}) + "\n")
    values = {"column": "name", "value_set": [odd + "other"]}
    result = gate(tmp_path / "odd.jsonl", [{"expect_column_values_to_be_in_set": values}])
    found = replace(result, data=odd, history=None).report(tmp_path / f"r.{ending}")
    assert [each for each in found if each not in "\n\xa0" and not each.isprintable()] == []
    assert "x1b" in found
    assert "u202e" in found


def test_values_are_counted_as_values_and_rows_as_rows(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,c\n1,a\n2,b\n3,c\n4,a\n5,\n")
    suite = [
        {"expect_column_distinct_values_to_be_in_set": {"column": "c", "value_set": ["a"]}},
        {"expect_column_distinct_values_to_contain_set": {"column": "c", "value_set": ["a", "x"]}},
        {"expect_column_distinct_values_to_equal_set": {"column": "c", "value_set": ["b", "c", "x", "y"]}},
        {"expect_column_values_to_be_in_set": {"column": "c", "value_set": ["x"]}},
        {"expect_column_values_to_not_be_null": {"column": "c"}},
    ]
    found = [words.finding(each) for each in gate(tmp_path / "c.csv", suite).results]
    assert found == [
        "2 unexpected values",
        "1 value of the set missing",
        "1 unexpected value, 2 values of the set missing",
        "4 of 4 unexpected (100 %); 1 more without a value",
        "1 of 5 unexpected (20 %)",
    ]


def test_json_is_what_the_verb_prints(judged: Judged, tmp_path: Path) -> None:
    judged.report(tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == judged.to_json()


def test_a_report_that_cannot_be_written_is_an_error(judged: Judged, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no report ends in \.pdf"):
        judged.report(tmp_path / "r.pdf")
    with pytest.raises(CouldNotRunError, match="cannot be written"):
        judged.report(tmp_path / "nowhere" / "r.md")


def test_a_suite_that_expects_nothing_holds(judged: Judged, tmp_path: Path) -> None:
    nothing = gate(tmp_path / "evil.jsonl", [])
    assert (nothing.ok, nothing.status, nothing.rows) == (True, "held", 1)
    assert "expects nothing" in nothing.report()


def past(success: list[bool], types: tuple[str, ...] = ("expect_column_values_to_be_unique",)) -> list[JudgedRecord]:
    """A run for each verdict."""
    results = [
        [{"type": each, "kwargs": {"column": "id"}, "success": held, "severity": "fail"} for each in types]
        for held in success
    ]
    return [
        JudgedRecord(f"run-{i}<b>", f"2026-11-2{i}T10:15:00.000000Z", "published", i, each)
        for i, each in enumerate(results)
    ]


def test_the_page_shows_what_earlier_runs_of_the_project_found(judged: Judged) -> None:
    text = replace(judged, history=lambda limit: past([True, False, True])[:limit]).report()
    page = _Tags()
    page.feed(text)
    assert page.seen.count("svg") == 2  # the table's, and that of the one expectation which they judged
    assert page.seen.count("rect") == 3 + 3
    assert "held in 2 of 3 runs" in page.words
    assert "2026-11-22 10:15 UTC · 1 of 1 expectations held · release 2 · run run-2<b>" in page.words
    assert "run-0<b>" in page.words
    assert page.links == []


def test_of_runs_whose_release_was_pruned_the_page_says_what_is_still_known(judged: Judged) -> None:
    pruned, all_held, kept = past([False, True, True])
    records = [replace(pruned, forgotten=2), replace(all_held, results=[], forgotten=3), kept]
    page = _Tags()
    page.feed(replace(judged, history=lambda _: records).report())
    assert page.seen.count("rect") == 2 + 1 + 1 + 2
    assert "2 of 3 expectations held, 1 failed; which did is forgotten since a prune · release 0" in page.words
    assert "3 of 3 expectations held; which did is forgotten since a prune · release 1" in page.words
    only = "held in 1 of 1 runs; did not hold in 1 before, of which a prune left only what did not hold"
    assert only in page.words


def test_a_history_that_is_empty_or_cannot_be_read_says_so(judged: Judged) -> None:
    def broken(limit: int) -> list[JudgedRecord]:
        raise LedgerUnavailableError("the ledger is locked")

    assert "No run has judged this table yet" in replace(judged, history=lambda _: []).report()
    assert "could not be read: the ledger is locked" in replace(judged, history=broken).report()
    assert "History" not in judged.report()


def test_a_table_of_a_project_has_the_history_of_its_ledger(published: Shop) -> None:
    place, suite = f"{published.folder}::raw.sales", published.folder / "gates" / "raw.yml"
    published.write("data/sales_2.csv", "id,item,amount\n4,b,-15\n")
    assert published.run().status == "blocked"
    page = gate(place, suite).report()
    assert "4 of 4 expectations held · release 1" in page
    assert "3 of 4 expectations held, 1 failed · run" in page
    assert page.count('class="squares"') == 4
    assert page.count("held in 1 of 2 runs") == 2  # as a label, and as a title
    (published.folder / ".headgate" / "ledger.db").unlink()
    assert "there is no ledger" in gate(place, suite).report()
