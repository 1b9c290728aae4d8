"""Schemas of pandera, as its ``to_yaml`` writes them (0.20 to 0.35), read as expectations.

What pandera checks and no expectation means is refused with its place: nothing is left out.

Source: https://pandera.readthedocs.io/en/stable/schema_inference.html and pandera's ``io`` and ``builtin_checks``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headgate.errors import did_you_mean
from headgate.project.declaration import Declared, Place
from headgate.project.yaml_file import KeyPath, YamlFile

_VALUES = "expect_column_values_to_"
_APIS = (None, "pandas", "modin", "dask", "pyspark.pandas")
#: Settings of a schema or column that say nothing about data, or what is always so here: a column has one name and
#: one type, which nothing converts.
_SAID = frozenset({"schema_type", "version", "api", "dataframe_library", "title", "description", "name"})
_MET = frozenset({"coerce", "report_duplicates", "unique_column_names"})
_COLUMN = frozenset({"dtype", "nullable", "unique", "required", "checks"})
_SCHEMA = frozenset({"columns", "strict", "ordered", "unique"})
#: What pandera would do to the data before or instead of checking it, or checks where a table has nothing.
_REFUSED = {
    "index": "a table has no index: make it a column (reset_index), or leave it out",
    "multiindex": "a table has no index: make it a column (reset_index), or leave it out",
    "dtype": "a type for all columns has no equal: write it at each column",
    "checks": "a check of the whole frame has no equal: write an unexpected_rows_expectation in a gate file",
    "add_missing_columns": "a gate changes no data",
    "drop_invalid_rows": "a gate changes no data",
    "default": "a gate changes no data",
    "regex": "a pattern of names has no equal: write the columns",
}
#: What a check takes beside its own arguments. Nulls are ignored by pandera and here, unless it is told otherwise.
_OPTIONS = frozenset(
    {"raise_warning", "ignore_na", "error", "name", "title", "description", "n_failure_cases", "check_name"}
)
_TEXTS = ("str", "string", "object", "string[python]", "string[pyarrow]", "large_string[pyarrow]", "str_")
#: What pandera's types are called by expectations. Their units of time are not told apart.
_TYPES: dict[str, list[str]] = {
    **{f"{sign}int{bits}": [f"{sign}int{bits}"] for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{f"{sign}Int{bits}": [f"{sign.lower()}int{bits}"] for sign in ("", "U") for bits in (8, 16, 32, 64)},
    **{name: [name.lower()] for name in ("float32", "float64", "Float32", "Float64")},
    **{name: ["VARCHAR"] for name in _TEXTS},
    **{name: ["BOOLEAN"] for name in ("bool", "boolean")},
    **{f"datetime64[{unit}]": ["datetime64"] for unit in ("s", "ms", "us", "ns")},
    **{f"datetime64[{unit}, UTC]": ["timestamptz"] for unit in ("s", "ms", "us", "ns")},
    "date": ["DATE"],
}
_DECIMAL = re.compile(r"Decimal\((\d+), ?(\d+)\)")
Given = Mapping[str, Any]


def _between(
    low: str | None, high: str | None, *, strict: bool = False
) -> Callable[[Given], tuple[str, dict[str, Any]]]:
    def read(given: Given) -> tuple[str, dict[str, Any]]:
        kwargs: dict[str, Any] = {}
        for end, bound in (("min", low), ("max", high)):
            if bound is not None:
                kwargs |= {f"{end}_value": _one(given, bound), f"strict_{end}": strict}
        return "be_between", kwargs

    return read


def _in_range(given: Given) -> tuple[str, dict[str, Any]]:
    kwargs = {"min_value": given["min_value"], "max_value": given["max_value"]}
    return "be_between", kwargs | {
        "strict_min": not given.get("include_min", True),
        "strict_max": not given.get("include_max", True),
    }


def _in_set(type_: str, name: str) -> Callable[[Given], tuple[str, dict[str, Any]]]:
    return lambda given: (type_, {"value_set": [_one(given, name)] if name == "value" else list(_one(given, name))})


def _matching(name: str, form: str, *, literal: bool) -> Callable[[Given], tuple[str, dict[str, Any]]]:
    def read(given: Given) -> tuple[str, dict[str, Any]]:
        text = str(_one(given, name))
        return "match_regex", {"regex": form.format(re.escape(text) if literal else text)}

    return read


def _lengths(given: Given) -> tuple[str, dict[str, Any]]:
    exact = given.get("exact_value", given.get("value"))  # a lone number is the exact length
    if exact is not None:
        return "lengths", {"value": exact}
    return "lengths", {
        f"{end}_value": given[f"{end}_value"] for end in ("min", "max") if given.get(f"{end}_value") is not None
    }


def _one(given: Given, name: str) -> Any:
    """A check's only argument, which has a name or none."""
    return given[name] if name in given else given["value"]


#: By pandera's name of a check: its arguments, and how it becomes an expectation.
_CHECKS: dict[str, tuple[frozenset[str], Callable[[Given], tuple[str, dict[str, Any]]]]] = {
    "equal_to": (frozenset({"value"}), _in_set("be_in_set", "value")),
    "not_equal_to": (frozenset({"value"}), _in_set("not_be_in_set", "value")),
    "greater_than": (frozenset({"min_value"}), _between("min_value", None, strict=True)),
    "greater_than_or_equal_to": (frozenset({"min_value"}), _between("min_value", None)),
    "less_than": (frozenset({"max_value"}), _between(None, "max_value", strict=True)),
    "less_than_or_equal_to": (frozenset({"max_value"}), _between(None, "max_value")),
    "in_range": (frozenset({"min_value", "max_value", "include_min", "include_max"}), _in_range),
    "isin": (frozenset({"allowed_values"}), _in_set("be_in_set", "allowed_values")),
    "notin": (frozenset({"forbidden_values"}), _in_set("not_be_in_set", "forbidden_values")),
    "str_matches": (frozenset({"pattern"}), _matching("pattern", "^(?:{})", literal=False)),
    "str_contains": (frozenset({"pattern"}), _matching("pattern", "{}", literal=False)),
    "str_startswith": (frozenset({"string"}), _matching("string", "^{}", literal=True)),
    "str_endswith": (frozenset({"string"}), _matching("string", "{}\\z", literal=True)),
    "str_length": (frozenset({"min_value", "max_value", "exact_value"}), _lengths),
    "unique_values_eq": (frozenset({"values"}), lambda given: ("distinct", {"value_set": list(_one(given, "values"))})),
}
_LENGTHS = {True: "expect_column_value_lengths_to_equal", False: "expect_column_value_lengths_to_be_between"}


def is_pandera(source: YamlFile) -> bool:
    """Whether a file is a schema of pandera, and no gate file."""
    return isinstance(source.data.get("schema_type"), str)


def read_schema(source: YamlFile) -> tuple[Declared, ...]:
    """The expectations that mean what a schema checks.

    Raises:
        ConfigError: it is none, or checks what no expectation means.
    """
    return tuple(_Schema(source).expectations())


class _Schema:
    """Reads one schema."""

    def __init__(self, source: YamlFile) -> None:
        self.source = source
        self.data = source.data

    def expectations(self) -> Iterator[Declared]:
        self.is_of_a_frame()
        columns = self.mapping(self.data.get("columns") or {}, ("columns",))
        for name in columns:
            yield from self.column(name, self.mapping(columns[name] or {}, ("columns", name)))
        yield from self.order(list(columns))
        yield from self.unique(columns)

    def is_of_a_frame(self) -> None:
        if self.data["schema_type"] != "dataframe":
            raise self.error(
                f"a schema of a {self.data['schema_type']!r} cannot be used", ("schema_type",), "known: dataframe"
            )
        api = self.data.get("api", self.data.get("dataframe_library"))
        if api not in _APIS:  # polars takes NaN for a value, for instance
            raise self.error(f"a schema for {api!r} means something else", ("api",), "known: pandas")
        for key, value in self.data.items():
            if key in _CHECKS:
                raise self.error(f"{key} of the whole frame has no equal here", (key,), _REFUSED["checks"])
            self.setting(key, value, (key,), _SAID | _MET | _SCHEMA)

    def column(self, name: str, said: Given) -> Iterator[Declared]:
        path: KeyPath = ("columns", name)
        checks = dict(self.checks(said, path))
        for key, value in said.items():
            if key not in _CHECKS:
                self.setting(key, value, (*path, key), _SAID | _MET | _COLUMN)
        if not said.get("required", True):
            what = "a column that may be absent has no equal here"
            raise self.error(what, (*path, "required"), "leave the column out of the schema, or require it")
        yield self.declared("expect_column_to_exist", path, column=name)
        if said.get("dtype") is not None:
            types = self.types(str(said["dtype"]), (*path, "dtype"))
            yield self.declared(f"{_VALUES}be_in_type_list", (*path, "dtype"), column=name, type_list=types)
        if not said.get("nullable", False):
            yield self.declared(f"{_VALUES}not_be_null", path, column=name)
        if said.get("unique", False):
            if said.get("nullable", False):
                what = "unique and nullable: pandera takes a second null for a repetition, which no expectation does"
                raise self.error(what, (*path, "unique"), "set nullable: false, or unique: false")
            yield self.declared(f"{_VALUES}be_unique", (*path, "unique"), column=name)
        for place, (check, given) in checks.items():
            yield self.check(name, check, given, place, nullable=bool(said.get("nullable", False)))

    def checks(self, said: Given, path: KeyPath) -> Iterator[tuple[KeyPath, tuple[str, Any]]]:
        """Each check with its place: of the newest form beside the settings, of older ones under ``checks``."""
        for key, given in said.items():
            if key in _CHECKS:
                yield (*path, key), (key, given)
        listed = said.get("checks")
        if isinstance(listed, list):
            for i, entry in enumerate(listed):
                options = entry.get("options") if isinstance(entry, dict) else None
                check = options.get("check_name") if isinstance(options, dict) else None
                if not isinstance(check, str):
                    raise self.error(
                        "a check in a list says which it is: options: {check_name: …}", (*path, "checks", i)
                    )
                yield (*path, "checks", i), (check, entry)
        else:
            for key, given in self.mapping(listed or {}, (*path, "checks")).items():
                yield (*path, "checks", key), (key, given)

    def check(self, column: str, name: str, given: Any, path: KeyPath, *, nullable: bool) -> Declared:
        if name not in _CHECKS:
            raise self.error(f"there is no expectation for the check {name[:60]!r}", path, did_you_mean(name, _CHECKS))
        own, read = _CHECKS[name]
        said = dict(given) if isinstance(given, dict) else {"value": given}
        options = said.pop("options", None)
        said |= options if isinstance(options, dict) else {}
        for key in said:
            if key not in own | _OPTIONS | {"value"}:
                raise self.error(f"{name} with {key[:60]!r} has no equal here", (*path, key))
        if said.get("ignore_na", True) is not True and nullable:
            raise self.error(f"{name} of nulls has no equal here", path, "set nullable: false, which says the same")
        try:
            kind, kwargs = read(said)
        except (KeyError, TypeError) as error:
            known = ", ".join(sorted(own))
            raise self.error(f"{name} lacks one of its arguments", path, f"it takes {known}") from error
        type_ = f"{_VALUES}{kind}"
        if kind == "lengths":
            type_ = _LENGTHS["value" in kwargs]
        elif kind == "distinct":
            type_ = "expect_column_distinct_values_to_equal_set"
        severity = "warn" if said.get("raise_warning") else "fail"
        return self.declared(type_, path, severity=severity, column=column, **kwargs)

    def order(self, columns: list[str]) -> Iterator[Declared]:
        strict, ordered = self.data.get("strict", False), self.data.get("ordered", False)
        if strict not in (True, False, None):
            raise self.error(
                f"strict: {strict} changes data, and a gate does not", ("strict",), "strict: true, or false"
            )
        if ordered and not strict:
            raise self.error("ordered without strict has no equal here", ("ordered",), "set strict: true as well")
        if ordered:
            yield self.declared("expect_table_columns_to_match_ordered_list", ("ordered",), column_list=columns)
        elif strict:
            type_ = "expect_table_columns_to_match_set"
            yield self.declared(type_, ("strict",), column_set=columns, exact_match=True)

    def unique(self, columns: Given) -> Iterator[Declared]:
        given = self.data.get("unique")
        names = [given] if isinstance(given, str) else given or []
        path = ("unique",)
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise self.error("unique must be a list of columns", path)
        if len(names) > 1:
            type_ = "expect_compound_columns_to_be_unique"
            yield self.declared(type_, path, column_list=names, ignore_row_if="never")
        elif names and (columns.get(names[0]) or {}).get("nullable", False):
            raise self.error("pandera takes a second null for a repetition, which no expectation does", path)
        elif names:
            yield self.declared(f"{_VALUES}be_unique", path, column=names[0])

    def types(self, name: str, path: KeyPath) -> list[str]:
        decimal = _DECIMAL.fullmatch(name)
        if decimal:
            return [f"DECIMAL({decimal[1]},{decimal[2]})"]
        if name not in _TYPES:
            raise self.error(f"the type {name[:60]!r} has no equal here", path, did_you_mean(name, _TYPES))
        return _TYPES[name]

    def setting(self, key: str, value: Any, path: KeyPath, known: frozenset[str]) -> None:
        """Refuse a setting that nobody knows, or that asks for what cannot be."""
        if key in known:
            return
        if key not in _REFUSED:
            raise self.error(f"nothing called {key[:60]!r} can be used", path, did_you_mean(key, {*known, *_CHECKS}))
        if value not in (None, False, [], {}):
            raise self.error(f"{key} cannot be used", path, _REFUSED[key])

    def mapping(self, value: Any, path: KeyPath) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.error("this must be a mapping", path)
        return value

    def declared(self, type_: str, path: KeyPath, *, severity: Any = "fail", **kwargs: Any) -> Declared:
        return Declared(type_, kwargs, Place(self.source.file, self.source.line(path)), severity=severity)

    def error(self, what: str, path: KeyPath, hint: str | None = None) -> Exception:
        return self.source.error(what, path, hint=hint)
