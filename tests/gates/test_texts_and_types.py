"""Regular expressions, LIKE patterns, lengths and types."""

from __future__ import annotations

from typing import Any

import pytest

from gate_maker import VALUES, counted, expect, gate, judge
from headgate.errors import ConfigError
from headgate.gates import Forgetful
from headgate.gates import texts as texts_room
from headgate.lake.engine import Connection, literal

WORDS = "('abc'), ('xabc'), ('ABC'), ('a\nabc'), ('a%c'), (NULL), ('ünï'), (''), ('a_c'), ('b')"
LENGTHS = "expect_column_value_lengths_to_"


@pytest.fixture
def words(branch: Connection) -> Connection:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT * FROM (VALUES {WORDS}) v(t)")
    return branch


@pytest.mark.parametrize(
    ("name", "kwargs", "unexpected"),
    [
        ("match_regex", {"regex": "b."}, ("ABC", "a%c", "ünï", "", "a_c", "b")),
        ("match_regex", {"regex": "^abc$"}, ("xabc", "ABC", "a\nabc", "a%c", "ünï", "", "a_c", "b")),
        ("match_regex", {"regex": "(?i)abc"}, ("a%c", "ünï", "", "a_c", "b")),
        ("match_regex", {"regex": "^a.abc"}, ("abc", "xabc", "ABC", "a\nabc", "a%c", "ünï", "", "a_c", "b")),
        ("not_match_regex", {"regex": "^a"}, ("abc", "a\nabc", "a%c", "a_c")),
        ("not_match_regex", {"regex": "'"}, ()),
        ("match_regex_list", {"regex_list": ["abc", "b"]}, ("ABC", "a%c", "ünï", "", "a_c")),
        ("match_regex_list", {"regex_list": ["abc", "b"], "match_on": "all"}, ("ABC", "a%c", "ünï", "", "a_c", "b")),
        ("not_match_regex_list", {"regex_list": ["abc", "b"]}, ("abc", "xabc", "a\nabc", "b")),
        ("match_like_pattern", {"like_pattern": "a%"}, ("xabc", "ABC", "ünï", "", "b")),
        ("match_like_pattern", {"like_pattern": "_n_"}, ("abc", "xabc", "ABC", "a\nabc", "a%c", "", "a_c", "b")),
        ("not_match_like_pattern", {"like_pattern": "a!%%", "escape": "!"}, ("a%c",)),
        ("not_match_like_pattern", {"like_pattern": "a!!_", "escape": "!"}, ()),
        ("match_like_pattern_list", {"like_pattern_list": ["a%", "%b%"]}, ("ABC", "ünï", "")),
        (
            "match_like_pattern_list",
            {"like_pattern_list": ["a%", "%b%"], "match_on": "all"},
            ("xabc", "ABC", "a%c", "ünï", "", "a_c", "b"),
        ),
        ("not_match_like_pattern_list", {"like_pattern_list": ["%!_%", "b"], "escape": "!"}, ("a_c", "b")),
    ],
)
def test_texts_that_do_not_look_as_told_are_unexpected(
    words: Connection, name: str, kwargs: dict[str, Any], unexpected: tuple[str, ...]
) -> None:
    result = judge(words, "t", expect(VALUES + name, column="t", **kwargs))
    assert counted(result) == (not unexpected, 10, 1, len(unexpected))
    assert result.partial_unexpected_list == unexpected


@pytest.mark.parametrize(
    ("name", "kwargs", "unexpected"),
    [
        ("be_between", {"min_value": 1, "max_value": 3}, ("xabc", "a\nabc", "")),
        ("be_between", {"min_value": 1, "max_value": 3, "strict_min": True, "strict_max": True}, None),
        ("be_between", {"min_value": 1.5}, ("", "b")),
        ("equal", {"value": 3}, ("xabc", "a\nabc", "", "b")),
        ("equal", {"value": 3.5}, None),
    ],
)
def test_lengths_are_counted_in_characters(
    words: Connection, name: str, kwargs: dict[str, Any], unexpected: tuple[str, ...] | None
) -> None:
    if name == "be_between" and kwargs == {"min_value": 1.5}:
        words.execute("UPDATE lake.marts.t SET t = 'bb' WHERE t = 'xabc'")
    result = judge(words, "t", expect(LENGTHS + name, column="t", **kwargs))
    if unexpected is None:
        assert counted(result) == (False, 10, 1, 9)
    else:
        assert result.partial_unexpected_list == unexpected


def test_a_bad_regular_expression_fails_even_where_there_is_nothing_to_search(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT NULL::VARCHAR AS t; CREATE TABLE lake.marts.e (t VARCHAR)")
    fine = expect(VALUES + "match_regex", column="t", regex="^a$")
    for name in ("t", "e"):
        declared = [expect(VALUES + "match_regex", column="t", regex=bad) for bad in ("(", "(?=a)", r"(a)\1")]
        *bad, held = gate(branch, name, *declared, fine, memory=Forgetful()).results
        assert held.success
        for result in bad:
            assert not result.success
            assert (result.error or "").startswith("could not be checked: the regular expression '")
            assert str(result.place) == "gates/marts.yml:3"


def test_a_catastrophic_regular_expression_does_not_hang(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT repeat('a', 5000) || '!' AS t")
    result = judge(branch, "t", expect(VALUES + "match_regex", column="t", regex="^(a+)+$"))
    assert counted(result) == (False, 1, 0, 1)


def test_booleans_dates_and_decimals_are_searched_as_python_writes_them(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT true AS b, DATE '2020-01-02' AS d, 1.50::DECIMAL(5,2) AS n")
    for column, regex in (("b", "^True$"), ("d", "^2020-01-02$"), ("n", r"^1\.50$")):
        assert judge(branch, "t", expect(VALUES + "match_regex", column=column, regex=regex)).success
    assert judge(branch, "t", expect(LENGTHS + "equal", column="b", value=4)).success


@pytest.mark.parametrize(
    ("type_", "kwargs", "why"),
    [
        (VALUES + "match_regex", {"column": "s", "regex": "a"}, "TIMESTAMP are written as text in several ways"),
        (LENGTHS + "equal", {"column": "s", "value": 1}, "written as text in several ways"),
        (LENGTHS + "be_between", {"column": "t", "min_value": 2, "max_value": 1}, "min_value 2 is greater"),
        (VALUES + "match_like_pattern", {"column": "i", "like_pattern": "a"}, "only texts are like a pattern"),
        (VALUES + "match_like_pattern", {"column": "t", "like_pattern": "a!", "escape": "!"}, "ends with its escape"),
        (VALUES + "be_of_type", {"column": "x", "type_": "str"}, "has no column 'x'"),
        ("expect_table_column_count_to_be_between", {"min_value": 2, "max_value": 1}, "min_value 2 is greater"),
    ],
)
def test_what_cannot_be_written_or_compared_is_told(
    branch: Connection, type_: str, kwargs: dict[str, Any], why: str
) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT TIMESTAMP '2020-01-01' AS s, 'x' AS t, 1 AS i")
    assert why in (judge(branch, "t", expect(type_, **kwargs)).error or "")


@pytest.mark.parametrize(
    ("type_", "kwargs", "what"),
    [
        (VALUES + "match_regex_list", {"regex_list": []}, "regex_list must be a list of at least one text"),
        (VALUES + "match_regex", {"regex": 5}, "regex must be a text, not 5"),
        (VALUES + "match_regex", {"regex": "a\x00b"}, "regex must be a text"),
        (VALUES + "match_like_pattern", {"like_pattern": "a", "escape": "!!"}, "escape must be one character"),
        (
            VALUES + "match_like_pattern",
            {"like_pattern": "a%%", "escape": "%"},
            "escape must be one character, other than",
        ),
        (VALUES + "be_in_type_list", {"type_list": "str"}, "type_list must be a list of types"),
        (LENGTHS + "be_between", {}, "min_value is required, or max_value"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    words: Connection, type_: str, kwargs: dict[str, Any], what: str
) -> None:
    with pytest.raises(ConfigError, match=what):
        judge(words, "t", expect(type_, column="t", **kwargs))


def test_a_length_is_proven_where_a_file_holds_one_text(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT 'é' AS t FROM range(5)")
    result = judge(branch, "t", expect(LENGTHS + "equal", column="t", value=1))
    assert (counted(result), result.how) == ((True, 5, 0, 0), "proven")
    assert judge(branch, "t", expect(LENGTHS + "be_between", column="t", max_value=1)).how == "proven"
    assert counted(judge(branch, "t", expect(LENGTHS + "be_between", column="t", min_value=2))) == (False, 5, 0, 5)
    branch.execute("INSERT INTO lake.marts.t VALUES ('ab'), ('b')")
    assert counted(judge(branch, "t", expect(LENGTHS + "equal", column="t", value=1))) == (False, 7, 0, 1)


@pytest.mark.parametrize(
    ("expression", "names", "others"),
    [
        ("1::BIGINT", ["BIGINT", "bigint", "int64", "Int64", "LongType", "int"], ["INTEGER", "int32", "str", "float"]),
        ("1::INTEGER", ["INTEGER", "int32", "int"], ["int64", "BIGINT"]),
        ("1::SMALLINT", ["int16", "SMALLINT"], ["int"]),
        ("1.5::DOUBLE", ["float64", "float", "DOUBLE", "double  precision"], ["float32", "real", "decimal"]),
        ("1.5::FLOAT", ["float32", "float", "FLOAT", "real"], ["float64"]),
        ("'x'", ["str", "object", "VARCHAR", "text", "String"], ["INTEGER", "bytes"]),
        ("true", ["bool", "BOOLEAN"], ["int"]),
        ("TIMESTAMP '2020-01-01'", ["datetime64[ns]", "TIMESTAMP", "datetime"], ["date", "timestamptz"]),
        ("TIMESTAMPTZ '2020-01-01'", ["timestamptz", "TIMESTAMP WITH TIME ZONE", "datetime64[ns, UTC]"], ["TIMESTAMP"]),
        ("DATE '2020-01-01'", ["date", "DateType"], ["TIMESTAMP"]),
        ("1.5::DECIMAL(10, 2)", ["DECIMAL(10, 2)", "decimal", "NUMERIC"], ["DECIMAL(9,2)", "float"]),
        ("[1.5::DECIMAL(10, 2)]", ["DECIMAL(10,2)[]"], ["decimal"]),
    ],
)
def test_types_go_by_the_names_of_many_worlds(
    branch: Connection, expression: str, names: list[str], others: list[str]
) -> None:
    branch.execute(f"CREATE TABLE lake.marts.t AS SELECT {expression} AS a")
    for name in names:
        assert judge(branch, "t", expect(VALUES + "be_of_type", column="a", type_=name)).success, name
    for name in [*others, "nonsense"]:
        result = judge(branch, "t", expect(VALUES + "be_of_type", column="a", type_=name))
        assert (result.success, result.error, result.how) == (False, None, "proven"), name
    listed = expect(VALUES + "be_in_type_list", column="a", type_list=["nonsense", names[0]])
    assert judge(branch, "t", listed).success
    assert not judge(branch, "t", expect(VALUES + "be_in_type_list", column="a", type_list=others)).success


def test_columns_are_counted(branch: Connection) -> None:
    branch.execute("CREATE TABLE lake.marts.t AS SELECT 1 AS a, 2 AS b")
    for name, kwargs, success in (
        ("equal", {"value": 2}, True),
        ("equal", {"value": 3}, False),
        ("be_between", {"min_value": 2, "max_value": 2}, True),
        ("be_between", {"min_value": 3}, False),
        ("be_between", {"max_value": 1}, False),
    ):
        result = judge(branch, "t", expect(f"expect_table_column_count_to_{name}", **kwargs))
        assert (result.success, result.observed_value, result.how) == (success, 2, "proven")


@pytest.mark.parametrize(
    "regex", ["^a.b$", "^ab$", r"^\s*$", "^[ab|]+$", "^(?:a|b)$", "^(a)b?$", r"^a\$", "^$", r"^\Qa$"]
)
def test_both_functions_that_search_find_the_same(con: Connection, regex: str) -> None:
    texts = ["ab", "a\nb", "ab\n", "\nab", "axb", "", " ", "a", "b", "a|b", "a$", "a$b", "aab", "ü", "a\rb"]
    listed = ", ".join(map(literal, texts))
    found = [
        con.execute(f"SELECT a FROM (SELECT unnest([{listed}]) AS a) WHERE {function}(a, {literal(regex)})").fetchall()
        for function in (texts_room._search(regex), "regexp_matches")
    ]
    assert found[0] == found[1]
