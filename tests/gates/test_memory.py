"""What was found in a file that does not change is not looked for again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from gate_maker import VALUES, counted, expect, gate
from headgate.errors import CouldNotRunError
from headgate.gates import Forgetful, scan
from headgate.gates import memory as memory_room
from headgate.gates.expectation import Counts
from headgate.gates.memory import Fact, LakeMemory, subjects_of
from headgate.gates.result import ExpectationResult
from headgate.lake.catalog import read_contents
from headgate.lake.engine import Connection, attach, detach
from headgate.project import Declared

IN_SET = expect(VALUES + "be_in_set", column="a", value_set=["x", "y"])


@pytest.fixture
def words(branch: Connection) -> Connection:
    branch.execute(
        "CREATE TABLE lake.marts.t AS SELECT CASE i % 2 WHEN 0 THEN 'x' ELSE 'y' END AS a FROM range(9) r(i)"
    )
    return branch


def once(con: Connection, declared: object = IN_SET, table: str = "t") -> ExpectationResult:
    (result,) = gate(con, table, declared).results  # type: ignore[arg-type]
    return result


def facts(con: Connection) -> int:
    return int(con.execute("SELECT count(*) FROM __ducklake_metadata_lake.headgate.gate_memory").fetchall()[0][0])


def test_an_unchanged_file_is_remembered(words: Connection) -> None:
    first, second = once(words), once(words)
    assert (first.how, second.how) == ("scanned", "remembered")
    assert counted(first) == counted(second) == (True, 9, 0, 0)
    assert facts(words) == 1


def test_only_a_new_file_is_scanned(words: Connection) -> None:
    once(words)
    words.execute("INSERT INTO lake.marts.t VALUES ('z'), (NULL)")
    result = once(words)
    assert (result.how, counted(result)) == ("scanned", (False, 11, 1, 1))
    assert facts(words) == 2
    assert once(words).how == "remembered"
    assert once(words).partial_unexpected_list == ("z",)


def test_another_share_needs_no_new_look_but_another_set_does(words: Connection) -> None:
    once(words)
    assert once(words, expect(VALUES + "be_in_set", column="a", value_set=["x", "y"], mostly=0.5)).how == "remembered"
    assert once(words, expect(VALUES + "be_in_set", column="a", value_set=["x", "y", "z"])).how == "scanned"


def test_a_file_from_which_rows_were_deleted_is_looked_at_again(words: Connection) -> None:
    once(words, expect(VALUES + "be_in_set", column="a", value_set=["x"]))
    words.execute("DELETE FROM lake.marts.t WHERE a = 'y'")
    result = once(words, expect(VALUES + "be_in_set", column="a", value_set=["x"]))
    assert (result.how, counted(result)) == ("scanned", (True, 5, 0, 0))
    assert once(words, expect(VALUES + "be_in_set", column="a", value_set=["x"])).how == "remembered"
    words.execute("DELETE FROM lake.marts.t WHERE rowid = 0")
    assert counted(once(words, expect(VALUES + "be_in_set", column="a", value_set=["x"]))) == (True, 4, 0, 0)


def test_a_column_of_the_same_name_is_not_the_same_column(words: Connection) -> None:
    once(words)
    words.execute("ALTER TABLE lake.marts.t ADD COLUMN b VARCHAR; ALTER TABLE lake.marts.t DROP COLUMN a")
    words.execute("ALTER TABLE lake.marts.t ADD COLUMN a VARCHAR DEFAULT 'q'")
    result = once(words)
    assert (result.how, counted(result)) == ("scanned", (False, 9, 0, 9))


def test_uniqueness_is_remembered_while_the_whole_table_is_the_same(words: Connection) -> None:
    words.execute("CREATE TABLE lake.marts.u AS SELECT i AS a FROM range(9) r(i)")
    unique = expect(VALUES + "be_unique", column="a")
    assert [once(words, unique, "u").how for _ in range(2)] == ["scanned", "remembered"]
    words.execute("INSERT INTO lake.marts.u VALUES (3)")
    result = once(words, unique, "u")
    assert (result.how, counted(result)) == ("scanned", (False, 10, 0, 2))
    again = once(words, unique, "u")
    assert (again.how, again.partial_unexpected_list) == ("remembered", (3, 3))


def test_references_are_remembered_while_the_other_table_is_the_same(words: Connection) -> None:
    words.execute("CREATE TABLE lake.marts.kinds AS SELECT unnest(['x', 'y']) AS a")
    declared = expect("references", columns=["a"], to="kinds")
    assert [once(words, declared).how for _ in range(2)] == ["scanned", "remembered"]
    words.execute("DELETE FROM lake.marts.kinds WHERE a = 'y'")
    result = once(words, declared)
    assert (result.how, counted(result)) == ("scanned", (False, 9, 0, 4))


def test_a_condition_on_the_clock_is_never_remembered(words: Connection) -> None:
    declared = expect("implies", **{"if": "current_date > date '2000-01-01'", "then": "a <> ''"})
    assert [once(words, declared).how for _ in range(2)] == ["scanned", "scanned"]


def test_a_view_is_remembered_while_it_and_what_it_reads_are_the_same(words: Connection) -> None:
    words.execute("CREATE VIEW lake.marts.v AS SELECT a FROM lake.marts.t")
    rows = expect("expect_table_row_count_to_equal", value=9)
    assert [once(words, rows, "v").how for _ in range(2)] == ["scanned", "remembered"]
    assert [once(words, IN_SET, "v").how for _ in range(2)] == ["scanned", "remembered"]
    words.execute("INSERT INTO lake.marts.t VALUES ('x')")
    assert once(words, IN_SET, "v").how == "scanned"
    words.execute("CREATE OR REPLACE VIEW lake.marts.v AS SELECT a FROM lake.marts.t WHERE a = 'x'")
    result = once(words, IN_SET, "v")
    assert (result.how, counted(result)) == ("scanned", (True, 6, 0, 0))


def test_who_scans_a_view_has_counted_its_rows(words: Connection) -> None:
    words.execute("CREATE VIEW lake.marts.v AS SELECT a FROM lake.marts.t WHERE a = 'x'")
    assert once(words, table="v").how == "scanned"
    rows = once(words, expect("expect_table_row_count_to_equal", value=5), table="v")
    assert (rows.how, rows.success) == ("remembered", True)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM lake.marts.t WHERE random() < 2",
        "SELECT a FROM lake.marts.t WHERE current_date > DATE '2000-01-01'",
        "SELECT a FROM lake.marts.t USING SAMPLE 100%",
        "SELECT a FROM read_csv('{folder}/x.csv')",
        "SELECT a FROM '{folder}/x.csv'",
        "SELECT a FROM lake.marts.inner_view",
    ],
)
def test_a_view_whose_data_is_not_the_lakes_alone_is_never_remembered(
    words: Connection, tmp_path: Path, sql: str
) -> None:
    (tmp_path / "x.csv").write_text("a\nx\ny\n")
    words.execute("CREATE VIEW lake.marts.inner_view AS SELECT a FROM lake.marts.t WHERE now() IS NOT NULL")
    words.execute(f"CREATE VIEW lake.marts.v AS {sql.format(folder=tmp_path)}")
    words.execute("CREATE TABLE lake.marts.kinds AS SELECT unnest(['x', 'y']) AS a")
    assert [once(words, IN_SET, "v").how for _ in range(2)] == ["scanned", "scanned"]
    rows = expect("expect_table_row_count_to_be_between", min_value=1)
    assert [once(words, rows, "v").how for _ in range(2)] == ["scanned", "scanned"]
    assert [once(words, expect("references", columns="a", to="v"), "kinds").how for _ in range(2)] == ["scanned"] * 2


def test_what_is_not_there_any_more_is_forgotten(words: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_room, "FEW_ROWS", 1)
    for i in range(9):
        words.execute(f"CREATE OR REPLACE TABLE lake.marts.t AS SELECT 'x' AS a FROM range({i + 1})")
        once(words)
        once(words, expect(VALUES + "be_unique", column="a"))
    assert facts(words) <= 2 * memory_room.MOST_DEAD + 2
    assert once(words, expect(VALUES + "be_unique", column="a")).how == "remembered"


def test_remembering_makes_no_snapshot_of_the_lake(words: Connection) -> None:
    snapshots = "SELECT count(*) FROM __ducklake_metadata_lake.ducklake_snapshot"
    before = words.execute(snapshots).fetchall()
    assert once(words).how == "scanned"
    assert words.execute(snapshots).fetchall() == before
    assert set(read_contents(words).tables) == {"marts.t"}


def test_memory_is_in_the_catalogs_file_and_goes_where_it_goes(words: Connection, tmp_path: Path) -> None:
    detach(words)
    shutil.copy(tmp_path / "work.ducklake", tmp_path / "before.ducklake")
    attach(words, str(tmp_path / "work.ducklake"), str(tmp_path / "data"), read_only=False)
    once(words)
    detach(words)
    for catalog, how in (("before", "scanned"), ("work", "remembered"), ("before", "remembered")):
        attach(words, str(tmp_path / f"{catalog}.ducklake"), str(tmp_path / "data"), read_only=False)
        assert once(words).how == how
        detach(words)


def test_many_facts_are_kept_as_they_are(words: Connection) -> None:
    learned = [Fact(f"it's {i % 7}", f"k{i}", Counts(2**62 + i, i, 0)) for i in range(3000)]
    LakeMemory(words, read_contents(words)).learn(learned)
    recalled = LakeMemory(words, read_contents(words)).recall([f"it's {i}" for i in range(7)])
    assert recalled == {(fact.subject, fact.key): fact.counts for fact in learned}


@pytest.mark.parametrize("asked", [2, memory_room.FEW_NAMED + 1])
def test_a_large_memory_is_asked_for_the_subjects_at_hand(
    words: Connection, monkeypatch: pytest.MonkeyPatch, asked: int
) -> None:
    monkeypatch.setattr(memory_room, "FEW_ROWS", 1)
    LakeMemory(words, read_contents(words)).learn([Fact(f"s{i}", "k'", Counts(i, 0, 0)) for i in range(5)])
    memory = LakeMemory(words, read_contents(words))
    named = ["s3", *(f"it's {i}" for i in range(asked - 1))]
    assert memory.recall(named) == {("s3", "k'"): Counts(3, 0, 0)}
    assert memory.recall([]) == {}


def test_every_file_table_and_view_of_a_lake_can_be_remembered(words: Connection) -> None:
    words.execute("CREATE VIEW lake.marts.v AS SELECT a FROM lake.marts.t")
    contents = read_contents(words)
    table = contents.tables["marts.t"]
    assert {table.identity, table.files[0].path} < set(subjects_of(contents))
    assert len(list(subjects_of(contents))) == 3


def test_a_fact_learned_for_one_expectation_serves_its_twin_in_the_same_gate(words: Connection) -> None:
    result = gate(words, "t", IN_SET, expect(VALUES + "be_in_set", column="a", value_set=["x", "y"], mostly=0.1))
    assert [each.success for each in result.results] == [True, True]


def test_a_lake_in_which_nothing_can_be_kept_is_no_failure_of_the_data(words: Connection, tmp_path: Path) -> None:
    words.execute("DETACH lake")
    attach(words, str(tmp_path / "work.ducklake"), str(tmp_path / "data"), read_only=True)
    with pytest.raises(CouldNotRunError, match=r"judging the gate of marts: .*read-only"):
        once(words)
    (result,) = gate(words, "t", IN_SET, memory=Forgetful()).results
    assert result.success


# --- what is measured of columns -------------------------------------------------------------------------

SUM = expect("expect_column_sum_to_be_between", column="n")
MEASURES = (
    SUM,
    expect("expect_column_mean_to_be_between", column="n"),
    expect("expect_column_sum_to_be_between", column="b"),
)


@pytest.fixture
def numbers(branch: Connection) -> Connection:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT i AS n, i % 2 = 0 AS b FROM range(10) r(i)")
    return branch


def looked_into(con: Connection, monkeypatch: pytest.MonkeyPatch, *declared: Declared) -> tuple[list[int], list[Any]]:
    """How many files were measured at a time, and what was observed."""
    asked: list[int] = []
    real = scan.measure_files

    def listening(con: Connection, on: Any, expectations: Any, names: list[str], **more: Any) -> Any:
        asked.append(len(names))
        return real(con, on, expectations, names, **more)

    with monkeypatch.context() as patch:
        patch.setattr(scan, "measure_files", listening)
        return asked, [result.observed_value for result in gate(con, "t", *declared).results]


def test_sums_of_whole_numbers_are_added_up_from_files_and_only_new_ones_are_measured(
    numbers: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert looked_into(numbers, monkeypatch, *MEASURES) == ([], [45, 4.5, 5])  # a single file: the table itself
    numbers.execute("INSERT INTO lake.marts.t VALUES (100, TRUE), (NULL, NULL)")
    assert looked_into(numbers, monkeypatch, *MEASURES) == ([1], [145, 145 / 11, 6])
    assert looked_into(numbers, monkeypatch, *MEASURES) == ([], [145, 145 / 11, 6])
    numbers.execute("INSERT INTO lake.marts.t VALUES (NULL, FALSE)")
    numbers.execute("DELETE FROM lake.marts.t WHERE n = 9")
    assert looked_into(numbers, monkeypatch, *MEASURES) == ([2], [136, 13.6, 6])
    assert once(numbers, SUM).how == "remembered"


def test_of_tables_without_values_there_is_no_mean_and_a_sum_of_nothing(
    numbers: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers.execute("DELETE FROM lake.marts.t")
    numbers.execute("INSERT INTO lake.marts.t VALUES (NULL, NULL)")
    numbers.execute("INSERT INTO lake.marts.t VALUES (NULL, NULL)")
    for _ in range(2):
        assert looked_into(numbers, monkeypatch, *MEASURES)[1] == [0, None, 0]


def test_a_sum_that_is_too_large_to_remember_is_added_up_anew(
    numbers: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        numbers.execute(f"INSERT INTO lake.marts.t SELECT {2**62}, TRUE FROM range(5)")
    for files in (3, 2):
        assert looked_into(numbers, monkeypatch, SUM) == ([files], [45 + 10 * 2**62])


def test_sums_of_floats_and_of_chosen_rows_are_not_added_up(
    numbers: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers.execute("INSERT INTO lake.marts.t VALUES (100, TRUE)")
    numbers.execute("ALTER TABLE lake.marts.t ADD COLUMN f DOUBLE")
    numbers.execute("INSERT INTO lake.marts.t VALUES (1, TRUE, 0.5)")
    of_floats = expect("expect_column_sum_to_be_between", column="f")
    chosen = expect("expect_column_sum_to_be_between", column="n", row_condition="b")
    assert looked_into(numbers, monkeypatch, of_floats, chosen) == ([], [0.5, 121])
