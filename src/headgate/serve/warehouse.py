"""A schema of PostgreSQL as Headgate keeps it: what is there, and how it becomes what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.errors import WarehouseDriftError
from headgate.lake.engine import ident, literal, qualified
from headgate.serve.delta import Files
from headgate.serve.postgres import Postgres
from headgate.serve.record import Applied, Difference, Record
from headgate.serve.wanted import Wanted, reference_name

RELEASE_TABLE = "headgate_release"
_TEMP = "pg_temp"
_GONE = f"{_TEMP}.headgate_gone"
_COMMENT = "Kept by Headgate: which release the tables of this schema are. Do not change what is in here."


@dataclass(frozen=True, slots=True)
class Found:
    """A table as it is: columns with their types, those that are NOT NULL, constraints with their definitions."""

    columns: dict[str, str]
    not_null: frozenset[str]
    primary_key: tuple[str, tuple[str, ...]] | None
    foreign_keys: dict[str, str]


class Warehouse:
    """The schema, inside of one transaction."""

    def __init__(self, postgres: Postgres, schema: str) -> None:
        self._pg = postgres
        self.schema = schema

    # What is there

    def lock(self) -> None:
        """Let nobody else serve to this schema until the transaction ends; readers do not notice."""
        self._pg.execute(f"SELECT pg_advisory_xact_lock(hashtextextended({literal('headgate ' + self.schema)}, 0))")

    def exists(self) -> bool:
        """Whether the schema holds a release."""
        query = "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = %s AND tablename = %s"
        return bool(self._pg.rows(query, (self.schema, RELEASE_TABLE)))

    def record(self) -> Record | None:
        """What the schema says of itself; None if nothing was served yet."""
        if not self.exists():
            return None
        rows = self._pg.rows(f"SELECT to_jsonb(r) FROM {self._name(RELEASE_TABLE)} r")
        return Record.parse(rows[0][0]) if rows else None

    def found(self) -> dict[str, Found]:
        """Every table of the schema."""
        columns: dict[str, dict[str, str]] = {}
        not_null: dict[str, set[str]] = {}
        for table, column, type_, filled in self._pg.rows(
            """SELECT c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY c.relname, a.attnum""",
            (self.schema,),
        ):
            columns.setdefault(table, {})
            if column is not None:
                columns[table][column] = type_
            if filled:
                not_null.setdefault(table, set()).add(column)
        primary: dict[str, tuple[str, tuple[str, ...]]] = {}
        foreign: dict[str, dict[str, str]] = {}
        for table, name, kind, definition, names in self._constraints():
            if kind == "p":
                primary[table] = (name, tuple(names))
            else:
                foreign.setdefault(table, {})[name] = definition
        return {
            t: Found(columns[t], frozenset(not_null.get(t, ())), primary.get(t), foreign.get(t, {})) for t in columns
        }

    def count(self, table: str) -> int:
        """The rows of a table, exactly."""
        return int(self._pg.rows(f"SELECT count(*) FROM {self._name(table)}")[0][0])

    # How it becomes what is wanted

    def lay_out(self) -> None:
        """Make the schema and the table that says what it holds, where they are missing."""
        if not self._pg.rows("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s", (self.schema,)):
            self._pg.execute(f"CREATE SCHEMA {ident(self.schema)}")  # asked, since IF NOT EXISTS needs the right to
        if not self.exists():
            self._pg.execute(
                f"""CREATE TABLE {self._name(RELEASE_TABLE)} (
                    release bigint NOT NULL, published_at timestamptz NOT NULL, served_at timestamptz NOT NULL,
                    run text, project text NOT NULL, target text, lake text, catalog_sha256 text NOT NULL,
                    declared text NOT NULL, tables jsonb NOT NULL)"""
            )
            self._pg.execute(f"COMMENT ON TABLE {self._name(RELEASE_TABLE)} IS {literal(_COMMENT)}")
        elif "lake" not in self.found()[RELEASE_TABLE].columns:  # made before lakes were told apart
            self._pg.execute(f"ALTER TABLE {self._name(RELEASE_TABLE)} ADD COLUMN lake text")

    def create(self, table: Wanted) -> None:
        """A new empty table, without keys: they come when it is filled."""
        columns = ", ".join(f"{ident(name)} {type_}" for name, type_ in table.types.items())
        self._pg.execute(f"CREATE TABLE {self._name(table.name)} ({columns})")

    def add_columns(self, table: Wanted, names: Iterable[str]) -> None:
        """New columns, which may be null."""
        for name in names:
            self._pg.execute(f"ALTER TABLE {self._name(table.name)} ADD COLUMN {ident(name)} {table.types[name]}")

    def let_be_null(self, table: Wanted, columns: Iterable[str]) -> None:
        """Columns that the release does not have cannot be asked for a value."""
        for column in columns:
            self._pg.execute(f"ALTER TABLE {self._name(table.name)} ALTER COLUMN {ident(column)} DROP NOT NULL")

    def fill(self, table: Wanted, files: Files) -> Applied:
        """Load a table that was just created."""
        self._pg.copy(self._name(table.name), tuple(table.columns), files.rows)
        self._pg.execute(f"ANALYZE {self._name(table.name)}")
        return Applied(inserted=self.count(table.name))

    def apply(self, table: Wanted, files: Files, emptied: Sequence[str] = ()) -> Applied:
        """Delete, update and insert what the files say; rows that are the same already are not touched.

        ``emptied`` are columns that the release does not have, in a table that it once had them in: they become null.
        """
        rows = self._stage(table, files)
        target, key = self._name(table.name), self._same_key(table.primary_key)
        if files.gone is None:
            gone = f"DELETE FROM {target} t WHERE NOT EXISTS (SELECT FROM {rows} n WHERE {key})"
        else:
            gone = f"DELETE FROM {target} t USING {_GONE} n WHERE {key}"
        deleted = self._pg.execute(gone)
        updated = self._update(table, rows, emptied)
        names = ", ".join(map(ident, table.columns))
        inserted = self._pg.execute(
            f"INSERT INTO {target} ({names}) SELECT {names} FROM {rows} n "
            f"WHERE NOT EXISTS (SELECT FROM {target} t WHERE {key})"
        )
        self._unstage(rows)
        return Applied(inserted, updated, deleted)

    def compare(self, table: Wanted, files: Files) -> Difference:
        """How the table differs from the rows of ``files``, which are all that it should hold."""
        rows = self._stage(table, files)
        target, key = self._name(table.name), self._same_key(table.primary_key)
        missing, surplus, different = self._pg.rows(
            f"""SELECT (SELECT count(*) FROM {rows} n WHERE NOT EXISTS (SELECT FROM {target} t WHERE {key})),
                       (SELECT count(*) FROM {target} t WHERE NOT EXISTS (SELECT FROM {rows} n WHERE {key})),
                       (SELECT count(*) FROM {target} t JOIN {rows} n ON {key} WHERE {self._differ(table)})"""
        )[0]
        self._unstage(rows)
        return Difference(table.name, missing, surplus, different)

    def constrain(self, table: Wanted, found: Found | None) -> None:
        """Keys and NOT NULL as declared; what is so already is not touched, since it would lock readers out."""
        name = self._name(table.name)
        had = found.primary_key if found else None
        if had is not None and had[1] != table.primary_key:
            self._pg.execute(f"ALTER TABLE {name} DROP CONSTRAINT {ident(had[0])} CASCADE")
            had = None
        if had is None:
            self._pg.execute(f"ALTER TABLE {name} ADD PRIMARY KEY ({', '.join(map(ident, table.primary_key))})")
        filled = found.not_null if found else frozenset()
        own = set(table.columns)
        for column in sorted((table.not_null - filled) - set(table.primary_key)):
            self._pg.execute(f"ALTER TABLE {name} ALTER COLUMN {ident(column)} SET NOT NULL")
        for column in sorted((filled & own) - table.not_null):
            self._pg.execute(f"ALTER TABLE {name} ALTER COLUMN {ident(column)} DROP NOT NULL")

    def refer(self, tables: Sequence[Wanted]) -> None:
        """Foreign keys as declared. They are checked when all tables are what they should be."""
        now = {(table, name) for table, name, kind, *_ in self._constraints() if kind == "f"}
        wanted = {(t.name, reference_name(t, column)): (t, column) for t in tables for column in t.foreign_keys}
        mine = {table.name for table in tables}
        for table, name in sorted(now - wanted.keys()):
            if table in mine and name.startswith("headgate_"):
                self._pg.execute(f"ALTER TABLE {self._name(table)} DROP CONSTRAINT {ident(name)}")
        for key in sorted(wanted.keys() - now):
            table_, column = wanted[key]
            other, other_column = table_.foreign_keys[column]
            self._pg.execute(
                f"ALTER TABLE {self._name(table_.name)} ADD CONSTRAINT {ident(key[1])} FOREIGN KEY ({ident(column)}) "
                f"REFERENCES {self._name(other)} ({ident(other_column)}) DEFERRABLE INITIALLY DEFERRED"
            )
        self._pg.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def write_record(self, record: Record, published_at: str) -> None:
        """Say which release the tables are."""
        name = self._name(RELEASE_TABLE)
        self._pg.execute(f"DELETE FROM {name}")
        self._pg.execute(
            f"INSERT INTO {name} (release, published_at, served_at, run, project, target, lake, catalog_sha256, "
            f"declared, tables) VALUES (%s, %s, clock_timestamp(), %s, %s, %s, %s, %s, %s, %s)",
            (
                record.release,
                published_at,
                record.run,
                record.project,
                record.target,
                record.lake,
                record.catalog_sha256,
                record.declared,
                self._pg.json(record.tables),
            ),
        )

    # The common ways

    def _stage(self, table: Wanted, files: Files) -> str:
        """The files as temporary tables with the types of the real one; a key that comes twice is refused here.

        The rows' own has the name of the real one, since errors speak of it.
        """
        rows = qualified(_TEMP, table.name)
        columns, keys = (", ".join(map(ident, names)) for names in (table.columns, table.primary_key))
        shape = ", ".join(f"{ident(name)} {type_}" for name, type_ in table.types.items())
        self._pg.execute(f"CREATE TABLE {rows} ({shape})")
        self._pg.copy(rows, tuple(table.columns), files.rows)
        self._pg.execute(f"ALTER TABLE {rows} ADD PRIMARY KEY ({keys})")
        self._pg.execute(f"ANALYZE {rows} ({columns})")
        if files.gone is not None:
            shape = ", ".join(f"{ident(name)} {table.types[name]}" for name in table.primary_key)
            self._pg.execute(f"CREATE TABLE {_GONE} ({shape})")
            self._pg.copy(_GONE, table.primary_key, files.gone)
            self._pg.execute(f"ANALYZE {_GONE}")
        return rows

    def _unstage(self, rows: str) -> None:
        self._pg.execute(f"DROP TABLE {rows}")
        self._pg.execute(f"DROP TABLE IF EXISTS {_GONE}")

    def _update(self, table: Wanted, rows: str, emptied: Sequence[str]) -> int:
        sets = [f"{ident(c)} = n.{ident(c)}" for c in table.values] + [f"{ident(c)} = NULL" for c in emptied]
        if not sets:
            return 0
        differ = " OR ".join([self._differ(table), *(f"t.{ident(c)} IS NOT NULL" for c in emptied)])
        return self._pg.execute(
            f"UPDATE {self._name(table.name)} t SET {', '.join(sets)} FROM {rows} n "
            f"WHERE {self._same_key(table.primary_key)} AND ({differ})"
        )

    def _differ(self, table: Wanted) -> str:
        """JSON has no equality of its own."""
        comparisons = []
        for column in table.values:
            cast = "::text" if table.types[column] == "json" else ""
            comparisons.append(f"t.{ident(column)}{cast} IS DISTINCT FROM n.{ident(column)}{cast}")
        return " OR ".join(comparisons) or "false"

    def _same_key(self, columns: Iterable[str]) -> str:
        return " AND ".join(f"t.{ident(column)} = n.{ident(column)}" for column in columns)

    def _constraints(self) -> list[tuple[Any, ...]]:
        return self._pg.rows(
            """SELECT c.relname, k.conname, k.contype::text, pg_catalog.pg_get_constraintdef(k.oid),
                      (SELECT array_agg(a.attname::text ORDER BY o.place)
                       FROM unnest(k.conkey) WITH ORDINALITY o(number, place)
                       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.number)
               FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = %s AND k.contype IN ('p', 'f')""",
            (self.schema,),
        )

    def _name(self, table: str) -> str:
        return qualified(self.schema, table)


def reshaping(
    schema: str, table: Wanted, found: Found, served: dict[str, Any] | None, *, forward: bool
) -> tuple[list[str], list[str]]:
    """The columns to add, and those of the warehouse that the release does not have.

    ``served`` is what the record says of the table; ``forward`` that the release comes after the one that is there.

    Raises:
        WarehouseDriftError: the release lost a column, or a column has another type than in the release.
    """
    was: dict[str, str] = served["columns"] if served else {}
    where, relation = f"{table.name} in the warehouse", qualified(schema, table.name)
    for column, type_ in table.types.items():
        there = found.columns.get(column)
        if there is not None and there != type_:
            what = "the release changes" if was.get(column) == there else "somebody changed"
            raise WarehouseDriftError(
                f"{what} the type of {column}: it is {there} there, and {type_} in the release",
                where=where,
                hint=f"ALTER TABLE {relation} ALTER COLUMN {ident(column)} TYPE {type_}; then headgate serve",
            )
    surplus = [column for column in found.columns if column not in table.columns]
    lost = [column for column in surplus if column in was]
    if lost and forward:
        raise WarehouseDriftError(
            f"the release has no column {lost[0]} any more, and people may read it",
            where=where,
            hint=f"ALTER TABLE {relation} DROP COLUMN {ident(lost[0])} when nobody does, then headgate serve; "
            "or bring it back in the model",
        )
    return [column for column in table.columns if column not in found.columns], surplus
