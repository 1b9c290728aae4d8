"""The totesys project from end to end: a real PostgreSQL with traffic, runs, and what analysts then find."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.lake.engine import EngineSettings
from headgate.lake.reading import query, reader
from headgate.lake.release import Releases
from headgate.project import load
from headgate.project.templates import copy_template, templates_folder
from headgate.run import Options, Verdict, perform
from headgate.run.comparing import to_compare
from headgate.run.workshop import open_store
from order_system import OrderSystem

FACTS = {"sales_order": "sales_record_id", "purchase_order": "purchase_record_id", "payment": "payment_record_id"}
ANALYSES = sorted(path.stem for path in (templates_folder() / "totesys" / "analyses").glob("*.sql"))

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("totesys")]


class Totesys:
    """The project, with the order system beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copy_template("totesys", folder)
        self.source = OrderSystem(folder)
        self.source.simulate("--once", "0")

    def run(self, **options: Any) -> Verdict:
        return perform(load(self.folder, environ=dict(os.environ)), Options(**options))

    def ask(self, sql: str, *, release: int | None = None) -> list[tuple[Any, ...]]:
        project = load(self.folder, environ=dict(os.environ))
        with reader(open_store(project), EngineSettings(), release=release, run=None) as con:
            return query(con, sql)[1]

    def published(self, **options: Any) -> int:
        """Run; returns the number of the release, which there must be."""
        verdict = self.run(**options)
        assert verdict.status == "published", (verdict.error, verdict.failures)
        assert verdict.release is not None
        return verdict.release


@pytest.fixture(scope="module")
def totes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Totesys]:
    """A project with a release; tests go on from wherever the one before ended."""
    totes = Totesys(tmp_path_factory.mktemp("totesys") / "totes")
    totes.published()
    yield totes
    totes.source.simulate("--stop", "--fresh")


def test_the_stars_have_the_columns_that_were_agreed(totes: Totesys) -> None:
    times = ["created_date", "created_time", "last_updated_date", "last_updated_time"]
    agreed = ["agreed_payment_date", "agreed_delivery_date", "agreed_delivery_location_id"]
    order = ["counterparty_id", "currency_id"]
    legal = ["address_line_1", "address_line_2", "district", "city", "postal_code", "country", "phone_number"]
    stars = {
        "fact_sales_order": ["sales_record_id", "sales_order_id", *times, "sales_staff_id", *order, "units_sold",
                             "unit_price", "design_id", *agreed],
        "fact_purchase_order": ["purchase_record_id", "purchase_order_id", *times, "staff_id", *order, "item_code",
                                "item_quantity", "item_unit_price", *agreed],
        "fact_payment": ["payment_record_id", "payment_id", *times, "transaction_id", *order, "payment_amount",
                         "payment_type_id", "paid", "payment_date"],
        "dim_date": ["date_id", "year", "month", "day", "day_of_week", "day_name", "month_name", "quarter"],
        "dim_staff": ["staff_id", "first_name", "last_name", "department_name", "location", "email_address"],
        "dim_location": ["location_id", *legal[:-1], "phone"],
        "dim_currency": ["currency_id", "currency_code", "currency_name"],
        "dim_design": ["design_id", "design_name", "file_location", "file_name"],
        "dim_counterparty": ["counterparty_id", "counterparty_legal_name", *(f"counterparty_legal_{c}" for c in legal)],
        "dim_transaction": ["transaction_id", "transaction_type", "sales_order_id", "purchase_order_id"],
        "dim_payment_type": ["payment_type_id", "payment_type_name"],
    }  # fmt: skip
    tables = Releases(open_store(load(totes.folder, environ=os.environ))).manifest(1).tables
    for name, columns in stars.items():
        assert sorted(c["name"] for c in tables[f"marts.{name}"]["columns"]) == sorted(columns), name
    types = {c["name"]: c["type"] for c in tables["marts.fact_sales_order"]["columns"]}
    assert (types["unit_price"], types["agreed_payment_date"], types["created_time"]) == (
        "DECIMAL(10,2)",
        "DATE",
        "TIME",
    )
    assert not any("ac_number" in c["name"] for t in tables.values() for c in t["columns"])


def test_the_first_release_has_what_the_source_has(totes: Totesys) -> None:
    for table, record in FACTS.items():
        (count,) = totes.source.ask(f"select count(*) from {table}")[0]
        assert totes.ask(f"select count(*), min({record}), max({record}) from marts.fact_{table}", release=1) == [
            (count, 1, count)
        ]
    assert totes.ask("select distinct currency_name from marts.dim_currency order by 1", release=1) == [
        ("British Pound",),
        ("Euro",),
        ("US Dollar",),
    ]


def test_traffic_arrives_as_new_records_and_old_ones_stay_as_they_are(totes: Totesys) -> None:
    before = {t: totes.ask(f"from marts.fact_{t} order by {FACTS[t]}") for t in FACTS}
    audit = "select payment_id, created_at, last_updated, paid from payment"
    seen = {*totes.source.ask(audit)}
    totes.source.simulate("--once", "40", "--with", "late-commits")
    seen |= {*totes.source.ask(audit)}
    release = totes.published()
    for table, rows in before.items():
        now = totes.ask(f"from marts.fact_{table} order by {FACTS[table]}")
        assert now[: len(rows)] == rows
        assert len(now) > len(rows)
    kept = totes.ask(
        "select payment_id, created_date + created_time, last_updated_date + last_updated_time, paid "
        "from marts.fact_payment"
    )
    assert sorted(kept) == sorted(seen)  # every version, once
    sources = Releases(open_store(load(totes.folder, environ=os.environ))).manifest(release).sources
    for name, entry in sources.items():
        rows = entry["rows"]
        assert rows["read"] == rows["appended"] + rows["unchanged"], name


def test_a_change_of_only_an_address_or_a_department_refreshes_who_refers_to_it(totes: Totesys) -> None:
    asked = "select max(department_name), count(*) from marts.dim_staff where department_name like 'Sales%'"
    before = totes.ask(asked)
    facts = totes.ask("select count(*) from marts.fact_sales_order")
    totes.source.simulate("--once", "0", "--with", "department-renames", "--with", "address-edits")
    totes.published()
    ((name, people),) = totes.ask(asked)
    assert name.startswith("Sales (since ")
    assert people == before[0][1]
    assert totes.ask("select count(*) from marts.dim_counterparty where counterparty_legal_address_line_1 "
                     "like '%New Canal Street'") != [(0,)]  # fmt: skip
    assert totes.ask("select count(*) from marts.fact_sales_order") == facts


def test_what_the_business_forbids_does_not_get_through(totes: Totesys) -> None:
    served = totes.ask("select count(*) from marts.fact_sales_order")
    ((order, price),) = totes.source.ask("select sales_order_id, unit_price from sales_order order by 1 desc limit 1")
    change = "update sales_order set unit_price = {}, last_updated = localtimestamp where sales_order_id = {}"
    totes.source.do(change.format(50, order))
    verdict = totes.run()
    assert verdict.status == "blocked"
    assert {f["table"] for f in verdict.failures} == {"sales_order", "payment"}
    assert totes.ask("select count(*) from marts.fact_sales_order") == served
    totes.source.do(change.format(price, order))
    totes.published()


def test_a_new_column_is_taken_in_and_the_stars_stay_as_they_are(totes: Totesys) -> None:
    totes.source.simulate("--once", "0", "--with", "new-column")
    totes.published()
    assert totes.ask("select count(*) from raw.design where colour = 'natural'") == [(1,)]
    assert len(totes.ask("describe marts.dim_design")) == 4


def test_the_questions_of_a_business_have_answers(totes: Totesys) -> None:
    command = [sys.executable, "-m", "dbt.cli.main", "compile", "--profiles-dir", ".headgate/dbt"]
    done = subprocess.run(command, cwd=totes.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for name in ANALYSES:
        (path,) = (totes.folder / "target").glob(f"compiled/totesys/analyses/{name}.sql")
        assert totes.ask(path.read_text()), name


def test_what_no_cursor_shows_is_found_by_comparing(totes: Totesys) -> None:
    """Deleted rows stay in the dimensions, get no further version, and are not current; a silent edit is a version."""
    versions = {t: totes.ask(f"from marts.fact_{t} order by {FACTS[t]}") for t in FACTS}
    transactions = totes.ask("select count(*) from marts.dim_transaction")
    totes.source.simulate("--once", "0", "--with", "deletes", "--with", "silent-edits")
    assert totes.run().status == "nothing_new"
    totes.source.do(
        "update department set last_updated = last_updated + interval '1 millisecond' "
        "where last_updated = (select max(last_updated) from department)"
    )
    told = [each for each in totes.run().failures if each["id"] == "as_many_rows_as_the_source"]
    assert [each["table"] for each in told if each["severity"] == "warn"] == ["sales_order", "transaction", "payment"]
    totes.published(compare=to_compare(load(totes.folder, environ=os.environ), None, ()))
    assert totes.ask("select count(*) from marts.dim_transaction") == transactions
    now = {t: totes.ask(f"from marts.fact_{t} order by {FACTS[t]}") for t in FACTS}
    assert len(now["sales_order"]) == len(versions["sales_order"]) + 1
    assert all(rows == now[table][: len(rows)] for table, rows in versions.items())
    for table in FACTS:
        count = totes.source.ask(f"select count(*) from {table}")
        assert totes.ask(f"select count(*) from marts.fact_{table}_current") == count


def test_the_warehouse_has_the_stars_with_keys_and_references(totes: Totesys) -> None:
    served = totes.source.ask("select tablename from pg_tables where schemaname = 'totesys'", warehouse=True)
    tables = {name for (name,) in served} - {"headgate_release"}
    assert len(tables) == 14
    for name in tables:
        rows = sorted(totes.ask(f"select columns(*)::varchar from marts.{name}"), key=repr)
        columns = ", ".join(f"{c}::text" for (c, *_) in totes.ask(f"describe marts.{name}"))
        found = totes.source.ask(f"select {columns} from totesys.{name}", warehouse=True)
        assert len(found) == len(rows), name
        if name.startswith("dim_"):
            assert sorted(found, key=repr) == rows, name
    keys = "select contype, count(*) from pg_constraint where connamespace = 'totesys'::regnamespace group by 1"
    counts = dict(totes.source.ask(keys, warehouse=True))
    assert (counts["p"], counts["f"]) == (14, 24)


def test_the_names_of_currencies_are_those_of_the_library() -> None:
    babel = pytest.importorskip("babel", reason="comes with dbt")
    with (templates_folder() / "totesys" / "seeds" / "currency_names.csv").open(encoding="utf-8", newline="") as file:
        names = {row["currency_code"]: row["currency_name"] for row in csv.DictReader(file)}
    assert names == dict(babel.Locale("en").currencies)
