"""Laws of the files source: however files arrive and are cut into runs, raw is what reading them says.

A file whose content did not change keeps the place in time at which that content was first seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop import Shop

pytestmark = pytest.mark.slow
LAW = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

Rows = dict[int, str]
contents = st.dictionaries(st.integers(0, 4), st.sampled_from(["a", "b", ""]), min_size=1, max_size=4)


@dataclass(frozen=True)
class File:
    """A file: its place in time, and its rows by key."""

    name: str
    hour: int
    rows: tuple[tuple[int, str], ...]

    def write(self, shop: Shop) -> None:
        shop.write(self.name, "id,v\n" + "".join(f"{key},{value}\n" for key, value in self.rows), hour=self.hour)


@st.composite
def file_sets(draw: st.DrawFn, least: int = 1) -> list[File]:
    names = draw(st.lists(st.sampled_from("abcde"), unique=True, min_size=least, max_size=4))
    return [File(f"{name}.csv", draw(st.integers(1, 3)), tuple(draw(contents).items())) for name in names]


def read_at_once(files: list[File]) -> list[tuple[int, str | None]]:
    """What reading all files in their order gives."""
    model: Rows = {}
    for file in sorted(files, key=lambda f: (f.hour, f.name)):
        model |= dict(file.rows)
    return sorted((key, value or None) for key, value in model.items())


@LAW
@given(files=file_sets(), data=st.data())
def test_the_order_of_arrival_and_the_cut_into_runs_do_not_matter(
    new_shop: Callable[[], Shop], files: list[File], data: st.DataObject
) -> None:
    shop = new_shop()
    read = appended = 0
    for file in data.draw(st.permutations(files)):
        file.write(shop)
        if data.draw(st.booleans()):
            counts = shop.load().counts
            read, appended = read + counts.read, appended + counts.appended
    shop.load()
    assert shop.raw() == read_at_once(files)
    again = shop.load({}).counts
    assert again.appended == again.deleted == 0
    assert shop.raw() == read_at_once(files)


@LAW
@given(files=file_sets(), later=st.lists(file_sets(), max_size=3))
def test_a_snapshot_is_the_union_of_the_files_that_are_there(
    new_shop: Callable[[], Shop], files: list[File], later: list[list[File]]
) -> None:
    shop = new_shop()
    kept: dict[str, File] = {}
    for number, moment in enumerate([files, *later]):
        for old in (shop.folder / "data").iterdir():
            old.unlink()
        before, kept = kept, {}
        for file in moment:
            now = replace(file, hour=file.hour + 10 * number)
            now.write(shop)
            known = before.get(file.name)
            kept[file.name] = known if known and known.rows == file.rows else now
        shop.load(snapshot=True)
        assert shop.raw() == read_at_once(list(kept.values()))
        assert {f["path"] for f in shop.load(snapshot=True).state["files"]} == {f"data/{name}" for name in kept}


@LAW
@given(weeks=st.lists(contents, min_size=1, max_size=4))
def test_a_file_that_is_corrected_again_and_again_keeps_every_version(
    new_shop: Callable[[], Shop], weeks: list[Rows]
) -> None:
    shop = new_shop()
    model: Rows = {}
    versions = 0
    for hour, rows in enumerate(weeks, 1):
        File("a.csv", hour, tuple(rows.items())).write(shop)
        novel = sum(model.get(key) != value for key, value in rows.items())
        changed = hour == 1 or list(rows.items()) != list(weeks[hour - 2].items())
        counts = shop.load().counts
        assert (counts.read, counts.appended) == (len(rows) if changed else 0, novel)
        model |= rows
        versions += novel
        assert shop.raw() == sorted((key, value or None) for key, value in model.items())
    assert len(shop.log()) == versions
