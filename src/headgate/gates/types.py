"""Expectations on a column's type. A column has one type, whatever is in it, so the catalog alone knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headgate.gates import arguments
from headgate.gates.arguments import argument
from headgate.gates.expectation import RowCounter, TableExpectation, Verdict, expectation
from headgate.gates.relation import Checked

_MOMENTS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
_ZONED = ("TIMESTAMP WITH TIME ZONE",)
#: What the names of pandas, Python, Spark and other databases are called here, in lower case. Where two worlds
#: mean different widths by one name, both are meant.
_NAMES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("int8", "bytetype"), ("TINYINT",)),
    **dict.fromkeys(("int16", "int2", "short", "shorttype"), ("SMALLINT",)),
    **dict.fromkeys(("int32", "int4", "signed", "integertype"), ("INTEGER",)),
    **dict.fromkeys(("int64", "long", "longtype", "biginteger"), ("BIGINT",)),
    "int": ("INTEGER", "BIGINT"),
    "int128": ("HUGEINT",),
    **{f"uint{bits}": (type_,) for bits, type_ in ((8, "UTINYINT"), (16, "USMALLINT"), (32, "UINTEGER"))},
    "uint64": ("UBIGINT",),
    **dict.fromkeys(("float32", "float4", "real", "floattype"), ("FLOAT",)),
    **dict.fromkeys(("float64", "float8", "double precision", "doubletype"), ("DOUBLE",)),
    "float": ("FLOAT", "DOUBLE"),
    **dict.fromkeys(("str", "string", "object", "object_", "text", "char", "bpchar", "nvarchar"), ("VARCHAR",)),
    **dict.fromkeys(("unicode", "stringdtype", "stringtype", "str_"), ("VARCHAR",)),
    **dict.fromkeys(("bool", "bool_", "logical", "booleantype", "booleandtype"), ("BOOLEAN",)),
    **dict.fromkeys(("datetime64", "datetime", "timestamp", "timestamptype", "timestampntztype"), _MOMENTS),
    **{f"datetime64[{unit}]": _MOMENTS for unit in ("s", "ms", "us", "ns")},
    **dict.fromkeys(("timestamptz", "datetimetzdtype"), _ZONED),
    **{f"datetime64[{unit}, utc]": _ZONED for unit in ("s", "ms", "us", "ns")},
    "datetype": ("DATE",),
    **dict.fromkeys(("bytes", "bytea", "binary", "varbinary", "binarytype"), ("BLOB",)),
}
#: Precision and scale may be left out.
_DECIMALS = frozenset({"decimal", "numeric", "number", "decimaltype"})


def is_called(type_: str, name: str) -> bool:
    """Whether a DuckDB type goes by a name that people use for it.

    >>> is_called("BIGINT", "int64"), is_called("DECIMAL(10,2)", "numeric"), is_called("VARCHAR", "INTEGER")
    (True, True, False)
    """
    wanted = " ".join(name.lower().split())
    if wanted in _DECIMALS:
        return type_.startswith("DECIMAL(") and not type_.endswith("]")
    return type_ in _NAMES.get(wanted, ()) or type_.lower().replace(" ", "") == wanted.replace(" ", "")


@dataclass(frozen=True)
class TypeExpectation(TableExpectation):
    """Looks at a column's type."""

    column: str = argument(arguments.name)

    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)


@expectation("expect_column_values_to_be_of_type", dimension="validity")
@dataclass(frozen=True)
class OfType(TypeExpectation):
    """The column is of a type."""

    type_: str = argument(arguments.text)
    mostly: float = argument(arguments.share, default=1.0)

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare."""
        found = on.column(self.column).type
        return Verdict(is_called(found, self.type_), observed_value=found)


@expectation("expect_column_type_to_be", dimension="validity")
@dataclass(frozen=True)
class TypeToBe(TypeExpectation):
    """The column is of a type."""

    type_: str = argument(arguments.text)

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare."""
        found = on.column(self.column).type
        return Verdict(is_called(found, self.type_), observed_value=found)


def type_names(value: Any) -> tuple[str, ...]:
    """A list of types' names; may be empty."""
    if not isinstance(value, list | tuple | set | frozenset):
        raise arguments.WrongValueError(f"must be a list of types, not {arguments.shown(value)}")
    return tuple(arguments.text(each) for each in value)


@expectation("expect_column_values_to_be_in_type_list", dimension="validity")
@dataclass(frozen=True)
class InTypeList(TypeExpectation):
    """The column is of one of several types."""

    type_list: tuple[str, ...] = argument(type_names)
    mostly: float = argument(arguments.share, default=1.0)

    def judge(self, on: Checked, rows: RowCounter, scale: float | None) -> Verdict:
        """Compare with each."""
        found = on.column(self.column).type
        return Verdict(any(is_called(found, each) for each in self.type_list), observed_value=found)
