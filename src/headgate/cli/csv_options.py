"""The options that say how CSV files are written."""

from __future__ import annotations

from typing import Annotated

import typer

EncodingOption = Annotated[
    str | None,
    typer.Option("--encoding", metavar="NAME", help="The encoding of CSV files: utf-8 (default), utf-16, latin-1."),
]
DelimiterOption = Annotated[
    str | None,
    typer.Option("--delimiter", metavar="TEXT", help="What separates the columns of CSV files; found by looking."),
]
NullOption = Annotated[
    list[str] | None,
    typer.Option("--null", metavar="TEXT", help="A text of CSV files that means null, such as NA. Can be repeated."),
]


def as_typed(delimiter: str | None) -> str | None:
    r"""A delimiter as somebody types it who has no tab on the command line.

    >>> as_typed(r"\t"), as_typed(";")
    ('\t', ';')
    """
    return None if delimiter is None else delimiter.replace(r"\t", "\t")
