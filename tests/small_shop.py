"""A small project that has everything: two source tables, two built layers, gates, a dbt test."""

from __future__ import annotations

import os
import shutil
import textwrap
from pathlib import Path
from typing import ClassVar

from headgate.project import Project, load
from headgate.run import Options, Verdict, perform

HEADGATE_YML = """
name: shop
sources:
  till:
    type: files
    tables:
      sales: {path: data/sales*.csv, primary_key: [id]}
      items: {path: data/items.csv, primary_key: [item], snapshot: true}
layers: [raw, clean, marts]
vars: {rate: 2}
publish: {max_shrink: 0.5}
"""
VARS = {"rate": 2}
DBT_PROJECT = """
name: shop
profile: headgate
model-paths: [models]
macro-paths: [macros, .headgate/dbt/macros]
target-path: .headgate/dbt/target
log-path: .headgate/dbt/logs
flags: {send_anonymous_usage_stats: false}
models:
  shop:
    clean: {+schema: clean, +materialized: table}
    marts: {+schema: marts, +materialized: table}
"""
FILES = {
    "headgate.yml": HEADGATE_YML,
    "dbt_project.yml": DBT_PROJECT,
    "models/sources.yml": "sources: [{name: raw, tables: [{name: sales}, {name: items}]}]\n",
    "models/clean/sales_clean.sql": """
        select s.id, s.item, s.amount, i.name from {{ source('raw', 'sales') }} s
        left join {{ source('raw', 'items') }} i on i.item = s.item
    """,
    "models/clean/schema.yml": """
        models:
          - name: sales_clean
            config: {meta: {primary_key: [id]}}
            columns: [{name: name, data_tests: [not_null]}]
    """,
    "models/marts/by_item.sql": """
        select item, sum(amount) * {{ var('rate') }} as total from {{ ref('sales_clean') }} group by item
    """,
    "models/marts/items_seen.sql": "select count(*) as n from {{ source('raw', 'items') }}\n",
    "gates/raw.yml": """
        sales:
          - expect_column_values_to_not_be_null: {column: amount}
          - expect_column_values_to_be_between: {column: amount, min_value: 0, max_value: 1000}
          - expect_column_values_to_be_unique: {column: id}
          - expect_table_row_count_to_be_between: {min_value: 1, max_value: 100}
            severity: warn
    """,
    "gates/clean.yml": "{}\n",
    "gates/marts.yml": """
        by_item:
          - expect_column_values_to_be_unique: {column: item}
    """,
    "data/sales_1.csv": "id,item,amount\n1,a,10\n2,b,20\n3,a,30\n",
    "data/items.csv": "item,name\na,Apple\nb,Bread\n",
}


#: What dbt's parsing of all that is not the project's own, its macros, left in a folder. Reading them takes a second.
PARSED = Path(".headgate/dbt/target/partial_parse.msgpack")


class Shop:
    """The small project in a folder, with the few things that tests do to it."""

    #: What dbt knew after the first run in each folder.
    parsed: ClassVar[dict[Path, bytes]] = {}

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in FILES.items():
            self.write(name, text)
        if folder in self.parsed:
            (folder / PARSED).parent.mkdir(parents=True)
            (folder / PARSED).write_bytes(self.parsed[folder])

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def moved(self, folder: Path) -> Shop:
        """The same project, which is in this folder now."""
        there = Shop.__new__(Shop)
        there.folder = folder
        return there

    def copied(self, site: Path) -> Shop:
        """A project can be copied, lake and all, with the times of its files."""
        return self.moved(Path(shutil.copytree(self.folder, site / "shop")))

    def project(self, **options: object) -> Project:
        return load(self.folder, environ=dict(os.environ), **options)  # type: ignore[arg-type]

    def run(
        self, *, target: str | None = None, variables: dict[str, object] | None = None, **options: object
    ) -> Verdict:
        project = self.project(target=target, variables=variables)
        verdict = perform(project, Options(**options))  # type: ignore[arg-type]
        if project.vars == VARS and (self.folder / PARSED).exists():
            self.parsed.setdefault(self.folder, (self.folder / PARSED).read_bytes())
        return verdict
