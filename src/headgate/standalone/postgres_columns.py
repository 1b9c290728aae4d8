"""The columns of the tables of PostgreSQL that a gate looked at, as far as its statements depend on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from headgate.gates.values import DOCUMENTS, kind_of
from headgate.standalone.postgres_words import KindOf, KnownKind

if TYPE_CHECKING:
    from sqlglot import exp

#: Since this version floats are written with the fewest digits that name no other; before, some were rounded.
_SHORTEST_FLOATS = 120000


class KnownKinds:
    """The kinds of the columns of the relations that a gate looked at."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[KnownKind | None]] = defaultdict(set)
        self._columns: dict[tuple[str, str], dict[str, KnownKind]] = {}

    def learn(self, relation: tuple[str, str], columns: Sequence[tuple[str, str]], server_version: int) -> None:
        """Columns of a relation, which is told by its schema and name; the version is libpq's, such as 160004."""
        self._columns[relation] = {name: _kind(type_) for name, type_ in columns}
        unlike = ("FLOAT",) if server_version >= _SHORTEST_FLOATS else ("FLOAT", "DOUBLE")
        for name, type_ in columns:
            self._kinds[name].add(None if type_ in unlike else _kind(type_))

    def hide_nan(self, tree: exp.Expr) -> None:
        """Let a statement see nulls where a numeric is NaN, as no decimal is elsewhere: there it is missing."""
        from sqlglot import exp

        for table in list(tree.find_all(exp.Table)):
            kinds = self._columns.get((table.db, table.name), {})
            if "decimal" not in kinds.values():
                continue
            seen: list[exp.Expr] = [exp.column(name, quoted=True) for name in kinds]
            for i, (name, kind) in enumerate(kinds.items()):
                if kind == "decimal":
                    nan = exp.cast(exp.Literal.string("NaN"), "DECIMAL")
                    seen[i] = exp.alias_(exp.Nullif(this=seen[i], expression=nan), name, quoted=True)
            whole = exp.table_(table.name, db=table.db, quoted=True)
            table.replace(exp.select(*seen).from_(whole).subquery(exp.to_identifier(table.alias_or_name, quoted=True)))

    def of(self, tree: exp.Expr) -> KindOf:
        """Says the kind of a column of the checked relation in a statement that gives nothing else its name."""
        from sqlglot import exp

        from headgate.gates import sql

        taken = {each.alias for each in tree.find_all(exp.Alias)}

        def kind(node: exp.Expr) -> KnownKind | None:
            if not isinstance(node, exp.Column) or node.table != sql.CHECKED or node.name in taken:
                return None
            kinds = self._kinds.get(node.name, {None})
            return next(iter(kinds)) if len(kinds) == 1 else None

        return kind


def _kind(type_: str) -> KnownKind:
    return "document" if type_ in DOCUMENTS else kind_of(type_)
