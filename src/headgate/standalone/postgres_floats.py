"""The text of a float of 64 bits, in PostgreSQL's words: the one that DuckDB and Python write.

All of them write the fewest digits that name no other float, and PostgreSQL leaves out two things. It takes no number
halfway to a neighbour, which is read as the even one of both: 1e23 is ``9.999999999999999e+22`` there. Such numbers are
whole and at least 2^53, since halfway between smaller floats lie numbers of more digits than any float needs; so fewer
digits are tried where floats are that large. And it goes over to exponents at 1e15 instead of 1e16.

Floats of 32 bits have no such rule: where its quick way fails, DuckDB writes the digits of the same number in 64 bits.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

#: The digits of a large float: of the numbers of 1 to 17 digits that are near it, the first that is read as it is.
_LARGE = """
(SELECT CASE WHEN :x < 0 THEN '-' ELSE '' END
    || REGEXP_REPLACE(RTRIM(CAST(few AS TEXT), '0'), '^(.)(.)', '\\1.\\2')
    || 'e+' || CAST(LENGTH(CAST(few AS TEXT)) - 1 AS TEXT)
  FROM (SELECT CAST(CAST(ABS(:x) AS TEXT) AS NUMERIC) AS whole) AS written
  CROSS JOIN GENERATE_SERIES(1, 17) AS tried(digits)
  CROSS JOIN LATERAL (SELECT ROUND(whole, digits - LENGTH(CAST(whole AS TEXT))) AS few) AS shorter
  WHERE CASE WHEN few <= 1.7976931348623157e308 THEN CAST(few AS DOUBLE PRECISION) = ABS(:x) END
  ORDER BY digits LIMIT 1)
"""
_TEXT = f"""
CASE WHEN :x = CAST('NaN' AS DOUBLE PRECISION) THEN 'nan'
  WHEN :x = CAST('Infinity' AS DOUBLE PRECISION) THEN 'inf'
  WHEN :x = CAST('-Infinity' AS DOUBLE PRECISION) THEN '-inf'
  WHEN ABS(:x) >= 1e16 THEN {_LARGE}
  WHEN ABS(:x) < 1e-4 AND :x <> 0 THEN CAST(:x AS TEXT)
  ELSE REGEXP_REPLACE(
    CASE WHEN ABS(:x) >= 1e15 THEN CAST(CAST(CAST(:x AS TEXT) AS NUMERIC) AS TEXT) ELSE CAST(:x AS TEXT) END,
    '^(-?[0-9]+)$', '\\1.0')
END
"""


def text_of(number: exp.Expr) -> exp.Expr:
    """The text of ``number``, of type ``double precision``; needs ``extra_float_digits`` above 0."""
    from sqlglot import exp

    return exp.paren(exp.replace_placeholders(_template(), x=number))


@cache
def _template() -> exp.Expr:
    import sqlglot

    return sqlglot.parse_one(_TEXT, dialect="postgres")
