"""Pasts, made up or dumped, without a server."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import UsageError
from oltp import dump, synthetic
from oltp.past import divide
from oltp.world import TABLES, Change

END = datetime(2026, 11, 21, 12, 0, 0)


def test_the_same_seed_makes_the_same_past() -> None:
    assert synthetic.past(1, days=20) == synthetic.past(1, days=20)
    assert synthetic.past(1, days=20) != synthetic.past(2, days=20)


@pytest.mark.parametrize("replay", [timedelta(0), timedelta(days=3), timedelta(days=9999)])
def test_what_is_loaded_and_what_is_still_to_happen_are_the_whole_past(replay: timedelta) -> None:
    changes = synthetic.past(1, days=30)
    beginning = divide(changes, end=END, replay=replay)
    whole = divide(changes, end=END, replay=timedelta(milliseconds=-1))
    rows = {table: {row[f"{table}_id"]: row for row in rows} for table, rows in beginning.rows.items()}
    for change in beginning.backlog:
        for step in change.steps:
            times: dict[str, Any] = {"last_updated": change.at}
            times |= {"created_at": change.at} if step.op == "insert" else {}
            rows[step.table].setdefault(step.row[step.key], {}).update(step.row | times)
    assert {table: list(found.values()) for table, found in rows.items()} == whole.rows
    assert max(row["last_updated"] for row in whole.rows["payment"]) <= END


def test_days_move_with_the_times() -> None:
    changes = synthetic.past(1, days=30)
    order = divide(changes, end=END, replay=timedelta(milliseconds=-1)).rows["sales_order"][0]
    agreed = datetime.fromisoformat(order["agreed_payment_date"])
    assert timedelta(days=-1) < agreed - order["created_at"] < timedelta(days=7)


@pytest.mark.slow
def test_the_real_dump_is_told_as_what_happened(real_data: Path) -> None:
    changes = dump.past(real_data / "totesys")
    paid = [c for c in changes if c.steps[0].op == "update"]
    orders = [c for c in changes if any(step.table == "transaction" for step in c.steps)]
    assert len(paid) == 8481
    assert sum(len([s for s in c.steps if s.table == "transaction"]) for c in orders) == 13959
    assert changes == sorted(changes, key=lambda change: change.at)
    rows = divide(changes, end=END, replay=timedelta(milliseconds=-1)).rows
    assert {table: len(found) for table, found in rows.items()}["payment"] == 13959
    assert rows.keys() == TABLES.keys()


def test_a_broken_dump_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"department\.csv: the dump cannot be read"):
        dump.past(tmp_path)
    (tmp_path / "department.csv").write_text("department_id,department_name\n1,Sales\n")
    with pytest.raises(UsageError, match=r"department\.csv:2: this is no row of department: 'location'"):
        dump.past(tmp_path)


def test_a_change_is_one_transaction_of_the_application() -> None:
    order = next(c for c in synthetic.past(1, days=5) if c.steps[0].table == "sales_order")
    assert [step.table for step in order.steps] == ["sales_order", "transaction", "payment"]
    assert isinstance(order, Change)
