"""The same expectations on some rows only: those that a ``row_condition`` on a second column chooses."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from gx_cases import CASES, VALUES, Arguments, Asked, Given, joined

#: Of the column that conditions are about, which is the last one.
CHOOSING = ("integer", "float", "text")
COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]
#: Without a quote, which pandas' language has no way to write.
LETTERS = st.sampled_from(["a", "b", "é", "1", "A"])


def _comparison(column: str, operator: str, parameter: Any) -> dict[str, Any]:
    return {"type": "comparison", "column": {"name": column}, "operator": operator, "parameter": parameter}


def conditions(given: Given) -> Arguments:
    """A condition on the last column in each of the languages that Great Expectations reads on pandas."""
    name, kind = given.table.names[-1], given.kinds[-1]
    constant: st.SearchStrategy[Any] = LETTERS if kind == "text" else st.sampled_from([-1, 0, 1, 2.5, 3])
    operator = st.sampled_from(COMPARISONS[:2] if kind == "text" else COMPARISONS)
    compared = st.tuples(operator, constant)

    def saved(found: tuple[str, Any]) -> dict[str, Any]:
        return {"row_condition": _comparison(name, *found)}

    def of_pandas(found: tuple[str, Any]) -> dict[str, Any]:
        return {"row_condition": f"`{name}` {found[0]} {found[1]!r}", "condition_parser": "pandas"}

    def both(found: tuple[tuple[str, Any], tuple[str, Any], str]) -> dict[str, Any]:
        first, second, word = found
        written = f"`{name}` {first[0]} {first[1]!r} {word} `{name}` {second[0]} {second[1]!r}"
        return {"row_condition": written, "condition_parser": "pandas"}

    null = {"row_condition": {"type": "nullity", "column": {"name": name}, "is_null": True}}
    present = {"row_condition": {"type": "nullity", "column": {"name": name}, "is_null": False}}
    listed = st.tuples(st.sampled_from(["IN", "NOT_IN"]), st.lists(constant, min_size=1, max_size=3))
    joint = st.tuples(compared, compared, st.sampled_from(["and", "or"]))
    return st.one_of(
        compared.map(saved),
        listed.map(saved),
        compared.map(of_pandas),
        joint.map(both),
        st.sampled_from([null, present]),
    )


def on_some_rows(asked: Asked) -> Asked:
    """The same, on some rows."""

    def arguments(given: Given) -> Arguments:
        own = Given(given.table, given.kinds[:-1], given.engine)
        return joined(asked.arguments(own), conditions(given))

    kinds = [(*each, choosing) for each in asked.pandas for choosing in CHOOSING]
    return Asked(arguments, kinds, names=("c", "a b", "Upper", "n"))


#: One of each form. Of pairs in a set Great Expectations fails to write its own result down where rows are chosen.
CONDITIONAL: dict[str, Asked] = {
    type_: on_some_rows(CASES[type_])
    for type_ in (
        *(VALUES + what for what in ("be_between", "be_null", "not_be_null", "be_unique", "be_in_set", "match_regex")),
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_z_scores_to_be_less_than",
        "expect_column_pair_values_to_be_equal",
        *(f"expect_column_{what}_to_be_between" for what in ("sum", "median", "unique_value_count")),
        "expect_table_row_count_to_be_between",
    )
}
