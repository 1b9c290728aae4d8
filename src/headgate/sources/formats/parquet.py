"""Parquet: typed columns, so nothing has to be guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from headgate.errors import SourceDataError
from headgate.lake.engine import Connection, ident, literal
from headgate.sources.formats.format import FILE, IF_EMPTY, Header, escaped, file_list
from headgate.sources.listing import SourceFile, shown

MAGIC = b"PAR1"


class Parquet:
    """Parquet files of one table."""

    requires_columns = True

    def __init__(self, table: str) -> None:
        self.table = table

    def headers(self, con: Connection, files: Sequence[SourceFile]) -> dict[SourceFile, Header]:
        """Read the schema of each file."""
        return {file: self._header(con, file) for file in files}

    def query(self, files: Sequence[SourceFile], header: Header, wanted: Mapping[str, str]) -> str:
        """The chosen columns, in their own types."""
        chosen = ", ".join(f"{ident(name)} AS {alias}" for name, alias in wanted.items())
        return f"SELECT {chosen}, {FILE} FROM {_reader(file_list(files))}"

    def candidates(
        self, con: Connection, queries: Sequence[tuple[Sequence[SourceFile], Header]], columns: Sequence[str]
    ) -> dict[str, tuple[str, ...]]:
        """Nothing is inferred."""
        return {}

    def complain(self, con: Connection, file: SourceFile, header: Header, error: duckdb.Error) -> SourceDataError:
        """What DuckDB said about the file."""
        return SourceDataError(
            f"the file is damaged: {str(error).strip().splitlines()[0]}",
            table=self.table,
            rule="not_parquet",
            file=shown(file.path),
        )

    def _header(self, con: Connection, file: SourceFile) -> Header:
        if file.size == 0:
            raise SourceDataError(
                "the file is empty", table=self.table, rule="empty_file", file=shown(file.path), hint=IF_EMPTY
            )
        try:
            rows = con.execute(f"DESCRIBE SELECT * FROM {_reader(f'[{literal(escaped(file.place))}]')}").fetchall()
        except duckdb.Error as error:
            raise SourceDataError(
                "this is not a Parquet file, or it is damaged",
                table=self.table,
                rule="not_parquet",
                file=shown(file.path),
            ) from error
        return Header({name: kind for name, kind, *_ in rows if name != FILE})


def _reader(files: str) -> str:
    return f"read_parquet({files}, filename = {literal(FILE)}, hive_partitioning = false)"
