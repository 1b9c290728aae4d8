"""A gate that looks back sees the release that is served, through real runs."""

from __future__ import annotations

import pytest

from small_shop import Shop

LOOKING_BACK = """
    sales:
      - schema_unchanged: {}
      - row_count_change: {max_increase: 0.5}
      - distribution_change: {column: amount, max_ks: 0.5}
"""


@pytest.mark.slow
def test_a_run_is_compared_with_the_served_release_and_the_first_with_none(shop: Shop) -> None:
    shop.write("gates/raw.yml", LOOKING_BACK)
    first = shop.run()
    assert (first.status, first.failures) == ("published", [])
    shop.write("data/sales_2.csv", "id,item,amount\n4,b,15\n")
    assert (shop.run().status, shop.run().status) == ("published", "nothing_new")
    rows = "".join(f"{i},a,{i}00\n" for i in range(5, 10))
    shop.write("data/sales_3.csv", "id,item,amount\n" + rows)
    blocked = shop.run()
    assert (blocked.status, blocked.serving) == ("blocked", 2)
    assert [each["expectation"] for each in blocked.failures] == ["row_count_change", "distribution_change"]
    shop.write("data/sales_3.csv", "id,item,amount\n5,a,25\n6,b,15\n")
    assert (shop.run().status, shop.run().serving) == ("published", 3)
