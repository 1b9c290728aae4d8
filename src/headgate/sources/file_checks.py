"""What is wrong with rows that could be read but not be taken: where it is, and by which rule.

Reads the offending file again, with row numbers; nobody pays for these unless something is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from headgate.errors import SourceDataError
from headgate.lake.engine import Connection, ident
from headgate.sources.casting import FLOATS
from headgate.sources.formats.format import IF_EMPTY, SHOWN, masked
from headgate.sources.listing import SourceFile, shown
from headgate.sources.matching import Group
from headgate.sources.shape import BAD, Shape
from headgate.sources.staging import Findings, Stage


class FileChecks:
    """Looks over a stage, and explains what it finds."""

    def __init__(
        self,
        con: Connection,
        shape: Shape,
        stage: Stage,
        files: Sequence[SourceFile],
        primary_key: Sequence[str],
        pii: Sequence[str],
    ) -> None:
        self.con = con
        self.shape = shape
        self.stage = stage
        self.files = tuple(files)
        self.primary_key = tuple(primary_key)
        self.pii = {name.casefold() for name in pii}

    def check(self, findings: Findings) -> None:
        """Raises SourceDataError for the first thing that is wrong."""
        if findings.bad:
            raise self._bad_value(findings.bad)
        if findings.null_keys:
            raise self._null_key(findings.null_keys)
        if findings.distinct_keys < findings.rows:
            repeated = self.stage.places_with_repeated_keys()
            if repeated:
                raise self._repeated_key(repeated)

    def check_rows(self, rows: dict[str, int]) -> None:
        """Raises SourceDataError for a file without rows."""
        for file in self.files:
            if not rows.get(file.place):
                raise self._wrong(
                    "the file has a header and no rows" if self.shape.format.requires_columns else "it has no rows",
                    "no_rows",
                    file,
                    hint=IF_EMPTY,
                )

    def _bad_value(self, count: int) -> SourceDataError:
        file, group = self._first(self.stage.places_of(BAD))
        casts = self.shape.casts(group)
        named = ", ".join(f"({cast.faithful})" for cast in casts.values())
        read = ", ".join(f"{self.shape.typed(name)} IS NOT NULL" for name in casts)
        raws = ", ".join(f"CAST({self.shape.raw(name)} AS VARCHAR)" for name in casts)
        row = self.con.execute(
            f"SELECT number, [{named}], [{read}], [{raws}] FROM ({self._numbered(group, file)}) "
            f"WHERE NOT ({' AND '.join(f'({cast.faithful})' for cast in casts.values())}) ORDER BY number LIMIT 1"
        ).fetchall()[0]
        number, good, readable, values = row
        index = good.index(False)
        return self._bad(file, number, list(casts)[index], str(values[index]), count, readable=readable[index])

    def _bad(
        self, file: SourceFile, number: int, column: str, value: str, count: int, *, readable: bool
    ) -> SourceDataError:
        kind, seen = self.shape.columns[column], self._masked(column, value)
        if kind in FLOATS and value.strip().lower().lstrip("+-") in ("nan", "inf", "infinity"):
            what, rule = f"{seen} is not a finite number", "non_finite"
            hint: str | None = "load such values as null with non_finite: null, or correct the source"
        else:
            what, rule = f"{seen} is not a valid {kind}", "type"
            if readable:
                what = f"{seen} would be changed by reading it as {kind}"
            hint = self._hint(kind)
        more = f" ({count:,} rows have such values)" if count > 1 else ""
        return self._wrong(what + more, rule, file, row=number, column=column, hint=hint)

    def _masked(self, column: str, value: str) -> str:
        return masked(value, pii=column.casefold() in self.pii)

    def _hint(self, kind: str) -> str | None:
        if kind == "DATE" or kind.startswith("TIMESTAMP"):
            setting = "date_format" if kind == "DATE" else "timestamp_format"
            form = self.shape.formats.date if kind == "DATE" else self.shape.formats.timestamp
            expected = form or ("2024-12-31" if kind == "DATE" else "2024-12-31 23:59:59")
            return f"expected as {expected}; declare another form with {setting}"
        return "correct the source, or declare another type (columns:) in headgate.yml"

    def _null_key(self, count: int) -> SourceDataError:
        empty = " OR ".join(f"{ident(key)} IS NULL" for key in self.primary_key)
        file, group = self._first(self.stage.places_of(empty))
        values = [self.shape.typed(key) for key in self.primary_key]
        number, *nulls = self.con.execute(
            f"SELECT number, {', '.join(f'{value} IS NULL' for value in values)} FROM ({self._numbered(group, file)}) "
            f"WHERE {' OR '.join(f'{value} IS NULL' for value in values)} ORDER BY number LIMIT 1"
        ).fetchall()[0]
        more = f" ({count:,} rows)" if count > 1 else ""
        return self._wrong(
            f"a part of the primary key is empty{more}",
            "null_key",
            file,
            row=number,
            column=self.primary_key[nulls.index(True)],
        )

    def _repeated_key(self, repeated: dict[str, int]) -> SourceDataError:
        file, group = self._first(list(repeated))
        keys = ", ".join(self.shape.typed(key) for key in self.primary_key)
        texts = ", ".join(f"CAST({self.shape.typed(key)} AS VARCHAR)" for key in self.primary_key)
        number, first, key = self.con.execute(
            f"SELECT number, first, [{texts}] FROM (SELECT *, min(number) OVER (PARTITION BY {keys}) AS first, "
            f"row_number() OVER (PARTITION BY {keys} ORDER BY number) AS occurrence "
            f"FROM ({self._numbered(group, file)})) WHERE occurrence = 2 ORDER BY number LIMIT 1"
        ).fetchall()[0]
        shown_key = ", ".join(
            f"{name} = {self._masked(name, value)}" for name, value in zip(self.primary_key, key, strict=True)
        )
        many = repeated[file.place]
        more = f" ({many:,} keys occur more than once)" if many > 1 else ""
        return self._wrong(
            f"the primary key {shown_key} is already in row {first}{more}",
            "duplicate_key",
            file,
            row=number,
            column=", ".join(self.primary_key),
            hint="correct the source, or name all columns that make a row unique in primary_key",
        )

    def _numbered(self, group: Group, file: SourceFile) -> str:
        return self.shape.read(group, [file], before="row_number() OVER () AS number, ")

    def _first(self, places: Sequence[str]) -> tuple[SourceFile, Group]:
        place = next(file.place for file in self.files if file.place in places)
        group, file = self.shape.group_of(place)
        return file, group

    def _wrong(
        self,
        what: str,
        rule: str,
        file: SourceFile,
        *,
        row: int | None = None,
        column: str | None = None,
        hint: str | None = None,
    ) -> SourceDataError:
        return SourceDataError(
            what,
            table=self.shape.table,
            rule=rule,
            file=shown(file.path),
            row=row,
            column=shown(column, SHOWN * 5) if column else None,
            hint=hint,
        )
