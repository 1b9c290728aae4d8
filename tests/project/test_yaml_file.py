"""Reading YAML: plain data with lines, or one clear error."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from headgate.errors import ConfigError, UsageError
from headgate.project.yaml_file import MAX_BYTES, YamlFile, read_value, read_yaml


def read(tmp_path: Path, content: str | bytes) -> YamlFile:
    path = tmp_path / "headgate.yml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_yaml(path, "headgate.yml")


def refused(tmp_path: Path, content: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, content)
    assert caught.value.file == "headgate.yml"
    return caught.value


def test_values_know_their_lines(tmp_path: Path) -> None:
    source = read(tmp_path, "name: a\nsources:\n  kaggle:\n    tables:\n      - x\n      - y: 1\n")
    assert source.data == {"name": "a", "sources": {"kaggle": {"tables": ["x", {"y": 1}]}}}
    assert source.line(("name",)) == 1
    assert source.line(("sources", "kaggle", "tables")) == 4
    assert source.line(("sources", "kaggle", "tables", 1, "y")) == 6
    assert source.line(("sources", "kaggle", "nothing", "here")) == 3, "the closest thing around it"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("'12'", "12"),
        ("[a, 1]", ["a", 1]),
        ("{a: {b: 2}}", {"a": {"b": 2}}),
        ("!!str 12", "12"),
        ("!!float 1", 1.0),
    ],
)
def test_plain_values_are_read_as_yaml_1_2_does(text: str, value: Any) -> None:
    found = read_value(text, name="x")
    assert found == value
    assert type(found) is type(value)


def test_keys_are_texts_whatever_they_look_like(tmp_path: Path) -> None:
    assert read(tmp_path, "1: a\ntrue: b\non: c\nnull: d\n").data == {"1": "a", "true": "b", "on": "c", "null": "d"}


def test_anchors_and_merges_work_and_own_keys_win(tmp_path: Path) -> None:
    source = read(tmp_path, "base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\nuse:\n  <<: [*b, *o]\n  x: 9\ncopy: *b\n")
    assert source.data["use"] == {"x": 9, "y": 2, "z": 4}
    assert source.data["copy"] == {"x": 1, "y": 2}


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_byte_order_marks_and_windows_lines_are_read(tmp_path: Path, mark: bytes, ending: bytes) -> None:
    source = read(tmp_path, mark + ending.join([b"name: a", b"lake: b", b""]))
    assert source.data == {"name": "a", "lake": "b"}
    assert source.line(("lake",)) == 2


def test_a_key_that_stands_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    error = refused(tmp_path, "sources:\n  a: 1\n  b: 2\n  a: 3\n")
    assert (error.line, error.key) == (4, "sources.a")
    assert "first on line 2" in error.what


def test_a_tab_is_named_as_such(tmp_path: Path) -> None:
    error = refused(tmp_path, "name: a\nsources:\n\tkaggle: 1\n")
    assert error.line == 3
    assert error.hint is not None
    assert "spaces" in error.hint


def test_bytes_that_are_no_utf8_are_named_by_line(tmp_path: Path) -> None:
    error = refused(tmp_path, b"name: a\nlake: caf\xe9\n")
    assert (error.line, error.hint) == (2, "save it as UTF-8")


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        ("---\n", 1, "empty"),
        ("~\n", 1, "empty"),
        ("- a\n- b\n", 1, "not a list"),
        ("just words\n", 1, "not a single value"),
        ("a: 1\nb: [1, 2\n", 3, "not YAML"),
        ("a: 1\nb: 'open\n", 3, "not YAML"),
        ("a: 1\n b: 2\n", 2, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("a: *unknown\n", 1, "not YAML"),
        ("a: b: c\n", 1, "not YAML"),
        ("a: 1\nb: %x\n", 2, "not YAML"),
        ("a: \x00\n", 1, "not YAML"),
        ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2, "tag"),
        ("a: !Ref b\n", 1, "tag"),
        ("a: !!timestamp 2024-01-01\n", 1, "tagged type timestamp"),
        ("a: !!int many\n", 1, "tagged type int"),
        ("a: !!set {x, y}\n", 1, "tag"),
        ("? [a, b]\n: 1\n", 1, "plain text"),
        ("a: 1\n<<: 3\n", 2, "'<<' takes a mapping"),
        ("a: " + "9" * 5_000 + "\n", 1, "too long"),
    ],
)
def test_broken_files_are_named_by_line(tmp_path: Path, content: str, line: int, words: str) -> None:
    error = refused(tmp_path, content)
    assert words in error.what
    assert error.line == line


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_yaml(tmp_path / "nothing.yml", "nothing.yml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_yaml(tmp_path, "folder")


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    begun = time.perf_counter()
    assert "larger than 5 MB" in refused(tmp_path, b"a: 1\n" * MAX_BYTES).what
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    "content",
    [
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]\n" for n in range(1, 20)),
        "a0: &a0 {x: 1}\n"
        + "".join(f"a{n}: &a{n} {{<<: [" + ", ".join([f"*a{n - 1}"] * 9) + "]}\n" for n in range(1, 20)),
    ],
    ids=["lists", "merges"],
)
def test_a_bomb_of_anchors_is_refused_quickly(tmp_path: Path, content: str) -> None:
    begun = time.process_time()
    assert "expands into more than" in refused(tmp_path, content).what
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    "content", ["a: &a [*a]\n", "a: " + "[" * 900 + "]" * 900, "a: " + "{b: " * 60 + "1" + "}" * 60]
)
def test_endless_and_deep_values_are_refused(tmp_path: Path, content: str) -> None:
    assert "nested too deeply" in refused(tmp_path, content).what


def test_the_slow_loader_reads_the_same_as_the_fast_one() -> None:
    if not yaml.__with_libyaml__:
        pytest.skip("this PyYAML has no C loader to compare with")
    from headgate.project import yaml_file

    class Slow(yaml.SafeLoader):
        yaml_implicit_resolvers = yaml_file._Loader.yaml_implicit_resolvers

    text = "a: [1, 1.5, yes, no, ~, '', 2024-01-01, 0x1F, {b: true}]\n"
    node = yaml.compose(text, Loader=Slow)
    assert node is not None
    assert yaml_file._Builder("x").value(node, ()) == yaml_file._Builder("x").value(yaml_file._compose(text, "x"), ())


def test_without_the_fast_loader_the_same_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from headgate.project import yaml_file

    class Slow(yaml.SafeLoader):
        yaml_implicit_resolvers = yaml_file._Loader.yaml_implicit_resolvers

    monkeypatch.setattr(yaml_file, "_Loader", Slow)
    assert refused(tmp_path, "a: 1\nb: \x00\n").line == 2
    assert "nested too deeply" in refused(tmp_path, "a: " + "[" * 2_000).what
    assert refused(tmp_path, "a: 1\n\tb: 2\n").line == 2


def test_a_broken_value_of_a_variable_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--var x cannot be read"):
        read_value("[1, 2", name="--var x")


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8), inner, max_size=4
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.text("abcxyz_", min_size=1, max_size=8), plain, max_size=5))
def test_json_is_yaml(data: dict[str, Any]) -> None:
    found = read_value(json.dumps(data, ensure_ascii=False), name="x")
    assert found == json.loads(json.dumps(data))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"a: \xed\xa0\x80")
@example(b"\xff\xfea\x00:\x00 \x001\x00")
@example(b"? \n: ")
@example(b"%YAML 9.9\n---\na: 1")
@example(b"<<: {<<: 1}")
def test_anything_is_either_a_mapping_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "anything.yml"
    path.write_bytes(content)
    try:
        source = read_yaml(path, "anything.yml")
    except ConfigError as error:
        assert error.what  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(source.data, dict)
        assert all(isinstance(key, str) for key in source.data)
