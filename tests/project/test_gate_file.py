"""Gate files and the suites they load: plain records with places, or one clear error."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import ConfigError
from headgate.project import Bound, Declared, GateFile, Place, read_gate, read_gates
from headgate.project.suite import suite_of
from headgate.project.yaml_file import written

Read = Callable[..., GateFile]
EXAMPLE = """\
train:
  - suite: suites/raw_train.json
  - expect_compound_columns_to_be_unique: {column_list: [Store, Date]}
    id: one_row_per_store_and_day
  - references: {columns: [Store], to: raw.store, to_columns: [Store]}
  - implies: {if: 'Open = 0', then: 'Sales = 0'}
  - continuous: {column: Date, group_by: [Store]}
    severity: warn
    dimension: timeliness
    on_fail: quarantine
    description: No day is missing.
    meta: {owner: sales}
  - no_infinities: {}
store:
"""
SUITE_018 = {
    "data_asset_type": None,
    "expectation_suite_name": "raw_train",
    "ge_cloud_id": None,
    "expectations": [
        {
            "expectation_type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "Store", "batch_id": "abc", "result_format": "BASIC", "catch_exceptions": False},
            "meta": {"profiler": 1},
        },
        {
            "expectation_type": "expect_table_row_count_to_be_between",
            "kwargs": {"min_value": 1, "include_config": True},
        },
    ],
    "meta": {"great_expectations_version": "0.18.12"},
}
SUITE_1X = {
    "name": "raw_train",
    "id": "2f0c",
    "expectations": [
        {
            "type": "expect_column_values_to_be_in_set",
            "id": "aaa",
            "severity": "critical",
            "description": "Open or not",
            "kwargs": {"column": "Open", "value_set": [0, 1], "mostly": 0.95},
            "meta": {},
            "rendered_content": [],
            "notes": None,
        },
        {"type": "expect_column_to_exist", "severity": "warning", "kwargs": {"column": "x"}},
        {"type": "expect_column_to_exist", "severity": "info", "kwargs": {"column": "y"}},
    ],
    "meta": {"great_expectations_version": "1.24.1"},
    "notes": None,
}


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read the gate of ``raw`` whose file says ``content``, with these suites beside it."""

    def read_content(content: str = "t:\n  - suite: s.json\n", **suites: Any) -> GateFile:
        (tmp_path / "gates").mkdir(exist_ok=True)
        (tmp_path / "gates" / "raw.yml").write_text(content)
        for name, suite in suites.items():
            text = suite if isinstance(suite, str | bytes) else json.dumps(suite, indent=2)
            (tmp_path / "gates" / f"{name}.json").write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_gate(tmp_path, "raw")

    return read_content


def refused(read: Read, *args: Any, **kwargs: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(*args, **kwargs)
    return caught.value


# --- gate files -----------------------------------------------------------------------------------------


def test_the_example_of_the_documentation_is_read(read: Read, tmp_path: Path) -> None:
    (tmp_path / "gates" / "suites").mkdir(parents=True)
    (tmp_path / "gates" / "suites" / "raw_train.json").write_text(json.dumps(SUITE_018, indent=2))
    gate = read(EXAMPLE)

    assert gate.layer == "raw"
    assert list(gate.tables) == ["train", "store"]
    assert gate.tables["store"] == ()
    first, second, unique, references, implies, continuous, infinities = gate.tables["train"]
    assert first == Declared(
        type="expect_column_values_to_not_be_null",
        kwargs={"column": "Store"},
        place=Place("gates/suites/raw_train.json", 6, 0),
        meta={"profiler": 1},
    )
    assert (second.kwargs, second.place.line, second.place.index) == ({"min_value": 1}, 18, 1)
    assert unique == Declared(
        type="expect_compound_columns_to_be_unique",
        kwargs={"column_list": ["Store", "Date"]},
        place=Place("gates/raw.yml", 3),
        id="one_row_per_store_and_day",
    )
    assert references.kwargs == {"columns": ["Store"], "to": "raw.store", "to_columns": ["Store"]}
    assert implies.kwargs == {"if": "Open = 0", "then": "Sales = 0"}
    assert continuous == Declared(
        type="continuous",
        kwargs={"column": "Date", "group_by": ["Store"]},
        place=Place("gates/raw.yml", 7),
        severity="warn",
        dimension="timeliness",
        on_fail="quarantine",
        description="No day is missing.",
        meta={"owner": "sales"},
    )
    assert (infinities.type, infinities.kwargs, infinities.place.line) == ("no_infinities", {}, 13)


def test_a_layer_without_a_gate_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the layer 'raw' has no gate file") as caught:
        read_gates(tmp_path, ("raw", "marts"))
    assert (caught.value.file, caught.value.exit_code) == ("gates/raw.yml", 2)
    assert "echo '{}' > gates/raw.yml" in (caught.value.hint or "")


def test_a_gate_file_can_expect_nothing(tmp_path: Path) -> None:
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates" / "raw.yml").write_text("{}\n")
    assert read_gate(tmp_path, "raw") == GateFile("raw", {})


def test_a_table_may_be_called_whatever_a_database_calls_it(read: Read) -> None:
    names = ["Order Lines", "größe", 'sel"ect', "drop table x; --", "a.b", "../../etc", "two\nlines", "x" * 255]
    assert list(read("".join(f"{written(name)}: []\n" for name in names)).tables) == names


def test_an_expectation_without_arguments_may_leave_them_out(read: Read) -> None:
    (declared,) = read("t:\n  - no_infinities:\n").tables["t"]
    assert (declared.type, declared.kwargs) == ("no_infinities", {})


@pytest.mark.parametrize(
    ("content", "line", "key", "what", "hint"),
    [
        ("", 1, None, "empty", None),
        ("- a\n", 1, None, "must be a mapping", None),
        ("t: {a: 1}\n", 1, "t", "has a list of expectations", "- "),
        ("t: text\n", 1, "t", "has a list of expectations", "- "),
        ('"": []\n', 1, None, "not the name of a table", None),
        ('"a\\0": []\n', 1, "a\x00", "not the name of a table", None),
        (f"? {'x' * 256}\n: []\n", 1, "x" * 256, "not the name of a table", None),
        ("Train: []\ntrain: []\n", 2, "train", "are one table", None),
        ("t: []\nt: []\n", 2, "t", "stands here twice", None),
        ("t:\n  - no_infinities\n", 2, "t[0]", "must be a mapping", "no_infinities: {}"),
        ("t:\n  - 5\n", 2, "t[0]", "must be a mapping", None),
        ("t:\n  - {}\n", 2, "t[0]", "names no expectation", None),
        ("t:\n  - id: x\n", 2, "t[0]", "names no expectation", None),
        ("t:\n  - a: {}\n    b: {}\n", 2, "t[0]", "names 2 expectations: a, b", "begin each with its own"),
        ("t:\n  - a: {}\n    severty: warn\n", 3, "t[0].severty", "no option 'severty'", "did you mean 'severity'?"),
        ("t:\n  - a: [1]\n", 2, "t[0].a", "arguments of a must be a mapping", "a: {argument: value}"),
        ("t:\n  - a: {}\n    severity: warning\n", 3, "t[0].severity", "cannot be 'warning'", "did you mean 'warn'?"),
        ("t:\n  - a: {}\n    severity: [x]\n", 3, "t[0].severity", "cannot be", "known: fail, warn"),
        ("t:\n  - a: {}\n    on_fail: stop\n", 3, "t[0].on_fail", "cannot be 'stop'", "block, quarantine"),
        ("t:\n  - a: {}\n    dimension: beauty\n", 3, "t[0].dimension", "cannot be 'beauty'", "uniqueness"),
        ("t:\n  - a: {}\n    id: 5\n", 3, "t[0].id", "id must be a text", None),
        ("t:\n  - a: {}\n    id: ' '\n", 3, "t[0].id", "id must be a text", None),
        ("t:\n  - a: {}\n    description: [x]\n", 3, "t[0].description", "description must be a text", None),
        ("t:\n  - a: {}\n    meta: x\n", 3, "t[0].meta", "meta must be a mapping", None),
        ("t:\n  - a: {}\n    id: x\n  - b: {}\n    id: x\n", 4, None, "id 'x' is used twice", None),
        ("t:\n  - suite: {}\n", 2, "t[0].suite", "named by its path", "suites/raw_train.json"),
        ("t:\n  - suite: ''\n", 2, "t[0].suite", "named by its path", None),
        ("t:\n  - suite: a.json\n    id: x\n", 3, "t[0].id", "takes no id", None),
        ("t:\n  - suite: a\\0b\n", 2, "t[0].suite", "no suite", None),
        ('t:\n  - suite: "a\\0b"\n', 2, "t[0].suite", "cannot be used", None),
        ("t:\n  - suite: no/where.json\n", 2, "t[0].suite", "there is no suite", "there is no folder no either"),
        ("t:\n  - suite: sutie.json\n", 2, "t[0].suite", "there is no suite", "did you mean 'suite.json'?"),
        ("t:\n  - max_quarantine: many\n", 2, "t[0].max_quarantine", "cannot be 'many'", "a share as 0.01 or 1%"),
        ("t:\n  - max_quarantine: 101%\n", 2, "t[0].max_quarantine", "cannot be '101%'", "a share as 0.01 or 1%"),
        ("t:\n  - max_quarantine: -1\n", 2, "t[0].max_quarantine", "cannot be '-1'", "a share as 0.01 or 1%"),
        ("t:\n  - max_quarantine: 1\n  - max_quarantine: 2\n", 3, "t[1].max_quarantine", "stands twice", None),
        ("t:\n  - a: {b: [}\n", 2, None, "not YAML", None),
    ],
)
def test_a_mistake_is_told_with_its_place_and_a_way_out(
    read: Read, content: str, line: int, key: str | None, what: str, hint: str | None
) -> None:
    error = refused(read, content, suite=SUITE_018)
    assert (error.file, error.line, error.key) == ("gates/raw.yml", line, key)
    assert what in error.what
    if hint is not None:
        assert hint in (error.hint or "")


def test_a_gate_file_that_would_never_be_used_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates" / "feature.yml").write_text("t: []\n")
    with pytest.raises(ConfigError, match="there is no layer 'feature'") as caught:
        read_gates(tmp_path, ("raw", "features"))
    assert (caught.value.file, caught.value.hint) == ("gates/feature.yml", "did you mean 'features'?")


def test_a_gate_file_with_another_ending_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates" / "raw.yaml").write_text("t: []\n")
    with pytest.raises(ConfigError, match=r"must end in \.yml"):
        read_gates(tmp_path, ("raw",))


def test_all_gates_come_in_the_order_of_the_layers(tmp_path: Path) -> None:
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates" / "marts.yml").write_text("t:\n  - a: {}\n")
    (tmp_path / "gates" / "raw.yml").write_text("{}\n")
    (tmp_path / "gates" / ".marts.yml.swp").write_text("editor")
    gates = read_gates(tmp_path, ("raw", "marts"))
    assert list(gates) == ["raw", "marts"]
    assert (len(gates["raw"].tables), len(gates["marts"].tables)) == (0, 1)


def test_a_broken_link_is_not_a_missing_gate(tmp_path: Path) -> None:
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates" / "raw.yml").symlink_to(tmp_path / "gone.yml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_gate(tmp_path, "raw")


# --- suites ---------------------------------------------------------------------------------------------


def test_a_suite_of_version_1_is_loaded_with_its_severities_and_ids(read: Read) -> None:
    in_set, warned, told = read(s=SUITE_1X).tables["t"]
    assert in_set == Declared(
        type="expect_column_values_to_be_in_set",
        kwargs={"column": "Open", "value_set": [0, 1], "mostly": 0.95},
        place=Place("gates/s.json", 5, 0),
        id="aaa",
        severity="fail",
        description="Open or not",
    )
    assert (warned.severity, told.severity) == ("warn", "warn")


def test_the_gate_file_may_decide_for_a_whole_suite(read: Read) -> None:
    gate = read(
        "t:\n  - suite: s.json\n    severity: warn\n    on_fail: quarantine\n    dimension: validity\n", s=SUITE_1X
    )
    assert {(each.severity, each.on_fail, each.dimension) for each in gate.tables["t"]} == {
        ("warn", "quarantine", "validity")
    }


def test_a_suite_may_lie_outside_the_project(read: Read, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}_shared.json"
    outside.write_text(json.dumps(SUITE_018))
    for name in (str(outside), f"../../{outside.name}"):
        first, _ = read(f"t:\n  - suite: {name}\n").tables["t"]
        assert first.place == Place(str(outside), 1, 0)


def test_an_expectation_of_a_minified_suite_is_found_by_its_number(read: Read) -> None:
    gate = read(s=json.dumps(SUITE_1X, separators=(",", ":")))
    assert [str(each.place) for each in gate.tables["t"]] == [f"gates/s.json:1 (expectations[{n}])" for n in range(3)]


def test_a_byte_order_mark_and_windows_lines_are_read(read: Read) -> None:
    text = json.dumps(SUITE_1X, indent=2).replace("\n", "\r\n")
    gate = read(s=b"\xef\xbb\xbf" + text.encode())
    assert [each.place.line for each in gate.tables["t"]] == [5, 22, 29]


def test_parameters_that_the_suite_holds_are_filled_in(read: Read) -> None:
    def suite(kwargs: Any, **more: Any) -> Any:
        return {"name": "s", "expectations": [{"type": "e", "kwargs": kwargs}], **more}

    low = {"min_value": {"$PARAMETER": "low"}}
    assert read(s=suite(low, suite_parameters={"low": 3})).tables["t"][0].kwargs == {"min_value": 3}
    assert read(s=suite(low, evaluation_parameters={"low": 3})).tables["t"][0].kwargs == {"min_value": 3}
    default = {"min_value": {"$PARAMETER": "low", "$PARAMETER.low": 4}}
    assert read(s=suite(default)).tables["t"][0].kwargs == {"min_value": 4}
    error = refused(read, s=suite({"min_value": {"$PARAMETER": "low * 2"}}, suite_parameters={"low": 3}))
    assert "'low * 2' has no value" in error.what
    assert error.key == "expectations[0]"


@pytest.mark.parametrize(
    ("suite", "line", "what"),
    [
        ("", 1, "empty"),
        ("  \n", 1, "empty"),
        ("{", 1, "not JSON"),
        ('{"expectations": [\n  {"type": "a",}\n]}', 2, "not JSON"),
        ("not json", 1, "not JSON"),
        (b"\xff\xfe{\x00}\x00", 1, "not UTF-8"),
        ("[" * 100_000, None, "nested too deeply"),
        ("[]", 1, "not a Great Expectations suite"),
        ("{}", 1, "not a Great Expectations suite"),
        ('{"expectations": {}}', 1, "not a Great Expectations suite"),
        ('{"name": "s", "expectations": [], "bogus": []}', None, "a suite has no key 'bogus'"),
        ('{"expectations": [\n5]}', 2, "must be an object"),
        ('{"expectations": [{}]}', 1, "one 'type'"),
        ('{"expectations": [{"type": "a", "expectation_type": "a"}]}', 1, "one 'type'"),
        ('{"expectations": [{"type": 5}]}', 1, "one 'type'"),
        ('{"expectations": [{"type": ""}]}', 1, "one 'type'"),
        ('{"expectations": [{"type": "a"},\n\n{"type": "a", "kwarg": {}}]}', 3, "no key 'kwarg'"),
        ('{"expectations": [{"type": "a", "kwargs": []}]}', 1, "'kwargs' must be an object"),
        ('{"expectations": [{"type": "a", "meta": 1}]}', 1, "'meta' must be an object"),
        ('{"expectations": [{"type": "a", "id": 1}]}', 1, "'id' must be a text"),
        ('{"expectations": [{"type": "a", "severity": "fatal"}]}', 1, "no severity 'fatal'"),
        ('{"expectations": [{"type": "a", "severity": {}}]}', 1, "no severity"),
        ('{"expectations": [{"type": "a", "id": "x"}, {"type": "b", "id": "x"}]}', 1, "used twice"),
        ('{"expectations": [{"type": "a", "kwargs": {"n": ' + "9" * 5_000 + "}}]}", None, "number is too long"),
    ],
)
def test_a_broken_suite_is_told_with_its_place(read: Read, suite: str | bytes, line: int | None, what: str) -> None:
    error = refused(read, s=suite)
    assert (error.file, error.line) == ("gates/s.json", line)
    assert what in error.what


def test_all_that_great_expectations_writes_at_the_top_of_a_suite_is_taken(read: Read) -> None:
    old: dict[str, Any] = {
        "expectation_suite_name": "s",
        "ge_cloud_id": None,
        "data_asset_type": None,
        "evaluation_parameters": {},
    }
    new: dict[str, Any] = {
        "name": "s",
        "id": "0c0c4f1e-5e0f-4f4e-9d36-3c5d2f8e2b9b",
        "suite_parameters": {},
        "notes": "by hand",
    }
    for keys in (old, old | {"data_asset_name": "t"}, new):
        assert read(s={**keys, "meta": {"great_expectations_version": "1.24.1"}, "expectations": []}).tables["t"] == ()


def test_the_hint_for_a_mistyped_key_of_a_suite(read: Read) -> None:
    error = refused(read, s={"name": "s", "expectations": [], "suite_parameter": {}})
    assert (error.key, error.hint) == ("suite_parameter", "did you mean 'suite_parameters'?")
    error = refused(read, s='{"expectations": [{"type": "a", "kwarg": {}}]}')
    assert error.hint == "did you mean 'kwargs'?"
    assert error.key == "expectations[0]"


def test_another_list_of_expectations_within_a_suite_is_not_the_suites(read: Read) -> None:
    gate = read(s='{"meta": {"expectations": [1]},\n"expectations": [\n{"type": "a"}\n]}')
    assert [each.place.line for each in gate.tables["t"]] == [3]


def test_a_key_that_stands_twice_in_an_object_of_a_suite_is_told(read: Read) -> None:
    error = refused(read, s='{"expectations": [{"type": "a"}], "expectations": []}')
    assert (error.file, error.what) == ("gates/s.json", "'expectations' stands 2 times in one object")


def test_a_large_suite_is_read_in_less_than_a_second(read: Read) -> None:
    expectations = [
        {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": f"c{n}", "value_set": ["x" * 40] * 20}}
        for n in range(10_000)
    ]
    text = json.dumps({"name": "s", "expectations": expectations}, indent=1)
    assert len(text) > 10_000_000
    begun = time.process_time()
    gate = read(s=text)
    assert time.process_time() - begun < 3, "about 0.3 s on an idle machine"
    assert len(gate.tables["t"]) == 10_000
    last = gate.tables["t"][-1].place.line
    assert last is not None
    assert text.splitlines()[last - 1] == "  {"


def test_small_gates_are_read_in_milliseconds(read: Read) -> None:
    content = "".join(f"t{n}:\n  - suite: s.json\n" for n in range(4))
    read(content, s=SUITE_1X)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        read(content, s=SUITE_1X)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.1, "about 3 ms on an idle machine"


# --- anything at all ------------------------------------------------------------------------------------

words = st.sampled_from(
    ["a", "b", "id", "severity", "suite", "s.json", "meta", "warn", "fail", "t", "on_fail", "type", "kwargs"]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
gates = st.dictionaries(
    words | st.text(max_size=3), st.lists(st.dictionaries(words, anything, max_size=3), max_size=3) | anything
)
suites = (
    st.fixed_dictionaries(
        {
            "expectations": st.lists(
                st.fixed_dictionaries({"type": words}, optional={"kwargs": anything, "id": anything})
            )
        }
    )
    | anything
)


@given(gates, suites, st.sampled_from([None, 0, 2]))
def test_anything_is_a_gate_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, gate: Any, suite: Any, indent: int | None
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any_gate"
    (folder / "gates").mkdir(exist_ok=True, parents=True)
    (folder / "gates" / "raw.yml").write_text(yaml.safe_dump(gate), encoding="utf-8")
    (folder / "gates" / "s.json").write_text(json.dumps(suite, indent=indent), encoding="utf-8")
    try:
        found = read_gate(folder, "raw")
    except ConfigError as error:
        assert error.file.startswith("gates/")  # noqa: PT017 - either outcome is right
    else:
        assert all(each.place.line for declared in found.tables.values() for each in declared)


@given(st.lists(st.dictionaries(st.text(max_size=3), anything, max_size=2), max_size=6), st.sampled_from([None, 0, 3]))
def test_each_expectation_of_a_suite_knows_its_line(expectations: list[Any], indent: int | None) -> None:
    from headgate.project.suite import _lines

    text = json.dumps(
        {"a": [{"expectations": []}], "expectations": [{"at": 1, **each} for each in expectations]}, indent=indent
    )
    lines = text.split("\n")
    found = list(_lines(text))
    assert len(found) == len(expectations)
    assert all("{" in lines[line - 1] for line in found)
    assert found == sorted(found)


def test_a_table_says_how_many_of_its_rows_may_be_in_quarantine(read: Read) -> None:
    gate = read("t:\n  - max_quarantine: 0.5%\n  - a: {}\nu:\n  - max_quarantine: 500\nv:\n  - max_quarantine: 1.0\n")
    assert gate.max_quarantine == {"t": Bound(share=0.005), "u": Bound(rows=500), "v": Bound(share=1.0)}
    assert [each.type for each in gate.tables["t"]] == ["a"]


# --- folders of Great Expectations ---------------------------------------------------------------------


@pytest.mark.parametrize("named", ["../gx", "../gx/expectations", "..", "../gx/expectations/shop/sales.json"])
def test_the_only_suite_of_a_folder_is_found(read: Read, tmp_path: Path, named: str) -> None:
    folder = tmp_path / "gx" / "expectations"
    (folder / "shop").mkdir(parents=True)
    (folder / ".ge_store_backend_id").write_text("store_backend_id = 1")
    (folder / "shop" / "sales.json").write_text(json.dumps(SUITE_1X))
    gate = read(f"train:\n  - suite: {named}\n")
    assert gate.tables["train"][0].type == "expect_column_values_to_be_in_set"
    assert gate.tables["train"][0].place.file == "gx/expectations/shop/sales.json"


def test_of_several_suites_one_must_be_named(read: Read, tmp_path: Path) -> None:
    folder = tmp_path / "great_expectations" / "expectations"
    folder.mkdir(parents=True)
    with pytest.raises(ConfigError, match="there is no suite in this folder"):
        read("train:\n  - suite: ../great_expectations\n")
    for name in ("b", "a"):
        (folder / f"{name}.json").write_text(json.dumps(SUITE_018))
    with pytest.raises(ConfigError, match="2 suites in this folder") as several:
        read("train:\n  - suite: ../great_expectations\n")
    assert several.value.hint == "name one: great_expectations::a, great_expectations::b"


@pytest.mark.parametrize(
    "named", ["../gx::sales", "../gx/expectations::sales", "..::sales", "../gx::shop.more", "../gx::shop/more"]
)
def test_a_suite_of_a_folder_is_named_as_great_expectations_names_it(read: Read, tmp_path: Path, named: str) -> None:
    folder = tmp_path / "gx" / "expectations"
    (folder / "shop").mkdir(parents=True)
    files = {"sales": "sales.json", "shop.more": "shop/more.json", "other": "other.json"}
    for name, file in files.items():
        (folder / file).write_text(json.dumps(SUITE_1X | {"name": name}))
    gate = read(f"train:\n  - suite: {named}\n")
    asked = named.partition("::")[2].replace("/", ".")
    assert {each.place.file for each in gate.tables["train"]} == {f"gx/expectations/{files[asked]}"}


def test_a_suite_that_the_folder_has_not_is_told_with_those_it_has(read: Read, tmp_path: Path) -> None:
    folder = tmp_path / "gx" / "expectations"
    (folder / "shop").mkdir(parents=True)
    for file in ("sales.json", "shop/more.json", "shop.more.json"):
        (folder / file).write_text(json.dumps(SUITE_1X))
    with pytest.raises(ConfigError, match="there is no suite 'sale' in this folder") as missing:
        read("train:\n  - suite: ../gx::sale\n")
    assert missing.value.hint == "did you mean 'sales'?"
    with pytest.raises(ConfigError, match="several suites in this folder are called") as twice:
        read("train:\n  - suite: ../gx::shop.more\n")
    assert "shop.more: expectations/shop/more.json, expectations/shop.more.json" in str(twice.value)
    with pytest.raises(ConfigError, match=r"there is no suite \.\./nowhere::sales"):
        read("train:\n  - suite: ../nowhere::sales\n")


def test_the_name_of_a_class_is_that_of_its_type() -> None:
    entry = {"type": "UnexpectedRowsExpectation", "kwargs": {"unexpected_rows_query": "select * from {batch}"}}
    assert suite_of({"expectations": [entry]}, "s.json").expectations[0].type == "unexpected_rows_expectation"
