"""How CSV files are written, where looking at them does not tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headgate.errors import SourceDataError, UsageError
from headgate.sources.formats.delimited import can_be_read

#: What a project would declare in its headgate.yml is said here beside the data.
_HINTS = {
    "encoding": "say which encoding it has (--encoding latin-1), or save it as UTF-8",
    "not_csv": "say what it is: --encoding utf-16, or a name that ends in .parquet; .gz at the end means compressed",
    "new_column": "judge files together that have the same columns, and this one apart",
    "empty_file": "name other files, or have this one written again",
}


@dataclass(frozen=True, slots=True)
class CsvForm:
    """What is said about CSV files; None and no texts where they are to be looked at instead."""

    encoding: str | None = None
    delimiter: str | None = None
    null_values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.encoding is not None and not can_be_read(self.encoding):
            hint = "known: utf-8, utf-16, latin-1; or convert the file first (iconv)"
            raise UsageError(f"the encoding {self.encoding!r} cannot be read", hint=hint)
        if self.delimiter is not None and not 1 <= len(self.delimiter) <= 4:
            raise UsageError("the delimiter must be one to four characters", hint=r"such as ';' or '\t'")

    def refuse(self, place: str) -> None:
        """Nothing may be said of data that is no CSV.

        Raises:
            UsageError: something is.
        """
        if self != AS_FOUND:
            what = f"{place} is no CSV file: only those have an encoding, a delimiter and texts that mean null"
            raise UsageError(what, hint="leave out --encoding, --delimiter and --null")

    @property
    def settings(self) -> dict[str, Any]:
        """It as settings of a table of files."""
        return {"encoding": self.encoding, "delimiter": self.delimiter, "null_values": self.null_values}


AS_FOUND = CsvForm()


def without_project(error: SourceDataError) -> SourceDataError:
    """The same error, which tells what can be done where no headgate.yml declares anything."""
    hint = _HINTS.get(error.rule, error.hint)
    return SourceDataError(
        error.what,
        table=error.table,
        rule=error.rule,
        file=error.file,
        row=error.row,
        column=error.column,
        hint=hint,
    )
