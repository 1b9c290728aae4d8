"""How values of PostgreSQL arrive: as the same values do from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg


def register_loaders(connection: psycopg.Connection[Any]) -> None:
    """Let this connection read values so.

    Documents are texts, blanks that pad a ``char(n)`` are none of its characters, and a date or time for which Python
    has none, such as ``infinity`` or ``0044-03-15 BC``, is PostgreSQL's text of it.
    """
    from psycopg import DataError
    from psycopg.abc import Buffer
    from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
    from psycopg.types.string import TextLoader

    class Unpadded(TextLoader):
        def load(self, data: Buffer) -> Any:
            return str(super().load(data)).rstrip(" ")

    def or_text(loader: Any) -> Any:
        class OrText(loader):  # type: ignore[misc]
            def load(self, data: Buffer) -> Any:
                try:
                    return super().load(data)
                except DataError:
                    return bytes(data).decode()

        return OrText

    adapters = connection.adapters
    for type_ in ("json", "jsonb"):
        adapters.register_loader(type_, TextLoader)
    adapters.register_loader("bpchar", Unpadded)
    for type_, loader in (("date", DateLoader), ("timestamp", TimestampLoader), ("timestamptz", TimestamptzLoader)):
        adapters.register_loader(type_, or_text(loader))
