"""Which columns hold personal data: their values are shown in no report, log, ledger or error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pii:
    """What is tagged ``pii`` in one layer.

    ``tables`` says of a table's columns that they are, or expressly are not; ``everywhere`` are names that were tagged
    in a layer before, which hold wherever a column of that name is not expressly none. Case does not matter.

    >>> pii = Pii({"users": {"email": True, "Name": False}}, frozenset({"name"}))
    >>> sorted(pii.of("users", ["id", "EMAIL", "name"])), sorted(pii.of("orders", ["id", "Name"]))
    (['EMAIL'], ['Name'])
    """

    tables: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    everywhere: frozenset[str] = frozenset()

    def of(self, table: str, columns: Iterable[str]) -> frozenset[str]:
        """Those of a table's columns whose values are not shown."""
        said = {name.casefold(): tagged for name, tagged in self._said(table).items()}
        inherited = {name.casefold() for name in self.everywhere}
        if not said and not inherited:  # asked for each of thousands of expectations
            return frozenset()
        return frozenset(name for name in columns if said.get(name.casefold(), name.casefold() in inherited))

    def of_earlier(self, columns: Iterable[str]) -> frozenset[str]:
        """The same of a table of another layer."""
        return Pii(everywhere=self.everywhere).of("", columns)

    def named(self, table: str) -> tuple[str, ...]:
        """The columns that are named for a table, tagged or not: all of them must exist."""
        return tuple(self._said(table))

    def tagged(self, table: str) -> tuple[str, ...]:
        """Those of them that are tagged."""
        return tuple(name for name, tagged in self._said(table).items() if tagged)

    @property
    def names(self) -> frozenset[str]:
        """Every name that is tagged anywhere."""
        return self.everywhere | {name for each in self.tables.values() for name, tagged in each.items() if tagged}

    def with_more(self, table: str, columns: Iterable[str]) -> Pii:
        """The same, and these columns of a table, unless something was said of them."""
        known = self._said(table)
        said = {name.casefold() for name in known}
        more = {name: True for name in columns if name.casefold() not in said}
        return Pii({**self.tables, table: {**known, **more}}, self.everywhere) if more else self

    def _said(self, table: str) -> Mapping[str, bool]:
        return next((each for name, each in self.tables.items() if name.casefold() == table.casefold()), {})


#: Where nothing is tagged.
NO_PII = Pii()
