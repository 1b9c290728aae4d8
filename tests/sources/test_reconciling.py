"""Comparing whole tables with raw: what cursors do not show is found, and little is read for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from headgate.errors import UsageError
from headgate.sources import Extracted
from headgate.sources.databases.blocks import Division
from origin import ORDERS, Origin

CURSOR: dict[str, Any] = {"cursor": "last_updated"}
ALL = ("*",)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are used for tables of any size."""
    monkeypatch.setattr("headgate.sources.databases.loading.FEWEST_ROWS", 1)


def reconciled(origin: Origin, table: str = "orders", **settings: Any) -> Extracted:
    return origin.load(compare=ALL, **{**CURSOR, **settings})[table]


def filled(origin: Origin, rows: int = 1000) -> None:
    origin.execute(
        ORDERS,
        f"INSERT INTO orders SELECT i, 'w' || i, timestamp '2026-01-01' + i * interval '1 minute' "
        f"FROM generate_series(1, {rows}) i",
    )
    origin.load(**CURSOR)


def test_silent_edits_late_commits_and_deletes_are_found_and_told(origin: Origin) -> None:
    filled(origin)
    origin.execute(
        "UPDATE orders SET what = 'silent' WHERE id IN (5, 6)",
        "DELETE FROM orders WHERE id = 7",
        "INSERT INTO orders VALUES (5000, 'late', '2026-01-01')",
        "UPDATE orders SET what = 'seen anyway', last_updated = '2026-02-01' WHERE id = 8",
    )
    found = reconciled(origin)
    (note,) = found.notes
    assert note == (
        "compared with the source, 1,000 rows read: 2 changed without moving last_updated, "
        "1 came too late for the overlap, 1 deleted"
    )
    assert (found.counts.appended, found.counts.deleted) == (4, 1)
    assert origin.raw("orders", "count(*), count(*) FILTER (what = 'silent')") == [(1000, 2)]
    assert origin.log("orders", "id")[-1] == (5000,)
    assert reconciled(origin).notes == ("compared with the source, 1,000 rows read: nothing was missed",)


@pytest.mark.usefixtures("small_blocks")
def test_only_blocks_that_differ_are_read(origin: Origin) -> None:
    filled(origin, 5000)
    assert reconciled(origin).counts.read == 5000
    assert reconciled(origin).counts.read == 0
    origin.execute("UPDATE orders SET what = 'silent' WHERE id IN (5, 4000)", "DELETE FROM orders WHERE id = 7")
    found = reconciled(origin)
    assert (found.counts.appended, found.counts.deleted) == (2, 1)
    assert found.counts.read < 50
    assert origin.raw("orders", "count(*)") == [(4999,)]


@pytest.mark.usefixtures("small_blocks")
def test_a_row_that_goes_there_and_back_between_two_comparisons_is_found(origin: Origin) -> None:
    """The digest is that of the last comparison, and raw is not what it was then."""
    filled(origin, 2000)
    reconciled(origin)
    origin.execute("UPDATE orders SET what = 'there', last_updated = '2026-01-03' WHERE id = 5")
    origin.load(**CURSOR)
    origin.execute(
        "UPDATE orders SET what = 'w5', last_updated = timestamp '2026-01-01' + 5 * interval '1 minute' WHERE id = 5"
    )
    assert reconciled(origin).counts.appended == 1
    assert origin.raw("orders", "count(*) FILTER (what = 'there')") == [(0,)]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("key", "expression"),
    [
        ("id bigint", "(CAST(i AS bigint) - 500) * 1000000007"),
        ("id smallint", "i - 500"),
        ("id text", "'Schlüssel ☃ ' || i"),
        ("id uuid", "md5(CAST(i AS text))::uuid"),
    ],
)
def test_blocks_are_the_same_in_the_source_and_in_the_lake(origin: Origin, key: str, expression: str) -> None:
    origin.execute(
        f"CREATE TABLE orders ({key} PRIMARY KEY, what text, last_updated timestamp)",
        f"INSERT INTO orders SELECT {expression}, 'w', timestamp '2026-01-01' FROM generate_series(1, 1000) i",
    )
    origin.load(**CURSOR)
    reconciled(origin)
    known = origin.known["orders"]["blocks"]
    chosen = SimpleNamespace(primary_key=("id",))
    in_lake = origin.raw("orders", f"DISTINCT {Division(known['size']).in_lake(chosen)}")  # type: ignore[arg-type]
    assert {block for (block,) in in_lake} == set(known["digests"])
    kind = key.split()[1]
    origin.execute(f"DELETE FROM orders WHERE id = CAST((SELECT max(CAST(id AS text)) FROM orders) AS {kind})")
    found = reconciled(origin)
    assert (found.counts.deleted, found.counts.appended) == (1, 0)
    assert found.counts.read < 40


@pytest.mark.usefixtures("small_blocks")
def test_a_key_whose_text_may_differ_is_compared_whole(origin: Origin) -> None:
    origin.execute(
        "CREATE TABLE orders (id numeric(10,2) PRIMARY KEY, last_updated timestamp)",
        "INSERT INTO orders SELECT i, timestamp '2026-01-01' FROM generate_series(1, 100) i",
    )
    origin.load(**CURSOR)
    for _ in range(2):
        assert reconciled(origin).counts.read == 100
    assert "blocks" not in origin.known["orders"]


@pytest.mark.usefixtures("small_blocks")
def test_a_table_that_was_emptied_is_found_empty(origin: Origin) -> None:
    filled(origin)
    reconciled(origin)
    origin.execute("TRUNCATE orders")
    assert reconciled(origin).counts.deleted == 1000
    assert origin.raw("orders") == []


def test_a_comparison_is_due_when_the_last_one_is_old(origin: Origin) -> None:
    filled(origin)
    settings: dict[str, Any] = {**CURSOR, "reconcile": {"every": "24h"}}
    assert not origin.changes(**settings)["orders"].changed
    old = (datetime.now(UTC) - timedelta(hours=25)).isoformat()
    origin.known["orders"] = {**origin.known["orders"], "reconciled_at": old}
    assert str(origin.changes(**settings)["orders"].why).startswith("it was last compared with raw at")
    assert origin.load(**settings)["orders"].notes
    assert not origin.changes(**settings)["orders"].changed


def test_a_table_that_is_not_there_cannot_be_compared(origin: Origin) -> None:
    filled(origin)
    with pytest.raises(UsageError, match="has no table ordres") as caught:
        origin.load(compare=("ordres",))
    assert caught.value.hint == "did you mean 'orders'?"
