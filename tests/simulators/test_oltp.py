"""The simulated order system: its past is sound, and what is asked to happen happens, in a real PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest

from headgate.errors import UsageError
from headgate.project import load
from headgate.project.announced import announce, announced
from order_system import OrderSystem

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("oltp")]
SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "json" / "simulate.schema.json"
TABLES = {
    "address": 10,
    "counterparty": 7,
    "currency": 4,
    "department": 6,
    "design": 6,
    "payment": 12,
    "payment_type": 4,
    "purchase_order": 12,
    "sales_order": 12,
    "staff": 7,
    "transaction": 6,
}


def one(system: OrderSystem, sql: str) -> Any:
    return system.ask(sql)[0][0]


def test_there_are_eleven_tables_and_that_of_the_application(oltp: OrderSystem) -> None:
    found = oltp.ask(
        "select table_name, count(*) from information_schema.columns where table_schema = 'public' group by 1"
    )
    assert dict(found) == {**TABLES, "_prisma_migrations": 8}
    assert oltp.ask("select 1", warehouse=True) == [(1,)]


def test_the_past_keeps_every_rule_of_the_business(oltp: OrderSystem) -> None:
    wrong = """
        select count(*) from payment p join transaction t using (transaction_id)
        left join sales_order s using (sales_order_id) left join purchase_order o using (purchase_order_id)
        where p.payment_amount <> coalesce(units_sold * unit_price, item_quantity * item_unit_price)
           or p.payment_date <> coalesce(s.agreed_payment_date, o.agreed_payment_date)
           or p.paid <> (p.last_updated <> p.created_at) or num_nonnulls(sales_order_id, purchase_order_id) <> 1
           or units_sold not between 1000 and 100000 or unit_price not between 2 and 4
    """
    assert one(oltp, wrong) == 0
    assert one(oltp, "select count(*) from payment") > 5000
    assert one(oltp, "select max(last_updated) <= localtimestamp from payment")
    assert one(oltp, "select count(*) > 0 from simulator.backlog")


def test_changes_are_made_at_once_and_only_so_many(oltp: OrderSystem) -> None:
    before = one(oltp, "select clock from simulator.world")
    found = oltp.simulate("--once", "9")
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(found)
    assert (found["changes"], found["state"]) == (9, "idle")
    touched = " union all ".join(f"select last_updated from {table}" for table in TABLES)
    assert one(oltp, f"select count(distinct last_updated) from ({touched}) as t where last_updated > '{before}'") == 9


def test_a_project_finds_the_simulator_unless_it_is_told_otherwise(oltp: OrderSystem) -> None:
    (oltp.folder / "headgate.yml").write_text(
        "name: p\nsources: {s: {type: files, tables: {t: {path: a.csv, primary_key: [a]}}}}\n"
        "layers: [raw]\nvars: {where: '${TOTESYS_URL}'}\n"
    )
    assert load(oltp.folder, environ={}).vars["where"] == oltp.url
    assert load(oltp.folder, environ={"TOTESYS_URL": "mine"}).vars["where"] == "mine"


def test_what_no_simulator_wrote_is_told(tmp_path: Path) -> None:
    announce(tmp_path, "oltp", {"A": "b"})
    (tmp_path / ".headgate" / "simulator.json").write_text('{"variables": 5}')
    with pytest.raises(UsageError, match="not what a simulator writes"):
        announced(tmp_path)


def test_a_late_commit_is_older_than_what_was_seen_before_it(oltp: OrderSystem) -> None:
    newest = one(oltp, "select clock from simulator.world")
    orders = one(oltp, "select count(*) from transaction")
    oltp.simulate("--once", "0", "--with", "late-commits")
    assert one(oltp, "select count(*) from transaction") == orders + 1
    late = oltp.ask("select created_at from transaction order by transaction_id desc limit 1")[0][0]
    assert 299 < (newest - late).total_seconds() < 301


def test_a_silent_edit_moves_no_time(oltp: OrderSystem) -> None:
    sql = "select design_id, last_updated, file_name from design"
    before = {row[:2]: row[2] for row in oltp.ask(sql)}
    oltp.simulate("--once", "0", "--with", "silent-edits")
    after = {row[:2]: row[2] for row in oltp.ask(sql)}
    assert after.keys() == before.keys()
    assert sum(after[key] != before[key] for key in after) == 1


def test_what_else_was_asked_for_happens(oltp: OrderSystem) -> None:
    orders = one(oltp, "select count(*) from sales_order")
    names = ["deletes", "staff-moves", "address-edits", "department-renames", "new-column"]
    oltp.simulate("--once", "0", *(word for name in names for word in ("--with", name)))
    assert one(oltp, "select count(*) from sales_order") == orders - 1
    for table in ("staff", "address", "department"):
        assert one(oltp, f"select count(*) from {table} where last_updated > created_at") == 1, table
    assert one(oltp, "select count(*) from design where colour = 'natural'") == 1
    oltp.simulate("--once", "1", "--with", "restarts")
    assert one(oltp, "select pg_postmaster_start_time() > now() - interval '20 seconds'")


def test_what_cannot_be_asked_for_is_told(oltp: OrderSystem) -> None:
    error = oltp.simulate("--once", "1", "--with", "delets", code=2)["error"]
    assert (error["hint"], error["exit_code"]) == ("did you mean 'deletes'?", 2)
    assert "restarted" in oltp.simulate("--url", oltp.url, "--with", "restarts", code=2)["error"]["what"]
    assert "--speed" in oltp.simulate("--speed", "0x", code=2)["error"]["what"]
    assert "no URL of a database" in oltp.simulate("--url", "host=a b c", code=2)["error"]["what"]


def test_a_database_of_somebody_else_is_not_touched(oltp: OrderSystem) -> None:
    with psycopg.connect(oltp.warehouse, autocommit=True) as con:
        con.execute("create database somebody")
    theirs = oltp.warehouse.replace("/warehouse", "/somebody")
    with psycopg.connect(theirs, autocommit=True) as con:
        con.execute("create table staff (name text)")
    assert "table staff" in oltp.simulate("--url", theirs, "--once", "1", code=2)["error"]["what"]
    with psycopg.connect(theirs, autocommit=True) as con:
        con.execute("drop table staff")
    found = oltp.simulate("--url", theirs, "--once", "3")
    assert found["urls"]["WAREHOUSE_URL"] == theirs.replace("/somebody", "/somebody_warehouse")
    assert oltp.url != theirs  # a server that somebody named is not announced


def test_no_password_is_shown(oltp: OrderSystem) -> None:
    found = oltp.simulate("--url", "postgresql://me:hunter2@localhost:1/db", "--once", "1", code=3)
    assert "localhost, database db" in found["error"]["where"]
    assert "hunter2" not in json.dumps(found)


def test_traffic_goes_on_in_the_background_until_it_is_stopped(oltp: OrderSystem) -> None:
    before = one(oltp, "select count(*) from payment")
    assert oltp.simulate("--speed", "50000x")["state"] == "running"
    assert oltp.simulate("--speed", "100000x")["state"] == "running"  # instead of the slower one
    until = time.monotonic() + 30
    while one(oltp, "select count(*) from payment") < before + 5:
        assert time.monotonic() < until
        time.sleep(0.1)
    traffic = "select count(*) from pg_stat_activity where application_name like 'headgate simulator: traffic'"
    assert one(oltp, traffic) == 1
    assert oltp.simulate("--stop")["state"] == "stopped"
    assert announced(oltp.folder) == {}
    assert oltp.simulate("--stop")["state"] == "was not running"
    assert oltp.simulate("--once", "0")["tables"]["payment"] >= before + 5  # what was there is there again


def test_ctrl_c_in_the_foreground_ends_everything(folder: Path) -> None:
    command = [sys.executable, "-m", "headgate", "simulate", "oltp", "--foreground", "--speed", "1000000x"]
    process = subprocess.Popen(
        command, cwd=folder, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs ignore it
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "insert payment" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (0, False), err
    assert out.startswith("STOPPED  ")
    assert announced(folder) == {}
    assert OrderSystem(folder).simulate("--stop")["state"] == "was not running"
