"""Generate a dbt project of many small models with generic tests, for Headgate and for plain dbt on a DuckDB file.

    python benchmarks/many_models.py FOLDER [--models 185]

Layers of models that read one, two or three of the layer before; each is tested by `not_null` and `unique`. The
folder is a Headgate project; with ``--plain`` it is dbt alone, on `many.duckdb`, whose raw tables it reads from the
same files.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

LAYERS = ("staging", "intermediate", "marts")
SOURCES = 5
ROWS = 1000
HEADGATE_YML = """name: many
sources:
  files:
    type: files
    tables:
{tables}
layers: [raw, {layers}]
"""
DBT_PROJECT = """name: many
profile: {profile}
model-paths: [models]
macro-paths: [macros{more}]
flags: {{send_anonymous_usage_stats: false}}
models:
  many:
{layers}
"""
PROFILE = """many:
  target: file
  outputs: {file: {type: duckdb, path: many.duckdb, schema: main, threads: 4}}
"""
SCHEMA_NAME = """{% macro generate_schema_name(name, node) %}{{ name | trim if name else target.schema }}{% endmacro %}
"""
LOAD = """{% macro load_raw() %}
  {% do run_query('create schema if not exists raw') %}
  {% for n in range(SOURCES) %}
    {% do run_query("create or replace table raw.s" ~ n ~ " as from read_csv('data/s" ~ n ~ ".csv')") %}
  {% endfor %}
{% endmacro %}
"""


def generate(folder: Path, models: int, *, plain: bool) -> None:
    """Write the project; the same for the same number of models."""
    dice = random.Random(models)
    for name in ("data", "models", "macros", "gates"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for source in range(SOURCES):
        rows = (f"{i},{dice.randint(0, 99)},{dice.random():.6f}\n" for i in range(ROWS))
        (folder / "data" / f"s{source}.csv").write_text("id,kind,amount\n" + "".join(rows), encoding="utf-8")
    _write_models(folder / "models", models, dice)
    settings = "\n".join(f"    {layer}: {{+schema: {layer}, +materialized: table}}" for layer in LAYERS)
    if plain:
        text = DBT_PROJECT.format(profile="many", more="", layers=settings)
        (folder / "dbt_project.yml").write_text(text + "on-run-start: ['{{ load_raw() }}']\n", encoding="utf-8")
        (folder / "profiles.yml").write_text(PROFILE, encoding="utf-8")
        (folder / "macros" / "names.sql").write_text(SCHEMA_NAME, encoding="utf-8")
        (folder / "macros" / "load.sql").write_text(LOAD.replace("SOURCES", str(SOURCES)), encoding="utf-8")
        return
    text = DBT_PROJECT.format(profile="headgate", more=", .headgate/dbt/macros", layers=settings)
    (folder / "dbt_project.yml").write_text(text, encoding="utf-8")
    tables = "\n".join(f"      s{n}: {{path: data/s{n}.csv, primary_key: [id]}}" for n in range(SOURCES))
    text = HEADGATE_YML.format(tables=tables, layers=", ".join(LAYERS))
    (folder / "headgate.yml").write_text(text, encoding="utf-8")
    for layer in ("raw", *LAYERS):
        (folder / "gates" / f"{layer}.yml").write_text("{}\n", encoding="utf-8")


def _write_models(folder: Path, models: int, dice: random.Random) -> None:
    sources = "".join(f"\n      - {{name: s{n}}}" for n in range(SOURCES))
    (folder / "sources.yml").write_text(f"sources:\n  - name: raw\n    tables:{sources}\n", encoding="utf-8")
    before = [f"{{{{ source('raw', 's{n}') }}}}" for n in range(SOURCES)]
    made = 0
    for position, layer in enumerate(LAYERS):
        (folder / layer).mkdir(exist_ok=True)
        names = [f"{layer}_{n:03d}" for n in range(made, models * (position + 1) // len(LAYERS))]
        made += len(names)
        for name in names:
            first, *others = dice.sample(before, dice.randint(1, 3))
            joins = "".join(f"\nleft join {other} as o{n} using (id)" for n, other in enumerate(others))
            columns = f"t.id, t.kind + {dice.randint(1, 9)} as kind, t.amount * 2 as amount"
            query = f"select {columns}\nfrom {first} as t{joins}\n"
            (folder / layer / f"{name}.sql").write_text(query, encoding="utf-8")
        tests = "".join(
            f"\n  - name: {name}\n    columns: [{{name: id, data_tests: [not_null, unique]}}]" for name in names
        )
        (folder / layer / "schema.yml").write_text(f"models:{tests}\n", encoding="utf-8")
        before = [f"{{{{ ref('{name}') }}}}" for name in names]


def main() -> None:
    """Write the project into a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=int, default=185)
    parser.add_argument("--plain", action="store_true", help="for dbt alone")
    options = parser.parse_args()
    generate(options.folder, options.models, plain=options.plain)


if __name__ == "__main__":
    main()
