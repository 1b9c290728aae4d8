"""What every part of the ledger has: the database, its tables, and the common ways of reading and writing."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from headgate.errors import LakeError

if TYPE_CHECKING:
    from sqlalchemy import RowMapping, Table

    from headgate.ledger.database import Database


class Section:
    """A part of an open ledger. Each method is one transaction."""

    def __init__(self, database: Database, tables: ModuleType) -> None:
        self._database = database
        self._tables = tables

    def _upsert(self) -> Callable[[Table], Any]:
        """INSERT as this database's dialect extends it."""
        if self._database.engine.dialect.name == "sqlite":
            from sqlalchemy.dialects import sqlite

            return sqlite.insert
        from sqlalchemy.dialects import postgresql

        return postgresql.insert

    def _decoded(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            raise LakeError("a record of the ledger cannot be read", where=self._database.shown) from error


def without_id(row: RowMapping) -> dict[str, Any]:
    """A row as a record names its columns."""
    return {str(key): value for key, value in row.items() if key != "id"}
