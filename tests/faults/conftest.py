"""One server of processes and one bench of shops for all fault tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fault_shop import Bench, Rows, Shop


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Shops in three states: ``fresh`` (nothing run), ``first`` (release 1), ``second`` (new data, not yet run)."""
    bench = Bench(tmp_path_factory.mktemp("faults"))
    try:
        bench.shop.lay_out()
        bench.keep("fresh")
        assert bench.shop.run()["release"] == 1
        bench.keep("first")
        bench.shop.bring_new_data()
        bench.keep("second")
        yield bench
    finally:
        bench.server.close()


@pytest.fixture(scope="session")
def undisturbed(bench: Bench) -> tuple[Rows, Rows]:
    """What release 1 holds, and what release 2 must hold: the new data, brought by a run that nothing disturbed."""
    shop = bench.put_back("second")
    assert shop.run()["release"] == 2
    assert shop.headgate("prune", "--grace", "0s").code == 0
    assert shop.orphans() == set()
    one, two = shop.contents(1), shop.contents(2)
    assert {name: (one[name][0], two[name][0]) for name in two} == {
        "clean.sales_clean": (3000, 6000),
        "marts.by_item": (40, 40),
        "marts.dear": (one["marts.dear"][0], two["marts.dear"][0]),
        "marts.every_sale": (3000, 6000),
        "raw.items": (41, 41),
        "raw.sales": (3000, 6000),
        "raw_log.items": (41, 44),
        "raw_log.sales": (3000, 6100),
    }
    bench.keep("undisturbed")
    return one, two


@pytest.fixture
def first(bench: Bench) -> Shop:
    """A shop that serves release 1."""
    return bench.put_back("first")


@pytest.fixture
def second(bench: Bench) -> Shop:
    """A shop that serves release 1 and has new data to bring."""
    return bench.put_back("second")
