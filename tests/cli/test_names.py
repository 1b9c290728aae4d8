"""Tables and columns whose names have blanks, quotes, dots, letters of other alphabets or SQL in them."""

from __future__ import annotations

import contextlib
import json
import shlex
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from command_line import Cli
from headgate.lake.engine import ident
from headgate.project.yaml_file import written
from postgres_server import PostgresServer

NAMES = [
    "Order Lines",
    "größe",
    'sel"ect',
    "drop table x; --",
    "a.b",
    "it's",
    "raw.x",
    "order",
    "*",
    "two\nlines",
    "😀",
]
#: What each table has beside its key; the columns' names are as bad.
COLUMNS = '"größe" text, "sel""ect; --" int NOT NULL, "a.b" text, updated_at timestamp'
#: For each table: rows that go into quarantine, and the other kinds of expectations.
GATE = """
  - max_quarantine: 1
  - expect_column_values_to_be_between: {column: 'sel"ect; --', min_value: 2}
    on_fail: quarantine
  - implies: {if: '"größe" = ''g1''', then: '"Id No" = 1'}
  - expect_column_values_to_match_regex: {column: größe, regex: '^g'}
  - expect_column_values_to_be_in_set: {column: a.b, value_set: [x]}
  - unexpected_rows_expectation: {unexpected_rows_query: 'SELECT * FROM {batch} WHERE "Id No" > 100'}
  - references: {columns: [Id No], to: raw.a.b, to_columns: [Id No]}
  - row_count_change: {max_decrease: 0.9}
"""

Execute = Callable[..., None]


def make_tables(execute: Execute) -> None:
    for name in NAMES:
        execute(
            f'CREATE TABLE {ident(name)} ("Id No" int PRIMARY KEY, {COLUMNS})',
            f"INSERT INTO {ident(name)} VALUES (1, 'g1', 1, 'x', '2026-01-01 10:00:00'), "
            "(2, 'g2', 2, 'x', '2026-01-02 10:00:00'), (3, 'g3', 3, 'x', '2026-01-03 10:00:00')",
        )


def tell_the_whole_story(
    cli: Cli, folder: Path, database: str, execute: Execute, served: PostgresServer, *schema: str
) -> None:
    """Extraction, gates, quarantine, drift, reconcile, queries and serving, of every table."""
    here = ["-p", str(folder)]
    assert cli("init", str(folder), "--from", database, *schema).code == 0
    gates = folder / "gates" / "raw.yml"
    assert cli("run", *here).last_line.startswith(f"PUBLISHED  release 1 · {3 * len(NAMES)} expectations held")

    gates.write_text("".join(f"{written(name)}:{GATE}" for name in NAMES), encoding="utf-8")
    settings = folder / "headgate.yml"
    keys = ", ".join(f"{written(f'raw.{name}')}: {{primary_key: [Id No]}}" for name in NAMES)
    settings.write_text(
        settings.read_text(encoding="utf-8") + "serve:\n  wh:\n    type: postgres\n    url: ${WAREHOUSE}\n"
        f"    schema: {folder.name}\n    tables: {{{keys}}}\n",
        encoding="utf-8",
    )
    ran = cli("run", *here)
    assert ran.last_line.startswith(f"PUBLISHED  release 2 · {7 * len(NAMES)} expectations held · {len(NAMES)} rows"), (
        ran.out
    )
    with served.connect() as warehouse:
        for name in NAMES:
            relation = f"{folder.name}.{ident(name)}"
            assert warehouse.execute(f'SELECT "größe" FROM {relation} ORDER BY 1').fetchall() == [("g2",), ("g3",)]

    for name in NAMES:
        told = next(line for line in ran.out.splitlines() if line.startswith(shown(name)))
        assert shlex.split(told.partition("(")[2][:-1]) == ["headgate", "quarantine", "show", shown(name)[:-2]]
        assert len(cli("quarantine", "show", f"raw.{name}", *here, "--json").json["rows"]) == 1
        execute(
            f"""UPDATE {ident(name)} SET "größe" = 'gx' WHERE "Id No" = 2""",
            f"""UPDATE {ident(name)} SET "sel""ect; --" = 5 WHERE "Id No" = 1""",
            f'ALTER TABLE {ident(name)} ADD COLUMN "neue; Spalte" text',
        )
    drift = json.loads(cli("drift", *here, "--json").out)["drift"]
    assert [(each["table"], each["column"]) for each in drift] == [(name, "neue; Spalte") for name in sorted(NAMES)]
    assert cli("run", *here).code == 1
    assert cli("drift", "accept", *here).code == 0
    reconciled = cli("reconcile", *here)
    assert reconciled.last_line.startswith(f"PUBLISHED  release 3 · {7 * len(NAMES)} expectations held"), reconciled.out
    for name in NAMES:
        found = cli("query", *here, "--json", f'select "größe", "neue; Spalte" from raw.{ident(name)} order by "Id No"')
        assert found.json["rows"] == [["g1", None], ["gx", None], ["g3", None]]
        assert cli("gate", str(gates), f"{folder}::raw.{name}", "--table", name).code == 0
        assert cli("score", f"raw.{name}", *here).code == 0
    differences = cli("diff", "2", "3", *here, "--json").json["tables"]
    assert {table: found["changed"] for table, found in differences.items()} == {f"raw.{name}": 1 for name in NAMES}


def shown(name: str) -> str:
    """How the line about a table's quarantine begins; a line stays one."""
    return "raw." + name.replace("\n", "\\n") + ": "


@pytest.mark.slow
def test_tables_of_postgresql_can_be_called_anything(
    tmp_path: Path, cli: Cli, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def execute(*statements: str) -> None:
        postgres.execute("SET search_path = odd_names", *statements)

    postgres.execute("CREATE SCHEMA odd_names")
    monkeypatch.setenv("WAREHOUSE", postgres.url)
    monkeypatch.setenv("POSTGRES_URL", postgres.url)
    make_tables(execute)
    tell_the_whole_story(cli, tmp_path / "of_postgres", postgres.url, execute, postgres, "--schema", "odd_names")


@pytest.mark.slow
def test_tables_of_sqlite_can_be_called_anything(
    tmp_path: Path, cli: Cli, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "app.db"

    def execute(*statements: str) -> None:
        with contextlib.closing(sqlite3.connect(path)) as app, app:
            for statement in statements:
                app.execute(statement)

    monkeypatch.setenv("WAREHOUSE", postgres.url)
    make_tables(execute)
    tell_the_whole_story(cli, tmp_path / "of_sqlite", str(path), execute, postgres)
