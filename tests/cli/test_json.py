"""Every verb's JSON, in all its outcomes, against the schemas of the reference."""

from __future__ import annotations

import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from command_line import BAD_ROW, GOOD_ROW, Cli, Ended
from headgate.lake.lock import locked
from small_shop import Shop

SCHEMAS = Path(__file__).parents[2] / "docs" / "reference" / "json"
STEPS = ["extract:till", "gate:raw", "build:clean", "gate:clean", "build:marts", "gate:marts", "publish"]


@cache
def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return loaded


def valid(name: str, ended: Ended, code: int) -> dict[str, Any]:
    """The object that was printed, after comparing it with its schema, and the exit code."""
    found = ended.json
    jsonschema.Draft202012Validator(schema(name)).validate(found)
    assert ended.code == code, found
    return found


def an_error(ended: Ended, code: int, kind: str = "UsageError") -> dict[str, Any]:
    error: dict[str, Any] = valid("error", ended, code)["error"]
    assert (error["type"], error["exit_code"]) == (kind, code)
    assert error["what"] in ended.err  # a person reads it too
    return error


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.name)
def test_every_schema_is_one_and_closed(path: Path) -> None:
    loaded = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(loaded)
    assert loaded["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert loaded["additionalProperties"] is False


# --- run -----------------------------------------------------------------------------------------------


def test_a_run_that_publishes(fresh: Shop, cli: Cli) -> None:
    found = valid("run", cli("run", "--json", "--project", str(fresh.folder)), 0)
    assert (found["status"], found["release"], found["serving"]) == ("published", 1, 1)
    assert found["rows"] == {"marts.by_item": 2, "marts.items_seen": 1}
    counts = found["expectations"]
    assert counts["total"] == counts["held"] == counts["proven"] + counts["remembered"] + counts["scanned"] == 6
    assert [step["name"] for step in found["steps"]] == STEPS
    assert found["sources"]["till.sales"]["read"] == 3


def test_a_run_that_finds_nothing_new(published: Shop, cli: Cli) -> None:
    found = valid("run", cli("run", "--json", "-p", str(published.folder)), 0)
    assert (found["status"], found["release"], found["serving"]) == ("nothing_new", None, 1)


def test_a_run_that_is_held(published: Shop, cli: Cli) -> None:
    back = valid("rollback", cli("rollback", "1", "--json", "-p", str(published.folder)), 0)
    assert back == {"serving": 1, "before": 1, "held": True, "served": {}}
    listed = valid("releases", cli("releases", "--json", "-p", str(published.folder)), 0)
    assert listed["held"]["reason"] == "rolled back by hand"
    found = valid("run", cli("run", "--json", "-p", str(published.folder)), 0)
    assert (found["status"], found["serving"]) == ("held", 1)
    resumed = valid("resume", cli("resume", "--json", "-p", str(published.folder)), 0)
    assert resumed == {"serving": 1, "was_held": True}


def test_a_run_that_a_gate_blocks(published: Shop, cli: Cli) -> None:
    published.write("data/sales_2.csv", BAD_ROW)
    found = valid("run", cli("run", "--json", "-p", str(published.folder)), 1)
    assert (found["status"], found["release"], found["serving"]) == ("blocked", None, 1)
    (failure,) = found["failures"]
    assert {key: failure[key] for key in ("layer", "table", "expectation", "unexpected_count", "examples")} == {
        "layer": "raw",
        "table": "sales",
        "expectation": "expect_column_values_to_be_between",
        "unexpected_count": 1,
        "examples": [-5],
    }
    assert failure["kwargs"] == {"column": "amount", "min_value": 0, "max_value": 1000}
    assert failure["place"] == "gates/raw.yml:3"


@pytest.mark.slow
def test_a_run_that_a_dbt_test_blocks(published: Shop, cli: Cli) -> None:
    published.write("data/sales_2.csv", "id,item,amount\n4,z,5\n")
    found = valid("run", cli("run", "--json", "-p", str(published.folder)), 1)
    assert [f["expectation"] for f in found["failures"]] == ["dbt:not_null"]
    valid("why", cli("why", "--json", "-p", str(published.folder)), 0)


def test_a_run_that_a_guard_blocks(published: Shop, cli: Cli) -> None:
    (published.folder / "models/marts/items_seen.sql").unlink()
    found = valid("run", cli("run", "--json", "-p", str(published.folder)), 1)
    assert found["guards"]["failed"] == len(found["failures"]) > 0
    assert {f["layer"] for f in found["failures"]} == {"publish"}
    explained = valid("why", cli("why", "--json", "-p", str(published.folder)), 0)
    assert explained["refused"] == found["failures"]


def test_a_run_that_a_bad_source_blocks(published: Shop, cli: Cli) -> None:
    published.write("data/sales_2.csv", "id,item,amount\n4,b,many\n")
    found = valid("run", cli("run", "--json", "-p", str(published.folder)), 1)
    assert found["failures"][0]["kwargs"]["column"] == "amount"
    valid("why", cli("why", "--json", "-p", str(published.folder)), 0)


def test_a_run_with_a_warning(published: Shop, cli: Cli) -> None:
    published.write("data/sales_2.csv", "id,item,amount\n" + "".join(f"{i},a,1\n" for i in range(10, 120)))
    found = valid("run", cli("run", "--json", "-p", str(published.folder)), 0)
    assert (found["status"], found["expectations"]["warned"]) == ("published", 1)
    assert [f["severity"] for f in found["failures"]] == ["warn"]


def test_a_run_that_fails_by_the_authors_mistake(published: Shop, cli: Cli) -> None:
    published.write("models/marts/by_item.sql", "select no_such_column from {{ ref('sales_clean') }}")
    found = valid("run", cli("run", "--json", "-p", str(published.folder)), 2)
    assert (found["status"], found["serving"]) == ("failed", 1)
    assert "models/marts/by_item.sql" in found["error"]


@pytest.mark.slow
def test_steps_of_a_run(fresh: Shop, cli: Cli) -> None:
    for name in STEPS:
        found = valid("run", cli("run", "--run", "r1", "--step", name, "--json", "-p", str(fresh.folder)), 0)
        assert found["status"] == ("published" if name == "publish" else "running")
        assert found["run"] == "r1"
    again = valid("run", cli("run", "--run", "r1", "--step", "publish", "--json", "-p", str(fresh.folder)), 0)
    assert (again["status"], again["release"]) == ("published", 1)


def test_a_run_that_finds_the_lake_locked(published: Shop, cli: Cli) -> None:
    with locked(published.folder / "lake" / "work", "other"):
        error = an_error(cli("run", "--json", "-p", str(published.folder)), 3, "LockHeldError")
    assert error["retryable"] is True
    assert "other" in error["what"]


# --- the verbs that look -------------------------------------------------------------------------------


def test_check_that_finds_all_well_and_check_that_does_not(published: Shop, cli: Cli) -> None:
    assert valid("check", cli("check", "--json", "-p", str(published.folder)), 0)["ok"] is True
    published.write("gates/raw.yml", "sales:\n  - expect_column_values_to_be_betwen: {column: amount}\n")
    broken = valid("check", cli("check", "--json", "-p", str(published.folder)), 2)
    assert [f["subject"] for f in broken["findings"] if not f["ok"]] == ["gates"]


def test_plan_before_and_after_a_release(published: Shop, cli: Cli, tmp_path: Path) -> None:
    fresh = Shop(tmp_path / "fresh")
    first = valid("plan", cli("plan", "--json", "-p", str(fresh.folder)), 0)
    assert [step["name"] for step in first["steps"]] == STEPS
    assert first["release"] is None
    after = valid("plan", cli("plan", "--json", "-p", str(published.folder)), 0)
    assert {step["need"] for step in after["steps"]} == {"no"}
    published.write("data/sales_2.csv", GOOD_ROW)
    changed = valid("plan", cli("plan", "--json", "-p", str(published.folder)), 0)
    assert {step["need"] for step in changed["steps"]} == {"yes", "maybe"}


def test_query_of_a_release_and_of_a_branch(blocked: Shop, cli: Cli) -> None:
    sql = "select count(*) as n, min(amount) as least from raw.sales"
    served = valid("query", cli("query", sql, "--json", "-p", str(blocked.folder)), 0)
    assert served == {
        "columns": ["n", "least"],
        "types": ["BIGINT", "BIGINT"],
        "rows": [[3, 10]],
        "release": 1,
        "run": None,
    }
    run = valid("runs", cli("runs", "--json", "-p", str(blocked.folder)), 0)["runs"][0]["run"]
    branch = valid("query", cli("query", sql, "--run", run, "--json", "-p", str(blocked.folder)), 0)
    assert (branch["rows"], branch["release"], branch["run"]) == ([[4, -5]], None, run)


def test_runs_newest_first(blocked: Shop, cli: Cli) -> None:
    found = valid("runs", cli("runs", "--json", "-p", str(blocked.folder)), 0)["runs"]
    assert [(r["status"], r["release"]) for r in found] == [("blocked", None), ("published", 1)]


def test_why_of_a_run_that_a_gate_stopped(blocked: Shop, cli: Cli) -> None:
    run = cli("runs", "--json", "-p", str(blocked.folder)).json["runs"][0]["run"]
    found = valid("why", cli("why", run, "--json", "-p", str(blocked.folder)), 0)
    (cause,) = found["causes"]
    assert (cause["found"], cause["in_base"]) == (1, 0)
    assert dict(zip(cause["columns"], cause["rows"][0], strict=True)) == {"id": 4, "item": "b", "amount": -5}
    assert found["sources"]["till.sales"]["appended"] == 1


def test_releases_and_one_of_them(twice: Shop, cli: Cli) -> None:
    found = valid("releases", cli("releases", "--json", "-p", str(twice.folder)), 0)
    assert (found["current"], [(r["release"], r["parent"]) for r in found["releases"]]) == (2, [(1, None), (2, 1)])
    one = valid("release", cli("releases", "2", "--json", "-p", str(twice.folder)), 0)
    assert one["tables"]["clean.sales_clean"]["rows"] == 4


def test_diff_says_per_table_what_changed(twice: Shop, cli: Cli) -> None:
    found = valid("diff", cli("diff", "1", "2", "--json", "-p", str(twice.folder)), 0)
    assert found["tables"]["clean.sales_clean"] == {
        "added": 1,
        "removed": 0,
        "changed": 0,
        "schema": [],
        "by": "primary key",
    }
    assert found["tables"]["marts.items_seen"]["by"] == "files"


def test_prune_and_doctor(twice: Shop, cli: Cli) -> None:
    done = valid("prune", cli("prune", "--keep", "1", "--grace", "0s", "--json", "-p", str(twice.folder)), 0)
    assert done["releases"] == [1]
    assert valid("doctor", cli("doctor", "--json", "-p", str(twice.folder)), 0)["ok"] is True
    next((twice.folder / "lake" / "data" / "marts").rglob("*.parquet")).unlink()
    sick = valid("doctor", cli("doctor", "--json", "-p", str(twice.folder)), 3)
    assert any("data files are gone" in finding["text"] for finding in sick["findings"])


@pytest.mark.slow
def test_init_says_what_it_wrote(tmp_path: Path, cli: Cli) -> None:
    found = valid("init", cli("init", str(tmp_path / "new"), "--no-data", "--json"), 0)
    assert "headgate.yml" in found["files"]
    assert found["data"] is False


# --- errors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--nope"], "--nope"),
        (["rnu"], "Did you mean 'run'"),
        (["query"], "SQL"),
        (["releases", "x"], "integer"),
        (["query", "select 1", "--limit", "0"], "greater than or equal to 1"),
        (["diff", "1"], "Missing argument 'B'"),
        (["run", "--wait"], "--wait"),
        (["run", "--step", "publish"], "belong together"),
        (["run", "--wait", "soon"], "no length of time"),
        (["prune", "--grace", "soon"], "no length of time"),
        (["run", "--var", "rate"], "name=value"),
        (["query", "select 1", "--run", "a", "--release", "1"], "exclude each other"),
        (["run", "--target", "prod"], "no target 'prod'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_in_the_command_is_an_error_object(fresh: Shop, cli: Cli, arguments: list[str], words: str) -> None:
    folder = [] if arguments == ["rnu"] else ["-p", str(fresh.folder)]
    assert words in an_error(cli(*arguments[:1], *folder, "--json", *arguments[1:]), 2)["what"]


@pytest.mark.parametrize(
    "arguments",
    [["query", "select 1"], ["query", "select 1", "--release", "1"], ["diff", "1", "2"], ["rollback", "1"],
     ["releases", "1"]],
    ids=" ".join,
)  # fmt: skip
def test_before_the_first_release_there_is_nothing_to_ask(fresh: Shop, cli: Cli, arguments: list[str]) -> None:
    an_error(cli(*arguments, "--json", "-p", str(fresh.folder)), 2, "NoReleaseError")


def test_before_the_first_release_lists_are_empty_and_the_lake_is_well(fresh: Shop, cli: Cli) -> None:
    here = ["--json", "-p", str(fresh.folder)]
    assert valid("releases", cli("releases", *here), 0) == {"current": None, "held": None, "releases": []}
    assert valid("runs", cli("runs", *here), 0) == {"runs": []}
    assert valid("resume", cli("resume", *here), 0) == {"serving": None, "was_held": False}
    assert valid("doctor", cli("doctor", *here), 0)["ok"] is True
    assert valid("prune", cli("prune", *here), 0)["releases"] == []
    an_error(cli("why", *here), 2)


def test_a_mistake_in_the_project_is_an_error_object_with_its_place(fresh: Shop, cli: Cli) -> None:
    fresh.write("headgate.yml", "name: shop\nlayer: [raw]\n")
    error = an_error(cli("run", "--json", "-p", str(fresh.folder)), 2, "ConfigError")
    assert error["where"] == "headgate.yml:2 (layer)"
    assert "did you mean 'layers'" in error["hint"]


def test_a_query_that_fails_half_way_prints_one_error_object_and_no_row(published: Shop, cli: Cli) -> None:
    sql = "select case when i = 90000 then error('late') else i end from range(100000) t(i)"
    assert "late" in an_error(cli("query", sql, "--json", "-p", str(published.folder)), 2)["what"]


# --- gates without a project ---------------------------------------------------------------------------


def test_gate_that_holds_warns_and_fails(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "x.csv").write_text("id\n1\n1\n")
    for words, status, code in (("", "held", 0), ("severity: warn", "warned", 0), ("severity: fail", "failed", 1)):
        entry = f"- expect_column_values_to_be_unique: {{column: id}}\n  {words}\n" if words else "[]\n"
        (tmp_path / "g.yml").write_text(entry)
        found = valid("gate", cli("gate", str(tmp_path / "g.yml"), str(tmp_path / "x.csv"), "--json"), code)
        assert (found["status"], found["rows"]) == (status, 2)
    assert found["expectations"][0]["partial_unexpected_list"] == [1, 1]


def test_gate_of_a_release(published: Shop, cli: Cli) -> None:
    published.write("own.yml", "- expect_column_values_to_not_be_null: {column: amount}\n")
    place = f"{published.folder}::raw.sales"
    found = valid("gate", cli("gate", str(published.folder / "own.yml"), place, "--json"), 0)
    assert (found["rows"], found["expectations"][0]["how"]) == (3, "proven")
    wrong = cli("gate", str(published.folder / "own.yml"), f"{published.folder}::raw.sale", "--json")
    assert "did you mean 'raw.sales'" in an_error(wrong, 2)["hint"]


def test_gate_of_nothing_is_an_error_object(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "g.yml").write_text("[]\n")
    an_error(cli("gate", str(tmp_path / "g.yml"), str(tmp_path / "x.csv"), "--json"), 2)
    an_error(cli("gate", str(tmp_path / "none.yml"), str(tmp_path / "g.yml"), "--json"), 2, "ConfigError")
    refused = cli("gate", str(tmp_path / "g.yml"), "x.csv", "--report", "r.pdf", "--json")
    assert ".html" in an_error(refused, 2)["hint"]


def test_profile_suggests_what_gate_finds_to_hold(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "x.csv").write_text("id\n" + "".join(f"{i}\n" for i in range(50)))
    found = valid("profile", cli("profile", str(tmp_path / "x.csv"), "--json"), 0)
    assert (found["table"], found["rows"], len(found["expectations"])) == ("x", 50, 4)
    (tmp_path / "g.yml").write_text(cli("profile", str(tmp_path / "x.csv"), "--tight").out)
    judged = cli("gate", str(tmp_path / "g.yml"), str(tmp_path / "x.csv"))
    assert judged.last_line.startswith("HELD  5 of 5 expectations held · 50 rows")
    an_error(cli("profile", str(tmp_path / "x.csv"), "--tight", "--loose", "--json"), 2)


def test_people_are_told_of_values_as_values_and_of_nothing_that_their_terminal_would_obey(
    tmp_path: Path, cli: Cli
) -> None:
    (tmp_path / "x.csv").write_text("c\na\nb\n\x1b[2Jc\n")
    (tmp_path / "g.yml").write_text(
        "- expect_column_distinct_values_to_be_in_set: {column: c, value_set: [a]}\n"
        "- expect_column_values_to_be_in_set: {column: c, value_set: [a]}\n"
        "- expect_column_most_common_value_to_be_in_set: {column: c, value_set: [x]}\n"
    )
    out = cli("gate", str(tmp_path / "g.yml"), str(tmp_path / "x.csv")).out
    assert out.count("unexpected: 2\n") == 1
    assert out.count("unexpected rows: 2\n") == 1
    assert "\\x1b[2Jc" in out
    assert "\x1b" not in out


def test_profile_and_gate_are_told_how_a_csv_file_is_written(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "x.csv").write_bytes(("n\tort\n" + "1\tKöln\n2\t-\n" * 20).encode("latin-1"))
    said = (str(tmp_path / "x.csv"), "--encoding", "latin-1", "--delimiter", r"\t", "--null", "-", "--json")
    found = valid("profile", cli("profile", *said), 0)
    filled = [each for each in found["expectations"] if each["type"] == "expect_column_values_to_not_be_null"]
    assert {each["kwargs"]["column"] for each in filled} == {"n"}
    (tmp_path / "g.yml").write_text("x:\n  - expect_column_values_to_be_in_set: {column: ort, value_set: [Köln]}\n")
    assert valid("gate", cli("gate", str(tmp_path / "g.yml"), *said), 0)["status"] == "held"


def test_gate_to_gx_prints_a_suite_and_takes_nothing_else(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "g.yml").write_text("- expect_column_to_exist: {column: id}\n")
    suite = cli("gate", "--to", "gx", str(tmp_path / "g.yml"), "--json").json
    assert (suite["name"], [each["type"] for each in suite["expectations"]]) == ("g", ["expect_column_to_exist"])
    an_error(cli("gate", "--to", "gx", str(tmp_path / "g.yml"), "x.csv", "--json"), 2)
    an_error(cli("gate", "--to", "dbt", str(tmp_path / "g.yml"), "--json"), 2)
    assert "DATA" in an_error(cli("gate", str(tmp_path / "g.yml"), "--json"), 2)["what"]


# --- score ---------------------------------------------------------------------------------------------


def test_the_scores_of_a_release_and_of_all(twice: Shop, cli: Cli) -> None:
    (now,) = valid("score", cli("score", "--json", "--project", str(twice.folder)), 0)["releases"]
    assert now["release"] == 2
    assert set(now["scores"]["tables"]) == {"raw.sales", "clean.sales_clean", "marts.by_item"}
    assert now["scores"]["release"]["all"] == {"score": 1, "held": 6, "total": 6}
    every = valid("score", cli("score", "raw.sales", "--history", "--json", "--project", str(twice.folder)), 0)
    assert [each["release"] for each in every["releases"]] == [2, 1]
    assert set(every["releases"][1]["scores"]["tables"]) == {"raw.sales"}
    an_error(cli("score", "raw.sails", "--json", "--project", str(twice.folder)), 2)


def test_a_warned_expectation_lowers_the_score(published: Shop, cli: Cli) -> None:
    published.write(
        "gates/raw.yml",
        "sales:\n  - expect_column_values_to_be_between: {column: amount, max_value: 25}\n    severity: warn\n",
    )
    published.write("data/sales_2.csv", GOOD_ROW)
    assert published.run().status == "published"
    (now,) = valid("score", cli("score", "raw", "--json", "--project", str(published.folder)), 0)["releases"]
    assert now["scores"]["tables"]["raw.sales"]["validity"] == {"score": 0.75, "held": 0, "total": 1}


def test_there_are_no_scores_before_the_first_release(fresh: Shop, cli: Cli) -> None:
    an_error(cli("score", "--json", "--project", str(fresh.folder)), 2, "NoReleaseError")


# --- quarantine ----------------------------------------------------------------------------------------

QUARANTINE = """
sales:
  - max_quarantine: 50%
  - expect_column_values_to_be_between: {column: amount, min_value: 0, max_value: 1000}
    id: in_range
    on_fail: quarantine
"""


@pytest.mark.slow
def test_rows_in_quarantine_are_listed_shown_replayed_and_dropped(published: Shop, cli: Cli) -> None:
    here = ["--json", "-p", str(published.folder)]
    assert valid("quarantine-list", cli("quarantine", "list", *here), 0) == {"release": 1, "tables": {}}
    an_error(cli("quarantine", "show", "raw.sales", *here), 2)
    an_error(cli("quarantine", "replay", *here), 2)
    published.write("gates/raw.yml", QUARANTINE)
    published.write("data/sales_2.csv", BAD_ROW)
    found = valid("run", cli("run", *here), 0)
    assert found["quarantine"] == {"raw.sales": {"quarantined": 1, "replayed": 0, "superseded": 0, "dropped": 0}}
    shown = valid("quarantine-show", cli("quarantine", "show", "raw_sales", *here), 0)
    (row,) = (dict(zip(shown["columns"], row, strict=True)) for row in shown["rows"])
    assert (row["id"], row["amount"], row["_quarantine_expectations"]) == (4, -5, ["in_range"])
    error = an_error(cli("quarantine", "drop", "raw.sales", "--reason", "x", "--where", "amuont < 0", *here), 2)
    assert error["hint"] == "did you mean 'amount'?"
    again = valid("run", cli("quarantine", "replay", "raw.sales", "--where", "AMOUNT < 0", *here), 0)
    assert again["quarantine"]["raw.sales"]["quarantined"] == 1
    gone = valid("run", cli("quarantine", "drop", "raw.sales", "--expectation", "in_range", "--reason", "x", *here), 0)
    assert gone["quarantine"]["raw.sales"]["dropped"] == 1
    counts = valid("quarantine-list", cli("quarantine", "list", *here), 0)["tables"]["raw.sales"]
    assert counts == {"quarantined": 0, "replayed": 0, "superseded": 0, "dropped": 1}
    assert valid("quarantine-show", cli("quarantine", "show", "raw.sales", *here), 0)["found"] == 0
    assert valid("quarantine-show", cli("quarantine", "show", "raw.sales", "--status", "all", *here), 0)["found"] == 1
    valid("release", cli("releases", "4", *here), 0)


@pytest.mark.slow
def test_of_a_stopped_run_rows_in_quarantine_are_looked_at_on_its_branch(published: Shop, cli: Cli) -> None:
    published.write(
        "gates/raw.yml", f"{QUARANTINE}  - expect_column_values_to_be_in_set: {{column: item, value_set: [a]}}\n"
    )
    published.write("data/sales_2.csv", BAD_ROW)
    stopped = cli("run", "-p", str(published.folder))
    assert (stopped.code, "headgate quarantine show" in stopped.out) == (1, False)
    (line,) = (line for line in stopped.out.splitlines() if line.startswith("raw.sales: 1 quarantined"))
    assert line in cli("why", "-p", str(published.folder)).out.replace("  (", " (")
    command = shlex.split(line.partition("(headgate ")[2].rstrip(")"))
    asked = cli(*command, "--json", "-p", str(published.folder)).json
    (row,) = (dict(zip(asked["columns"], row, strict=True)) for row in asked["rows"])
    assert (row["id"], row["_quarantine_status"]) == (4, "quarantined")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["show", "raw.sales", "--status", "gone"], "there is no status 'gone'"),
        (["replay", "--where", "id = 1"], "--where is about the columns of one table"),
        (["drop", "raw.sales", "--reason", " "], "--reason is empty"),
    ],
)
def test_what_quarantine_is_not_asked(published: Shop, cli: Cli, arguments: list[str], what: str) -> None:
    error = an_error(cli("quarantine", *arguments, "--json", "-p", str(published.folder)), 2)
    assert what in error["what"]


@pytest.mark.slow
def test_why_says_what_went_into_quarantine_and_what_somebody_decided(published: Shop, cli: Cli) -> None:
    here = ["-p", str(published.folder)]
    published.write("gates/raw.yml", QUARANTINE)
    published.write("data/sales_2.csv", BAD_ROW)
    run = cli("run", "--json", *here).json["run"]
    found = valid("why", cli("why", run, "--json", *here), 0)
    (put_in,) = found["quarantined"]
    assert (put_in["id"], put_in["rows"], put_in["examples"]) == ("in_range", 1, [-5])
    assert found["decision"] is None
    told = cli("why", run, *here).out
    assert "readers got release 2" in told
    assert "1 by expect_column_values_to_be_between(column=amount" in told
    dropped = cli("quarantine", "drop", "raw.sales", "--reason", "a test sale", "--json", *here).json["run"]
    found = valid("why", cli("why", dropped, "--json", *here), 0)
    assert (found["decision"]["action"], found["decision"]["reason"]) == ("drop", "a test sale")
    assert found["quarantine"]["raw.sales"]["dropped"] == 1
    assert "a test sale" in cli("why", dropped, *here).out
