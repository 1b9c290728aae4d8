"""The process as a whole: its start, its surroundings, and what it does with what nobody foresaw."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command_line import HEADGATE, Cli, on_a_terminal, process
from headgate.cli.ending import run_to_the_end
from headgate.errors import CouldNotRunError
from headgate.transform.runner import Dbt
from small_shop import Shop

HEAVY = ("dbt", "sqlalchemy", "duckdb", "rich", "sqlglot", "pandas")
WATCH = """
import sys
from headgate.cli import execute
try:
    sys.exit(execute(sys.argv[1:]))
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def modules_of(*arguments: str, cwd: Path) -> set[str]:
    command = [sys.executable, "-c", WATCH, *arguments]
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)
    return set(ended.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["releases"], ["releases", "1"], ["--version"]])
def test_what_needs_no_engine_loads_none(published_once: Shop, arguments: list[str]) -> None:
    assert modules_of(*arguments, cwd=published_once.folder) & set(HEAVY) == set()


def test_a_query_loads_neither_dbt_nor_the_ledgers_library(published_once: Shop) -> None:
    assert modules_of("query", "select 1", cwd=published_once.folder) & {"dbt", "sqlalchemy", "pandas"} == set()


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "seconds"), [(["--help"], 0.3), (["releases"], 0.5)])
def test_it_starts_fast(published_once: Shop, arguments: list[str], seconds: float) -> None:
    """Processor time, and the best of five, without anybody who counts lines: the machine may have other work."""
    uncounted = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    script = f"import os, subprocess, sys; subprocess.run({[HEADGATE, *arguments]!r}, stdout=subprocess.DEVNULL);"
    script += "t = os.times(); print(t.children_user + t.children_system)"
    used = []
    for _ in range(5):
        ended = subprocess.run(
            [sys.executable, "-c", script],
            cwd=published_once.folder,
            env=uncounted,
            capture_output=True,
            text=True,
            check=True,
        )
        used.append(float(ended.stdout))
    assert min(used) <= seconds


def test_python_dash_m_is_the_same_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "headgate", "--version"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout == process("--version", cwd=tmp_path).stdout


# --- the unforeseen ------------------------------------------------------------------------------------


def spoil_the_workspace(shop: Shop) -> None:
    """A file where dbt's folder must be: nothing foresees that."""
    shutil.rmtree(shop.folder / ".headgate" / "dbt", ignore_errors=True)
    shop.write(".headgate/dbt", "not a folder")
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,5\n")


def test_an_unforeseen_failure_of_a_run_names_the_cause_the_run_and_the_trace(published: Shop, cli: Cli) -> None:
    spoil_the_workspace(published)
    ended = cli("run", "--json", "-p", str(published.folder))
    found = ended.json
    assert (ended.code, found["status"], found["serving"]) == (3, "failed", 1)
    cause, where = found["error"].splitlines()
    assert cause.startswith("unexpected NotADirectoryError: ")
    assert where == f"  → the traceback is in .headgate/logs/{found['run']}.log"
    assert "Traceback" in (published.folder / ".headgate" / "logs" / f"{found['run']}.log").read_text()
    assert "Traceback" not in ended.out + ended.err


def test_an_unforeseen_failure_elsewhere_ends_with_3_a_line_and_a_trace_in_the_projects_logs(
    published: Shop, cli: Cli
) -> None:
    spoil_the_workspace(published)
    ended = cli("plan", "-p", str(published.folder))
    assert (ended.code, ended.out) == (3, "")
    cause, where = ended.err.splitlines()
    assert cause.startswith("error  unexpected NotADirectoryError: ")
    (log,) = (published.folder / ".headgate" / "logs").glob("headgate-*-plan.log")
    assert where == f"  → the traceback is in {log}; please report it"
    assert "Traceback" in log.read_text()


def test_without_a_project_the_trace_lies_with_the_temporary_files(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("runs", "-p", str(tmp_path))  # no project here
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def broken(**_: object) -> None:
        raise LookupError("first line\nsecond line")

    assert run_to_the_end(broken, ["runs"]) == 3
    (log,) = tmp_path.glob("headgate-*-runs.log")
    assert "LookupError: first line" in log.read_text()


def test_secrets_are_masked_in_errors_and_traces(
    published: Shop, cli: Cli, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    text = (published.folder / "headgate.yml").read_text()
    published.write("headgate.yml", text + 'ledger: "postgresql://me:${PASSWORD}@localhost:1/db"\n')
    monkeypatch.setenv("PASSWORD", "hunter2hunter2")
    cli("releases", "-p", str(published.folder))

    def broken(**_: object) -> None:
        raise CouldNotRunError("cannot reach postgresql://me:hunter2hunter2@localhost:1/db")

    assert run_to_the_end(broken, ["runs", "--json"]) == 3
    shown = capfd.readouterr()
    assert "hunter2hunter2" not in shown.out + shown.err
    assert "***" in json.loads(shown.out)["error"]["what"]

    def surprised(**_: object) -> None:
        raise LookupError("hunter2hunter2")

    assert run_to_the_end(surprised, ["runs"]) == 3
    for log in (published.folder / ".headgate" / "logs").glob("*.log"):
        assert "hunter2hunter2" not in log.read_text()


# --- init ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_init_writes_a_project_and_says_what_is_next(tmp_path: Path, cli: Cli) -> None:
    folder = tmp_path / "my project"
    shown = cli("init", str(folder), "--no-data")
    assert shown.code == 0
    assert (folder / "headgate.yml").is_file()
    assert not (folder / "data").exists()
    assert f"cd '{folder}'" in shown.out
    assert "python generate.py" in shown.out


@pytest.mark.slow
def test_dbt_has_read_a_new_project_before_its_first_run(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "new"
    assert cli("init", str(folder)).code == 0
    config = folder / "headgate.yml"
    config.write_text(config.read_text().partition("after:")[0])  # no model is trained
    asked: list[str] = []
    monkeypatch.setattr(Dbt, "_invoke", lambda _, arguments, *__: asked.append(arguments[0]))
    assert cli("run", "--project", str(folder)).code == 0
    assert asked == []


def test_init_says_that_models_cannot_be_tried(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from headgate.project import templates

    template = shutil.copytree(templates.templates_folder() / "rossmann", tmp_path / "templates" / "broken")
    (template / "models" / "processed" / "train_clean.sql").write_text("select {% if %}")
    monkeypatch.setattr(templates, "templates_folder", lambda: tmp_path / "templates")
    shown = cli("init", str(tmp_path / "new"), "--template", "broken", "--no-data")
    assert shown.code == 0
    assert "the models could not be tried" in shown.err
    assert "models/processed/train_clean.sql" in shown.err


def test_init_refuses_a_folder_with_something_in_it_and_an_unknown_template(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    full = cli("init", str(tmp_path / "full"))
    assert (full.code, "is not empty" in full.err) == (2, True)
    unknown = cli("init", str(tmp_path / "new"), "--template", "rosman")
    assert (unknown.code, "did you mean 'rossmann'?" in unknown.err) == (2, True)
    assert not (tmp_path / "new").exists()


def test_init_tells_when_the_generator_fails(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from headgate.project import templates

    template = tmp_path / "templates" / "small"
    template.mkdir(parents=True)
    (template / "headgate.yml").write_text("name: small\n")
    (template / "generate.py").write_text("import sys\nprint('no disk')\nsys.exit(4)\n")
    monkeypatch.setattr(templates, "templates_folder", lambda: tmp_path / "templates")
    ended = cli("init", str(tmp_path / "new"), "--template", "small", "--json")
    assert ended.code == 3
    assert ended.json["error"]["what"].startswith("no example data: generate.py ended with exit code 4")
    assert "no disk" in ended.err
    assert (tmp_path / "new" / "headgate.yml").is_file()


def a_database(folder: Path) -> Path:
    path = folder / "app.db"
    with contextlib.closing(sqlite3.connect(path)) as app, app:
        app.execute("CREATE TABLE orders (id integer PRIMARY KEY, what text NOT NULL, updated_at datetime)")
        app.execute("CREATE TABLE notes (what text)")
        app.execute("INSERT INTO orders VALUES (1, 'a', '2026-01-01 10:00:00')")
    return path


@pytest.mark.slow
def test_init_from_a_database_writes_a_project_that_runs(tmp_path: Path, cli: Cli) -> None:
    folder = tmp_path / "orders"
    shown = cli("init", str(folder), "--from", str(a_database(tmp_path)))
    assert shown.code == 0, shown.err
    assert "none: left out" in shown.out
    assert (folder / "headgate.yml").read_text() == (
        "name: orders\nsources:\n  app:\n    type: sqlite\n    path: ../app.db\n"
        "    exclude: [notes]  # no key: name one under tables (primary_key), and take it out of here\n"
        "    cursor: updated_at  # of each table that has it; what it cannot show, reconcile finds\n"
        "    reconcile: {every: 24h}\nlayers: [raw]\n"
    )
    assert cli("run", "-p", str(folder)).last_line.startswith("PUBLISHED  release 1 · 3 expectations held · 1 row ·")
    checked = cli("check", "-p", str(folder))
    assert (checked.code, "source app: orders (key id; cursor updated_at)" in checked.out) == (0, True)
    assert cli("run", "-p", str(folder)).last_line.startswith("NOTHING NEW")


@pytest.mark.slow
def test_init_from_a_database_takes_unique_columns_for_the_key_of_a_table_without_one(tmp_path: Path, cli: Cli) -> None:
    path, folder = tmp_path / "shop.db", tmp_path / "shop"
    with contextlib.closing(sqlite3.connect(path)) as shop, shop:
        for statement in (
            "CREATE TABLE rates (code text, day date NOT NULL, of text NOT NULL, changed_on datetime, UNIQUE(of, day))",
            "CREATE TABLE codes (code text NOT NULL UNIQUE)",
            "CREATE TABLE used (code text REFERENCES codes (code), id integer PRIMARY KEY)",
            "INSERT INTO rates VALUES ('x', '2026-01-01', 'GB', '2026-01-01 10:00:00')",
            "INSERT INTO codes VALUES ('x')",
            "INSERT INTO used VALUES ('x', 1)",
        ):
            shop.execute(statement)
    shown = cli("init", str(folder), "--from", str(path))
    assert (shown.code, "of, day (unique, never null)" in shown.out) == (0, True)
    assert (folder / "headgate.yml").read_text().splitlines()[5:] == [
        "    cursor: changed_on  # of each table that has it; what it cannot show, reconcile finds",
        "    reconcile: {every: 24h}",
        "    tables:",
        "      codes: {primary_key: [code]}  # there is no primary key; this is unique, and never null",
        "      rates: {primary_key: [of, day]}  # there is no primary key; this is unique, and never null",
        "layers: [raw]",
    ]
    gates = (folder / "gates" / "raw.yml").read_text()
    assert "- expect_compound_columns_to_be_unique: {column_list: [of, day]}" in gates
    assert "- references: {columns: [code], to: codes, to_columns: [code]}" in gates
    assert cli("run", "-p", str(folder)).last_line.startswith("PUBLISHED  release 1 · 8 expectations held")


@pytest.mark.slow
def test_init_from_a_database_proposes_its_references_as_gates(tmp_path: Path, cli: Cli) -> None:
    """Of tables that are read only; and a warning where a delete would be seen on one side only."""
    path, folder = tmp_path / "shop.db", tmp_path / "shop"
    with contextlib.closing(sqlite3.connect(path)) as shop, shop:
        for statement in (
            "CREATE TABLE notes (what text UNIQUE)",
            "CREATE TABLE shops (country text, number integer, PRIMARY KEY (country, number))",
            "CREATE TABLE items (id integer PRIMARY KEY, code text UNIQUE, updated_at datetime)",
            (
                "CREATE TABLE sales (id integer PRIMARY KEY, country text, shop integer, "
                "item integer REFERENCES items, note text REFERENCES notes (what), "
                "code integer REFERENCES items (code), updated_at datetime, "
                "FOREIGN KEY (country, shop) REFERENCES shops)"
            ),
            "INSERT INTO shops VALUES ('GB', 1)",
            "INSERT INTO items VALUES (7, 'x', '2026-01-01 10:00:00')",
            "INSERT INTO sales VALUES (1, 'GB', 1, 7, NULL, NULL, '2026-01-01 10:00:00')",
        ):
            shop.execute(statement)
    assert cli("init", str(folder), "--from", str(path)).code == 0
    gates = (folder / "gates" / "raw.yml").read_text()
    assert [line.strip() for line in gates.splitlines() if "references" in line or "severity" in line] == [
        "- references: {columns: [item], to: items, to_columns: [id]}",
        "- references: {columns: [country, shop], to: shops, to_columns: [country, number]}",
        "severity: warn  # deletes are seen in shops at once, and here by reconcile only",
    ]
    assert cli("check", "-p", str(folder)).code == 0
    assert cli("run", "-p", str(folder)).last_line.startswith("PUBLISHED")
    with contextlib.closing(sqlite3.connect(path)) as shop, shop:
        shop.execute("INSERT INTO sales VALUES (2, 'GB', 1, 8, NULL, NULL, '2026-01-01 11:00:00')")
    blocked = cli("run", "-p", str(folder))
    assert (blocked.code, "BLOCKED  gate raw: 1 of" in blocked.last_line) == (1, True)
    with contextlib.closing(sqlite3.connect(path)) as shop, shop:  # it comes, but behind what was seen already
        shop.execute("INSERT INTO items VALUES (8, 'y', '2025-01-01 10:00:00')")
    assert "headgate reconcile reads what is missing" in cli("run", "-p", str(folder)).out
    assert "headgate reconcile reads what is missing" in cli("why", "-p", str(folder)).out
    assert cli("reconcile", "-p", str(folder)).last_line.startswith("PUBLISHED  release 2")


@pytest.mark.slow
def test_a_table_that_two_databases_have_is_refused_by_both_names(tmp_path: Path, cli: Cli) -> None:
    """Which tables a database has is known only when it is looked at; two schemas of one are two sources, too."""
    folder, path = tmp_path / "orders", a_database(tmp_path)
    cli("init", str(folder), "--from", str(path))
    shutil.copy(path, tmp_path / "shop.db")
    settings = folder / "headgate.yml"
    both = settings.read_text().replace(
        "layers:", "  shop: {type: sqlite, path: ../shop.db, exclude: [notes]}\nlayers:"
    )
    settings.write_text(both)
    refused = cli("run", "-p", str(folder))
    assert (refused.code, "raw.orders would have two sources, app.orders and shop.orders" in refused.out) == (2, True)
    assert "leave it out of one of them (exclude)" in refused.out
    settings.write_text(both.replace("exclude: [notes]}", 'exclude: ["*s"], include: [extra]}'))
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as shop, shop:
        shop.execute("CREATE TABLE extra (id integer PRIMARY KEY)")
    assert cli("run", "-p", str(folder)).last_line.startswith("PUBLISHED  release 1")


@pytest.mark.slow
def test_reconcile_finds_what_the_cursor_does_not_show(tmp_path: Path, cli: Cli) -> None:
    folder, path = tmp_path / "orders", a_database(tmp_path)
    cli("init", str(folder), "--from", str(path))
    cli("run", "-p", str(folder))
    with contextlib.closing(sqlite3.connect(path)) as app, app:
        app.execute("INSERT INTO orders VALUES (2, 'b', '2025-01-01 10:00:00')")
    assert cli("run", "-p", str(folder)).last_line.startswith("NOTHING NEW")
    shown = cli("reconcile", "-p", str(folder))
    assert "app.orders: compared with the source, 2 rows read: 1 came too late for the overlap" in shown.out
    assert shown.last_line.startswith("PUBLISHED  release 2")
    assert cli("reconcile", "-p", str(folder)).last_line.startswith("NOTHING NEW")
    settings = folder / "headgate.yml"
    settings.write_text(settings.read_text().replace("    cursor: updated_at", "    cursor: null"))
    cli("run", "-p", str(folder))
    shown = cli("reconcile", "-p", str(folder), "--table", "orders")
    assert "app.orders: it has no cursor, so every run compares it with the source" in shown.out
    assert shown.last_line.startswith("NOTHING NEW")
    wrong = cli("reconcile", "-p", str(folder), "--source", "ap")
    assert (wrong.code, "did you mean 'app'?" in wrong.err) == (2, True)


@pytest.mark.slow
def test_a_due_comparison_that_found_nothing_is_not_due_again(tmp_path: Path, cli: Cli) -> None:
    folder = tmp_path / "orders"
    cli("init", str(folder), "--from", str(a_database(tmp_path)))
    settings = folder / "headgate.yml"
    settings.write_text(settings.read_text().replace("{every: 24h}", "{every: 0s}"))
    cli("run", "-p", str(folder))
    assert "nothing was missed" in cli("run", "-p", str(folder)).out
    settings.write_text(settings.read_text().replace("{every: 0s}", "{every: 1h}"))
    cli("run", "-p", str(folder))
    assert "skip   extract:app" in cli("plan", "-p", str(folder)).out


@pytest.mark.slow
def test_drift_is_shown_stops_a_run_and_can_be_accepted(tmp_path: Path, cli: Cli) -> None:
    folder, path = tmp_path / "orders", a_database(tmp_path)
    cli("init", str(folder), "--from", str(path))
    cli("run", "-p", str(folder))
    assert cli("drift", "-p", str(folder)).last_line.startswith("NO DRIFT")
    with contextlib.closing(sqlite3.connect(path)) as app, app:
        app.execute("ALTER TABLE orders ADD COLUMN town text")
    blocked = cli("run", "-p", str(folder))
    assert (blocked.code, blocked.last_line.startswith("BLOCKED")) == (1, True)
    shown = cli("drift", "-p", str(folder))
    assert (shown.code, "app.orders: town is new (VARCHAR)  (block)" in shown.out) == (1, True)
    assert cli("drift", "accept", "-p", str(folder)).last_line.startswith(
        "ACCEPTED  1 difference taken into schema.lock"
    )
    assert cli("run", "-p", str(folder)).code == 0
    assert cli("drift", "-p", str(folder)).code == 0
    assert cli("drift", "reject", "-p", str(folder)).code == 2
    with contextlib.closing(sqlite3.connect(path)) as app, app:
        app.execute("ALTER TABLE orders RENAME COLUMN town TO city")
    shown = cli("drift", "-p", str(folder))
    assert "app.orders: town is gone and city is new, both VARCHAR: perhaps renamed  (block)" in shown.out
    found = json.loads(cli("drift", "-p", str(folder), "--json").out)["drift"]
    assert [(each["kind"], each["column"], each["renamed_from"]) for each in found] == [
        ("renamed_column", "city", "town")
    ]
    settings = folder / "headgate.yml"
    settings.write_text(
        settings.read_text().replace("    type: sqlite\n", "    type: sqlite\n    on_renamed_column: evolve\n")
    )
    apart = cli("drift", "-p", str(folder)).out
    assert ("app.orders: town (VARCHAR) is gone  (block)" in apart, "app.orders: city is new" in apart) == (True, True)


@pytest.mark.slow
def test_tables_that_are_gone_or_not_in_the_lock_are_drift(tmp_path: Path, cli: Cli) -> None:
    folder, path = tmp_path / "orders", a_database(tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as app, app:
        app.execute("CREATE TABLE towns (id INTEGER PRIMARY KEY)")
    cli("init", str(folder), "--from", str(path))
    assert cli("run", "-p", str(folder)).code == 0
    (folder / "schema.lock").unlink()
    unlocked = cli("drift", "-p", str(folder))
    assert (unlocked.code, "app.towns: the table is not in schema.lock" in unlocked.out) == (0, True)
    assert cli("drift", "accept", "-p", str(folder)).last_line.startswith("ACCEPTED  2 differences")
    assert cli("drift", "-p", str(folder)).last_line.startswith("NO DRIFT")
    with contextlib.closing(sqlite3.connect(path)) as app, app:
        app.execute("DROP TABLE towns")
        app.execute("CREATE TABLE places (id INTEGER PRIMARY KEY)")
    assert cli("run", "-p", str(folder)).code == 1
    shown = cli("drift", "-p", str(folder))
    assert (shown.code, "app.places: the table is not in schema.lock" in shown.out) == (1, True)
    assert "app.towns: the table was read before and is gone" in shown.out
    found = json.loads(cli("drift", "accept", "-p", str(folder), "--json").out)
    assert [(each["table"], each["kind"], each["column"]) for each in found["drift"]] == [
        ("places", "new_table", None),
        ("towns", "dropped_table", None),
    ]
    assert not found["accepted"]
    assert cli("drift", "accept", "-p", str(folder)).code == 1  # only exclude takes it
    settings = folder / "headgate.yml"
    settings.write_text(settings.read_text().replace("exclude: [", "exclude: [towns, ", 1))
    assert cli("drift", "-p", str(folder)).last_line.startswith("NO DRIFT")
    (folder / "schema.lock").write_text("tables: [")
    broken = cli("drift", "-p", str(folder))
    assert (broken.code, "restore it from version control" in broken.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--from", "mongodb://h/d"], "is no database that can be read"),
        (["--from", "nowhere.db"], "cannot be read"),
        (["--from", "app.db", "--template", "rossmann"], "choose one"),
        (["--schema", "x"], "--schema belongs to --from"),
    ],
)
def test_init_refuses_what_is_no_database(tmp_path: Path, cli: Cli, arguments: list[str], what: str) -> None:
    ended = cli("init", str(tmp_path / "new"), *arguments)
    assert (ended.code, what in ended.err) == (2, True), ended.err
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_init_asks_on_a_terminal(tmp_path: Path) -> None:
    started = time.monotonic()
    seen = on_a_terminal("init", "new", cwd=tmp_path, typed="n\n")
    assert seen.code == 0
    assert "Generate example data now? [Y/n]" in seen.text
    assert not (tmp_path / "new" / "data").exists()
    assert time.monotonic() - started < 60


@pytest.mark.slow
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://pw:S3cr#tPass%zz@127.0.0.1:1/odd",
        "postgresql://pw:S3cr/tPass@127.0.0.1:1/odd",
        "postgresql:///odd?host=/tmp/none&password=S3cr%tPass",
        "postgresql://pw:S3cr%23tPass%25zz@127.0.0.1:1/odd",
    ],
)
def test_a_password_is_in_no_output_log_or_ledger(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("ODD_URL", url)
    monkeypatch.setenv("HEADGATE_SIMULATE_URL", url)
    folder = tmp_path / "odd"
    (folder / "gates").mkdir(parents=True)
    (folder / "gates" / "raw.yml").write_text("{}\n")
    (folder / "suite.json").write_text('{"name": "s", "expectations": []}')
    (folder / "headgate.yml").write_text(
        'name: odd\nsources: {odd: {type: postgres, url: "${ODD_URL}", retry: 0s}}\nlayers: [raw]\n'
    )
    here = ["-p", str(folder)]
    for arguments in (
        ["run", *here],
        ["run", "--json", *here],
        ["why", *here],
        ["drift", *here],
        ["init", str(tmp_path / "new"), "--from", url],
        ["simulate", "oltp", "--once", "1", *here],
        ["gate", str(folder / "suite.json"), f"{url}::public.t"],
        ["gate", str(folder / "suite.json"), f"{url}::public.t", "--encoding", "latin-1"],
    ):
        ended = cli(*arguments)
        assert ended.code in (2, 3) or arguments[0] == "why", arguments
        assert "Traceback" not in ended.err
        for piece in ("S3cr", "tPas", "Pass", "25zz", "%zz"):
            assert piece not in ended.out + ended.err, arguments
    for path in folder.rglob("*"):
        if path.is_file():
            assert b"tPas" not in path.read_bytes(), path
