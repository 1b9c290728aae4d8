{# A layer is a schema: models/<layer>/ is built into <layer>, without the profile's schema before it. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {%- if custom_schema_name is not none -%}
    {{ custom_schema_name | trim }}
  {%- elif node.resource_type == 'model' and node.fqn | length > 2 -%}
    {{ node.fqn[1] }}
  {%- else -%}
    {{ target.schema }}
  {%- endif -%}
{%- endmacro %}

{# One statement and one commit instead of build, rename, rename, drop: on DuckLake each commit costs 25 ms. #}
{% materialization table, adapter="duckdb", supported_languages=['sql', 'python'] %}
  {%- set language = model['language'] -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set existing_relation = load_cached_relation(this) -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% if existing_relation is not none and (existing_relation.type != 'table' or language == 'python') %}
    {{ drop_relation_if_exists(existing_relation) }}
  {% endif %}
  {% call statement('main', language=language) -%}
    {%- if language == 'sql' -%}
      {%- set contract_config = config.get('contract') -%}
      {%- if contract_config and contract_config.enforced -%}
        {{ get_assert_columns_equivalent(compiled_code) }}
      {%- endif -%}
create or replace table {{ target_relation }} as (
{{ compiled_code }}
)
    {%- else -%}
      {{ create_table_as(False, target_relation, compiled_code, language) }}
    {%- endif -%}
  {%- endcall %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do persist_docs(target_relation, model) %}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
