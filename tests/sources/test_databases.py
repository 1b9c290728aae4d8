"""Databases as sources, on a real PostgreSQL: what is read, when nothing is, and what cannot be missed."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from headgate.errors import (
    ConfigError,
    CouldNotRunError,
    InterruptedRunError,
    SourceDataError,
    SourceRefusedError,
    SourceUnavailableError,
)
from headgate.lake.engine import interrupt_all
from headgate.sources.databases.source import described
from origin import COLOURS, ORDERS, Origin
from postgres_server import PASSWORD, free_port


def test_a_first_look_finds_every_table_with_its_key_and_its_cursor(origin: Origin) -> None:
    origin.execute(ORDERS, COLOURS)
    changes = origin.changes(cursor="last_updated")
    assert {name: change.why for name, change in changes.items()} == {
        "colours": "not read yet (key id; no cursor, so it is compared whole)",
        "orders": "not read yet (key id; cursor last_updated)",
    }


def test_nobody_says_how_many_rows_there_are_before_the_database_has_looked(origin: Origin) -> None:
    origin.execute(COLOURS, "INSERT INTO colours VALUES (1, 'red'), (2, 'blue')")

    def estimate() -> int | None:
        source = origin.source()
        found = source.session.visit(origin.con, lambda: source.dialect.catalogue(origin.con, source.session.alias))
        return found[0].rows

    assert estimate() is None
    origin.execute("ANALYZE colours")
    assert estimate() == 2
    assert described(origin.source().chosen()["colours"]) == "key id; no cursor, so it is compared whole"


def test_all_rows_come_once_and_then_there_is_nothing_new(origin: Origin) -> None:
    origin.execute(ORDERS, COLOURS, "INSERT INTO colours VALUES (1, 'red')")
    origin.orders((1, "a", "10:00"), (2, "b", "11:00"))
    loaded = origin.load(cursor="last_updated")
    assert {name: each.counts.appended for name, each in loaded.items()} == {"colours": 1, "orders": 2}
    assert not any(change.changed for change in origin.changes(cursor="last_updated").values())
    assert origin.load(cursor="last_updated") == {}
    assert origin.raw("orders", "id, what") == [(1, "a"), (2, "b")]


def test_only_rows_behind_the_mark_less_the_overlap_are_read_again(origin: Origin) -> None:
    origin.execute(ORDERS)
    origin.orders((1, "a", "10:00"), (2, "b", "10:55"), (3, "c", "11:00"))
    origin.load(cursor="last_updated")
    origin.execute("UPDATE orders SET what = 'silent' WHERE id = 1")
    origin.orders((4, "d", "11:10"))
    counts = origin.load(cursor="last_updated")["orders"].counts
    assert (counts.read, counts.appended, counts.unchanged) == (3, 1, 2)
    assert origin.known["orders"]["mark"] == "2026-01-01 11:10:00"


def test_a_commit_that_comes_late_and_ties_are_not_missed(origin: Origin) -> None:
    origin.execute(ORDERS)
    with origin.server.connect() as late:
        late.autocommit = False
        late.execute(f"INSERT INTO {origin.schema}.orders VALUES (1, 'late', '2026-01-01 10:55')".encode())
        origin.orders((2, "on time", "11:00"))
        origin.load(cursor="last_updated")
        late.commit()
    origin.orders((3, "tie", "11:00"))
    assert origin.load(cursor="last_updated")["orders"].counts.appended == 2
    assert origin.raw("orders", "id") == [(1,), (2,), (3,)]


def test_rows_without_a_cursor_are_looked_at_every_time(origin: Origin) -> None:
    origin.execute(ORDERS)
    origin.orders((1, "a", None), (2, "b", "10:00"))
    origin.load(cursor="last_updated")
    origin.execute("UPDATE orders SET what = 'A' WHERE id = 1")
    assert origin.load(cursor="last_updated")["orders"].counts.appended == 1


def test_a_cursor_far_ahead_hides_nothing(origin: Origin) -> None:
    origin.execute(ORDERS, "INSERT INTO orders VALUES (1, 'a', '2999-01-01'), (2, 'b', 'infinity')")
    origin.orders((3, "c", "10:00"))
    origin.load(cursor="last_updated")
    assert origin.known["orders"]["mark"] == "2026-01-01 10:00:00"
    origin.orders((4, "d", "10:30"))
    assert origin.load(cursor="last_updated")["orders"].counts.appended == 1


def test_the_mark_is_the_largest_value_seen_even_if_its_row_is_gone(origin: Origin) -> None:
    origin.execute(ORDERS)
    origin.orders((1, "a", "10:00"), (2, "b", "12:00"))
    origin.load(cursor="last_updated")
    origin.execute("DELETE FROM orders WHERE id = 2")
    origin.orders((3, "c", "11:55"))
    origin.load(cursor="last_updated")
    assert origin.known["orders"]["mark"] == "2026-01-01 12:00:00"


def test_a_cursor_of_numbers_has_an_overlap_of_numbers(origin: Origin) -> None:
    origin.execute("CREATE TABLE events (id int PRIMARY KEY, version bigint)")
    origin.execute("INSERT INTO events SELECT i, i FROM generate_series(1, 100) i")
    settings: dict[str, Any] = {"tables": {"events": {"cursor": "version", "overlap": 5}}}
    origin.load(**settings)
    origin.execute("INSERT INTO events VALUES (101, 101)")
    assert origin.load(**settings)["events"].counts.read == 7


def test_a_table_without_a_cursor_is_compared_whole_and_deletes_are_seen(origin: Origin) -> None:
    origin.execute(COLOURS, "INSERT INTO colours VALUES (1, 'red'), (2, 'green'), (3, 'blue')")
    origin.load()
    origin.execute("DELETE FROM colours WHERE id = 1", "UPDATE colours SET name = 'Green' WHERE id = 2")
    counts = origin.load()["colours"].counts
    assert (counts.appended, counts.unchanged, counts.deleted) == (1, 1, 1)
    assert origin.raw("colours") == [(2, "Green"), (3, "blue")]
    origin.execute("INSERT INTO colours VALUES (1, 'red')")
    origin.load()
    assert origin.log("colours", "id, name, _op")[-1] == (1, "red", "upsert")
    assert origin.raw("colours") == [(1, "red"), (2, "Green"), (3, "blue")]


def test_a_table_that_is_empty_or_emptied_is_no_error(origin: Origin) -> None:
    origin.execute(COLOURS)
    assert origin.load()["colours"].counts.read == 0
    origin.execute("INSERT INTO colours VALUES (1, 'red')")
    origin.load()
    origin.execute("TRUNCATE colours")
    assert origin.load()["colours"].counts.deleted == 1
    assert origin.raw("colours") == []


def test_two_tables_are_read_in_one_snapshot(origin: Origin) -> None:
    """What is committed while the first table is read is not seen in the second one either."""
    origin.execute("CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)")
    origin.execute("INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1)")
    source = origin.source()

    def meanwhile(text: str) -> None:
        if text.startswith("b:"):
            origin.execute("INSERT INTO b VALUES (2)")

    done = {each.table: each for each in source.extract(origin.con, "run1", {}, {}, meanwhile).tables}
    assert (done["a"].counts.read, done["b"].counts.read) == (1, 1)


def test_what_is_missing_in_the_lake_is_not_looked_for_in_the_database(origin: Origin) -> None:
    origin.execute(COLOURS)
    session = origin.source().session
    asked = "SELECT current_setting('catalog_error_max_schemas')"
    before = origin.con.execute(asked).fetchall()
    with pytest.raises(CouldNotRunError, match="colours does not exist") as caught:
        session.visit(origin.con, lambda: origin.con.execute("SELECT * FROM lake.raw.colours"))
    assert "Did you mean" not in str(caught.value)
    assert origin.con.execute(asked).fetchall() == before


def test_what_fails_in_one_table_leaves_nothing_of_any(origin: Origin) -> None:
    origin.execute(COLOURS, "INSERT INTO colours VALUES (1, 'red')")
    origin.execute("CREATE TABLE floats (id int PRIMARY KEY, f float8)", "INSERT INTO floats VALUES (1, 'NaN')")
    with pytest.raises(SourceDataError, match="no finite number") as caught:
        origin.load()
    assert (caught.value.table, caught.value.column, caught.value.rule) == ("app.floats", "f", "non_finite")
    assert origin.tables() == []
    origin.load(non_finite="null")
    assert origin.raw("floats") == [(1, None)]


# --- keys ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "rule", "what"),
    [
        ("(1, 'a'), (NULL, 'b'), (NULL, 'c')", "null_key", "null (2 rows)"),
        ("(1, 'a'), (1, 'b')", "duplicate_key", "1 row has a key that another row has too"),
    ],
)
def test_a_declared_key_must_be_one(origin: Origin, rows: str, rule: str, what: str) -> None:
    origin.execute("CREATE TABLE t (id int, what text)", f"INSERT INTO t VALUES {rows}")
    with pytest.raises(SourceDataError) as caught:
        origin.load(tables={"t": {"primary_key": ["id"]}})
    assert (caught.value.rule, caught.value.column, what in caught.value.what) == (rule, "id", True)
    assert "primary_key" in str(caught.value.hint)
    assert origin.tables() == []


@pytest.mark.parametrize(
    "made",
    [
        ("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE child () INHERITS (t)", "INSERT INTO child VALUES (1)"),
        (
            "CREATE TABLE t (id int NOT NULL) PARTITION BY RANGE (id)",
            "CREATE TABLE part PARTITION OF t FOR VALUES FROM (0) TO (9)",
            "ALTER TABLE ONLY t ADD PRIMARY KEY (id)",
            "INSERT INTO t VALUES (1)",
        ),
    ],
    ids=["inherited by a table that has no key", "not there for every partition"],
)
def test_a_primary_key_that_does_not_hold_for_all_rows_is_not_believed(origin: Origin, made: tuple[str, ...]) -> None:
    origin.execute(*made, "INSERT INTO t VALUES (1)")
    with pytest.raises(SourceDataError) as caught:
        origin.load(include=["t"])
    assert (caught.value.rule, caught.value.column) == ("duplicate_key", "id")


@pytest.mark.parametrize(
    ("made", "key", "unique"),
    [
        ("id int PRIMARY KEY, n int", None, True),
        ("id uuid, n bigint, PRIMARY KEY (n, id)", None, True),
        ("id int PRIMARY KEY, n int", ["n", "id"], True),
        ("id int PRIMARY KEY, n int", ["n"], False),
        ("id int UNIQUE, n int", ["id"], False),
        ("id text PRIMARY KEY, n int", None, False),
        ("id int, n timestamp, PRIMARY KEY (id, n)", None, False),
    ],
)
def test_no_key_is_looked_for_twice_where_the_database_has_seen_to_it(
    origin: Origin, made: str, key: list[str] | None, unique: bool
) -> None:
    origin.execute(f"CREATE TABLE t ({made})", "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id)")
    chosen = origin.source(tables={"t": {"primary_key": key}} if key else {}).schema()
    assert (chosen["t"].unique, chosen["p"].unique) == (unique, True)


def test_the_primary_key_of_a_loaded_table_cannot_change(origin: Origin) -> None:
    origin.execute(COLOURS, "INSERT INTO colours VALUES (1, 'red')")
    origin.load()
    origin.execute("ALTER TABLE colours DROP CONSTRAINT colours_pkey, ADD PRIMARY KEY (id, name)")
    with pytest.raises(ConfigError, match="was id and is now id, name") as caught:
        origin.load()
    assert "primary_key: [id]" in str(caught.value.hint)
    assert origin.load(tables={"colours": {"primary_key": ["id"]}}) == {}


def test_a_row_whose_key_changes_is_another_row(origin: Origin) -> None:
    origin.execute(COLOURS, "INSERT INTO colours VALUES (1, 'red'), (2, 'blue')")
    origin.load()
    origin.execute("UPDATE colours SET id = 3 WHERE id = 1")
    counts = origin.load()["colours"].counts
    assert (counts.appended, counts.deleted) == (1, 1)
    assert origin.raw("colours") == [(2, "blue"), (3, "red")]


# --- which tables and columns --------------------------------------------------------------------------


def test_tables_and_columns_are_chosen_by_patterns(origin: Origin) -> None:
    origin.execute(ORDERS, COLOURS, "CREATE TABLE _prisma_migrations (id int)", "CREATE VIEW seen AS TABLE orders")
    changes = origin.changes(exclude=["_prisma*", "col*"])
    assert list(changes) == ["orders"]
    origin.load(exclude=["_*", "col*"], tables={"orders": {"columns": {"exclude": ["wh*"]}}})
    assert list(origin.types("orders")) == ["id", "last_updated"]
    assert list(origin.changes(include=["seen"], tables={"seen": {"primary_key": ["id"]}})) == ["seen"]


@pytest.mark.parametrize(
    ("settings", "what", "hint"),
    [
        ({"include": ["ordres"]}, "the table ordres is not in the database", "did you mean 'orders'?"),
        ({"include": ["x*"]}, "no table of the database is chosen", "its tables are colours, orders"),
        ({"schema": "nowhere"}, "no table of the database is chosen", "are url and schema right"),
        ({"tables": {"order": {}}}, "the table order is not in the database", "did you mean 'orders'?"),
        (
            {"exclude": ["orders"], "tables": {"orders": {}}},
            "the table orders is left out by exclude",
            "known: colours",
        ),
        ({"tables": {"orders": {"cursor": "lst_updated"}}}, "has no column lst_updated", "'last_updated'"),
        ({"tables": {"orders": {"cursor": "what"}}}, "orders.what is of the type text", "cursor: null"),
        ({"tables": {"orders": {"primary_key": ["idd"]}}}, "idd of the primary key is not in the table", "'id'"),
        ({"tables": {"orders": {"columns": {"exclude": ["id"]}}}}, "id of the primary key is left out", "what"),
        ({"tables": {"orders": {"columns": {"include": ["wat", "id"]}}}}, "has no column wat", "'what'"),
        ({"cursor": "last_updated", "tables": {"orders": {"overlap": 5}}}, "must be a length of time", ""),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    origin: Origin, settings: dict[str, object], what: str, hint: str
) -> None:
    origin.execute(ORDERS, COLOURS)
    with pytest.raises(ConfigError, match=what) as caught:
        origin.changes(**settings)
    assert hint in str(caught.value.hint or "")


def test_tables_without_a_key_are_told_all_at_once(origin: Origin) -> None:
    origin.execute("CREATE TABLE a (x int)", "CREATE TABLE b (x int)", COLOURS)
    with pytest.raises(ConfigError, match=r"the table a has no primary key in the database \(nor have b\)"):
        origin.changes()


def test_a_table_that_disappears_is_told(origin: Origin) -> None:
    origin.execute(ORDERS, COLOURS)
    origin.load()
    origin.execute("DROP TABLE colours")
    with pytest.raises(SourceDataError, match="not in the database any more") as caught:
        origin.changes()
    assert caught.value.table == "app.colours"
    assert list(origin.changes(exclude=["colours"])) == ["orders"]


# --- when the database does not do as it should ---------------------------------------------------------


def test_a_wrong_password_is_told_at_once_and_shown_nowhere(origin: Origin) -> None:
    url = origin.server.url_of("owner", "wr0ng-pass")
    with pytest.raises(SourceRefusedError, match="password authentication failed") as caught:
        origin.changes(url=url, retry="1h")
    assert "wr0ng" not in str(caught.value)
    assert caught.value.where == "source app"


def test_a_server_that_is_down_is_tried_again_for_a_while(origin: Origin) -> None:
    url = f"postgresql://owner:hunter2hunter2@127.0.0.1:{free_port()}/postgres"
    with pytest.raises(SourceUnavailableError, match="Connection refused") as caught:
        origin.changes(url=url)
    assert caught.value.retryable
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"database": "postgres?sslmode=require"}, "SSL was required"),
        ({"user": "nobody"}, "password authentication failed"),
    ],
)
def test_a_refusal_says_what_to_correct(origin: Origin, change: dict[str, str], what: str) -> None:
    password = "s3cret%2F%27pw%3F"
    url = origin.server.url_of(**{"user": "owner", "password": password, **change})
    with pytest.raises(SourceRefusedError, match=what) as caught:
        origin.changes(url=url)
    assert "url" in str(caught.value.hint)
    assert PASSWORD not in str(caught.value)
    assert password not in str(caught.value)


def test_a_missing_privilege_names_the_table(origin: Origin) -> None:
    origin.execute(ORDERS, COLOURS)
    reader = f"reader_{origin.schema}"
    origin.execute(
        f"CREATE ROLE {reader} LOGIN PASSWORD 'pw'",
        f"GRANT USAGE ON SCHEMA {origin.schema} TO {reader}",
        f"GRANT SELECT ON colours TO {reader}",
    )
    with pytest.raises(SourceRefusedError, match="permission denied for table orders") as caught:
        origin.load(url=origin.server.url_of(reader, "pw"))
    assert caught.value.where == "source app.orders"
    assert "GRANT SELECT" in str(caught.value.hint)


def test_a_statement_that_takes_too_long_is_ended(origin: Origin) -> None:
    origin.execute("CREATE VIEW slow AS SELECT 1 AS id, CAST(pg_sleep(5) AS text) AS nap")
    with pytest.raises(SourceRefusedError, match="statement timeout") as caught:
        origin.load(include=["slow"], tables={"slow": {"primary_key": ["id"]}}, statement_timeout="1s")
    assert "statement_timeout" in str(caught.value.hint)
    assert origin.tables() == []


def test_nothing_can_be_written_to_the_source(origin: Origin) -> None:
    origin.execute(
        COLOURS,
        f"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'INSERT INTO {origin.schema}.colours VALUES (9) RETURNING 1'",
    )
    origin.execute(f"CREATE VIEW writes AS SELECT {origin.schema}.f() AS id")
    with pytest.raises(CouldNotRunError, match="in a read-only transaction"):
        origin.load(include=["writes"], tables={"writes": {"primary_key": ["id"]}})


def test_ctrl_c_ends_what_the_database_works_on(origin: Origin) -> None:
    origin.execute("CREATE VIEW slow AS SELECT 1 AS id FROM pg_sleep(30)")
    settings: dict[str, Any] = {"include": ["slow"], "tables": {"slow": {"primary_key": ["id"]}}, "retry": "1h"}
    pressed = threading.Timer(0.5, interrupt_all)
    began = time.monotonic()
    pressed.start()
    with pytest.raises(InterruptedRunError):
        origin.load(**settings)
    pressed.join()
    assert time.monotonic() - began < 15
    assert origin.tables() == []
