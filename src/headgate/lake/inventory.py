"""What there is in the attached lake, looked up when it is asked for and again once somebody wrote."""

from __future__ import annotations

from headgate.lake.catalog import Contents, digest, read_contents
from headgate.lake.engine import LAKE, Connection, literal


class Inventory:
    """The tables and views of the lake that ``con`` has attached, and their columns."""

    def __init__(self, con: Connection) -> None:
        self._con = con
        self._contents: Contents | None = None
        self._shapes: dict[str, str] | None = None

    @property
    def contents(self) -> Contents:
        """What the catalog says now."""
        if self._contents is None:
            self._contents = read_contents(self._con)
        return self._contents

    @property
    def shapes(self) -> dict[str, str]:
        """The columns of every table and view, names and types, as hashes."""
        if self._shapes is None:
            rows = self._con.execute(
                "SELECT schema_name, table_name, list([column_name, data_type] ORDER BY column_index) "
                f"FROM duckdb_columns() WHERE database_name = {literal(LAKE)} GROUP BY ALL"
            ).fetchall()
            self._shapes = {f"{schema}.{table}": digest(columns) for schema, table, columns in rows}
        return self._shapes

    def changed(self) -> None:
        """Somebody wrote, or another lake was attached: look again."""
        self._contents = None
        self._shapes = None
