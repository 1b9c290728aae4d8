"""Which tables and columns of a database are read, and how: its catalogue, and what the project says about it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from glob import escape

from headgate.errors import ConfigError, SourceDataError, did_you_mean
from headgate.project.config import DatabaseSource as DatabaseConfig
from headgate.project.database_config import DatabaseTable
from headgate.project.yaml_file import written
from headgate.sources.change_log import OWN_COLUMNS
from headgate.sources.databases.dialect import Dialect, SourceColumn, SourceTable, Value

_WILD = frozenset("*?[")
_NOTHING = DatabaseTable()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A table as it is read: ``values`` gives, for each column, how it comes without loss.

    ``cursor`` is None where the whole table is compared; ``decided`` names the columns of which the
    project says that they are left out or read as text; ``unique``: the database sees to it that no two rows
    have the same key.
    """

    name: str
    columns: tuple[SourceColumn, ...]
    values: tuple[Value, ...]
    primary_key: tuple[str, ...]
    cursor: SourceColumn | None
    overlap: timedelta | int
    decided: frozenset[str] = frozenset()
    unique: bool = False

    @property
    def pairs(self) -> list[tuple[SourceColumn, Value]]:
        """Each column, and how it is read."""
        return list(zip(self.columns, self.values, strict=True))

    @property
    def types(self) -> dict[str, str]:
        """Name and DuckDB type of each column, in order."""
        return {column.name: value.type for column, value in self.pairs}

    @property
    def present(self) -> tuple[SourceColumn, ...]:
        """The columns that the source has now."""
        return tuple(column for column in self.columns if not column.absent)

    @property
    def key_columns(self) -> tuple[SourceColumn, ...]:
        """The columns of the primary key, in its order."""
        columns = {column.name: column for column in self.columns}
        return tuple(columns[name] for name in self.primary_key)

    def settings(self) -> str:
        """A short hash of what decides what is read out of a row; the rows are compared anew when it changes."""
        values = [
            [[c.name, v.sql, v.type] for c, v in self.pairs],
            list(self.primary_key),
            self.cursor.name if self.cursor else None,
        ]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


class Choosing:
    """What the project says about the tables of one database."""

    def __init__(self, source: str, config: DatabaseConfig, dialect: Dialect) -> None:
        self.source = source
        self.config = config
        self.dialect = dialect

    def choose(self, catalogue: Sequence[SourceTable]) -> dict[str, Chosen]:
        """The tables that are read, by name, in the order of their names.

        Raises:
            ConfigError: the project names a table or column that is not there, or a table has no key.
            SourceDataError: a column cannot be read without loss.
        """
        wanted = [table for table in catalogue if self._wants(table)]
        self._refuse_unknown(catalogue, wanted)
        self._refuse_twins(wanted)
        chosen = [self._chosen(table) for table in wanted]
        if keyless := [table.name for table in chosen if not table.primary_key]:
            first = keyless[0]
            more = f" (nor have {', '.join(keyless[1:])})" if len(keyless) > 1 else ""
            raise self.config.error(
                f"the table {first} has no primary key in the database{more}",
                "tables",
                first,
                hint=f"name the columns that make a row unique, tables: {{{written(first)}: {{primary_key: […]}}}}, "
                f"or leave it out, exclude: [{written(escape(first))}]",
            )
        return {table.name: table for table in chosen}

    def _wants(self, table: SourceTable) -> bool:
        include = self.config.include
        named = table.name in include or table.name in self.config.tables
        if table.view and not named:
            return False
        return (named or matches_any(table.name, include)) and not matches_any(table.name, self.config.exclude)

    @staticmethod
    def would_read(config: DatabaseConfig, name: str) -> bool:
        """Whether the settings ask for a table of this name."""
        return (name in config.tables or matches_any(name, config.include)) and not matches_any(name, config.exclude)

    def _refuse_unknown(self, catalogue: Sequence[SourceTable], wanted: Sequence[SourceTable]) -> None:
        there = [table.name for table in catalogue]
        read = [table.name for table in wanted]
        for name in self.config.tables:
            if name not in read:
                what = "is left out by exclude" if name in there else "is not in the database"
                raise self.config.error(f"the table {name} {what}", "tables", name, hint=did_you_mean(name, read))
        for pattern in self.config.include:
            if not _WILD & set(pattern) and pattern not in there:
                raise self.config.error(
                    f"the table {pattern} is not in the database", "include", hint=did_you_mean(pattern, there)
                )
        if not wanted:
            hint = (
                f"its tables are {', '.join(there[:20])}"
                if there
                else "are url and schema right, and may this user see them?"
            )
            raise self.config.error("no table of the database is chosen", "include", hint=hint)

    def _refuse_twins(self, wanted: Sequence[SourceTable]) -> None:
        seen: dict[str, str] = {}
        for table in wanted:
            twin = seen.setdefault(table.name.lower(), table.name)
            if twin != table.name:
                raise self.config.error(
                    f"{table.name} and {twin} would be one table of raw: case does not matter",
                    "exclude",
                    hint=f"leave one of them out: exclude: [{written(escape(table.name))}]",
                )

    def _chosen(self, table: SourceTable) -> Chosen:
        settings = self.config.tables.get(table.name, _NOTHING)
        columns = tuple(self._columns(table, settings))
        values = tuple(self._value(table, column, settings) for column in columns)
        key = settings.primary_key or table.primary_key
        names = [column.name for column in columns]
        for name in key:
            if name not in names:
                missing = "is left out" if name in (c.name for c in table.columns) else "is not in the table"
                raise self._error(f"the column {name} of the primary key {missing}", table, "primary_key", names, name)
        cursor = self._cursor(table, settings, columns)
        overlap = settings.overlap if settings.overlap is not None else self.config.overlap
        if cursor is not None:
            overlap = self._fitting(table, cursor, overlap, declared=settings.overlap is not None)
        as_text = {name for name in names if matches_any(name, settings.columns.as_text)}
        decided = frozenset(as_text | {c.name for c in table.columns if c.name not in names})
        unique = table.unique and set(table.primary_key) <= set(key)
        return Chosen(table.name, columns, values, tuple(key), cursor, overlap, decided, unique)

    def _columns(self, table: SourceTable, settings: DatabaseTable) -> Iterable[SourceColumn]:
        choice = settings.columns
        there = [column.name for column in table.columns]
        for word, patterns in (("include", choice.include), ("exclude", choice.exclude), ("as_text", choice.as_text)):
            for pattern in patterns:
                if not _WILD & set(pattern) and pattern not in there:
                    raise self.config.error(
                        f"the table {table.name} has no column {pattern}",
                        "tables",
                        table.name,
                        "columns",
                        word,
                        hint=did_you_mean(pattern, there),
                    )
        seen: dict[str, str] = {}
        for column in table.columns:
            if not matches_any(column.name, choice.include) or matches_any(column.name, choice.exclude):
                continue
            self._refuse_name(table, column, seen.setdefault(column.name.lower(), column.name))
            yield column

    def _refuse_name(self, table: SourceTable, column: SourceColumn, twin: str) -> None:
        name = column.name
        hint = f"leave it out: {column_setting(table.name, 'exclude', name)}"
        if name.lower() in OWN_COLUMNS or name.lower().startswith("_headgate"):
            what, rule = "this column's name is one that Headgate uses itself", "reserved_column"
        elif twin != name:
            what, rule = f"there is a column {twin} too, and case does not matter in raw", "duplicate_column"
        else:
            return
        raise SourceDataError(what, table=f"{self.source}.{table.name}", rule=rule, column=name, hint=hint)

    def _value(self, table: SourceTable, column: SourceColumn, settings: DatabaseTable) -> Value:
        try:
            return self.dialect.value(column, as_text=matches_any(column.name, settings.columns.as_text))
        except ValueError as error:
            raise SourceDataError(
                f"its type is {column.type}, which cannot be read without loss: {error}",
                table=f"{self.source}.{table.name}",
                rule="unsupported_type",
                column=column.name,
                hint=f"read it as text, columns: {{as_text: [{written(escape(column.name))}]}}, or leave it out, "
                f"columns: {{exclude: [{written(escape(column.name))}]}}",
            ) from error

    def _cursor(
        self, table: SourceTable, settings: DatabaseTable, columns: Sequence[SourceColumn]
    ) -> SourceColumn | None:
        own = "cursor" in settings.model_fields_set
        name = settings.cursor if own else self.config.cursor
        found = next((column for column in columns if column.name == name), None)
        if found is None:
            if own and name is not None:
                names = [column.name for column in columns]
                raise self._error(f"the table {table.name} has no column {name}", table, "cursor", names, name)
            return None
        if self.dialect.moment(found) is None:
            raise self.config.error(
                f"{table.name}.{found.name} is of the type {found.type}, and a cursor is a time or a number",
                *(("tables", table.name) if own else ()),
                "cursor",
                hint="name another column, or write cursor: null for this table: then all of it is compared",
            )
        return found

    def _fitting(
        self, table: SourceTable, cursor: SourceColumn, overlap: timedelta | int, *, declared: bool
    ) -> timedelta | int:
        """The overlap in the cursor's own measure: a length of time says nothing about a cursor of numbers."""
        if self.dialect.moment(cursor) == isinstance(overlap, timedelta):
            return overlap
        if not declared:
            return timedelta(0) if self.dialect.moment(cursor) else 0
        wanted = "a length of time such as 10m" if self.dialect.moment(cursor) else "a whole number"
        raise self.config.error(
            f"the overlap of {table.name} must be {wanted}, since {cursor.name} is of the type {cursor.type}",
            "tables",
            table.name,
            "overlap",
        )

    def _error(self, what: str, table: SourceTable, setting: str, known: Iterable[str], name: str) -> ConfigError:
        return self.config.error(what, "tables", table.name, setting, hint=did_you_mean(name, known))


def column_setting(table: str, word: str, column: str) -> str:
    """What to write in headgate.yml to name a column under ``word`` of its table's columns.

    >>> column_setting("Order Lines", "exclude", "a, *")
    "tables: {Order Lines: {columns: {exclude: ['a, [*]']}}}"
    """
    return f"tables: {{{written(table)}: {{columns: {{{word}: [{written(escape(column))}]}}}}}}"


def matches_any(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of these, or fits a pattern; case matters, as it does in the database."""
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)
