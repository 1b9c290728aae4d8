"""The columns of the tables of PostgreSQL that a gate looked at, as far as its statements depend on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from headgate.gates.values import DOCUMENTS, is_enum, kind_of
from headgate.standalone.postgres_words import KindOf, KnownKind

if TYPE_CHECKING:
    from sqlglot import exp

#: Since this version floats are written with the fewest digits that name no other; before, some were rounded.
_SHORTEST_FLOATS = 120000


class KnownKinds:
    """The kinds of the columns of the relations that a gate looked at."""

    def __init__(self) -> None:
        self._alike: dict[tuple[str, str], dict[str, KnownKind | None]] = {}
        self._columns: dict[tuple[str, str], dict[str, KnownKind]] = {}
        self._domains: dict[tuple[str, str], Mapping[str, str]] = {}

    def learn(
        self,
        relation: tuple[str, str],
        columns: Sequence[tuple[str, str]],
        server_version: int,
        domains: Mapping[str, str],
    ) -> None:
        """Columns of a relation, which is told by its schema and name; the version is libpq's, such as 160004.

        ``domains`` are the columns whose type is a domain, each with the name of the type that this is made of.
        """
        self._columns[relation] = {name: _kind(type_) for name, type_ in columns}
        self._domains[relation] = domains
        unlike = ("FLOAT",) if server_version >= _SHORTEST_FLOATS else ("FLOAT", "DOUBLE")
        self._alike[relation] = {name: None if type_ in unlike else _kind(type_) for name, type_ in columns}

    def show(self, tree: exp.Expr) -> None:
        """Let a statement see values as they are elsewhere: those of a domain as of its type, and nulls for NaN.

        A numeric can be NaN, as no decimal is elsewhere: there it is missing.
        """
        from sqlglot import exp

        for table in list(tree.find_all(exp.Table)):
            kinds = self._columns.get((table.db, table.name), {})
            domains = self._domains.get((table.db, table.name), {})
            if "decimal" not in kinds.values() and not domains:
                continue
            seen = [_seen(name, kind, domains.get(name)) for name, kind in kinds.items()]
            whole = exp.table_(table.name, db=table.db, quoted=True)
            table.replace(exp.select(*seen).from_(whole).subquery(exp.to_identifier(table.alias_or_name, quoted=True)))

    def of(self, tree: exp.Expr) -> KindOf:
        """Says the kind of a column of the checked relation in a statement that gives nothing else its name.

        Of another relation it says which columns are texts, so that they meet those of an enum.
        """
        from sqlglot import exp

        from headgate.gates import sql

        taken = {each.alias for each in tree.find_all(exp.Alias)}
        tables = list(tree.find_all(exp.Table))
        named = Counter(each.alias for each in tables)
        read = [each for each in tables if (each.db, each.name) in self._alike]
        checked = [each for each in read if each.alias == sql.CHECKED] or read
        mine = [self._alike[relation] for relation in {(each.db, each.name) for each in checked}]
        others = {
            each.alias: self._columns.get((each.db, each.name), {})
            for each in tables
            if each.alias and named[each.alias] == 1
        }

        def kind(node: exp.Expr) -> KnownKind | None:
            if not isinstance(node, exp.Column) or node.name in taken:
                return None
            if node.table != sql.CHECKED:
                found = others.get(node.table, {}).get(node.name)
                return found if found in ("text", "enum") else None
            kinds = {each[node.name] for each in mine if node.name in each}
            return kinds.pop() if len(kinds) == 1 else None

        return kind


def _kind(type_: str) -> KnownKind:
    if is_enum(type_):
        return "enum"
    return "document" if type_ in DOCUMENTS else kind_of(type_)


def _seen(name: str, kind: KnownKind, base: str | None) -> exp.Expr:
    """A column as a statement sees it; ``base`` is the type that its domain is made of."""
    from sqlglot import exp

    value: exp.Expr = exp.column(name, quoted=True)
    if base is not None:
        value = exp.cast(value, exp.DataType.build(base, dialect="postgres", udt=True))
    if kind == "decimal":
        value = exp.Nullif(this=value, expression=exp.cast(exp.Literal.string("NaN"), "DECIMAL"))
    return value if isinstance(value, exp.Column) else exp.alias_(value, name, quoted=True)
