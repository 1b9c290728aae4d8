{#
  Every version of every row of a source table, from its change log.

  Two times say when a version held. `valid_from` and `valid_to` are the source's: from the version's own `updated_at`
  until that of the next. `known_from` and `known_to` are ours: between which looks at the source it was what we saw.
  Of a version that is not the last the end is known; `valid_to` and `known_to` of the last are null, unless it was
  deleted: then `valid_to` is when we found that out.

  `is_current`: the source holds it now. `is_latest`: the last that there was, deleted or not. `record_id` counts the
  versions of the table in the order in which they came, and never changes when more come.

  A version that went into quarantine never held, and is not there; the one that it replaced ended when it came, as in
  raw. Brought back, it is there as if it had never been away. It keeps its `record_id` all the time.

  `key` and `updated_at` are, unless they are given, the `primary_key` and `updated_at` in the `meta` of the table
  `raw_log.<table>` in sources.yml. Without an `updated_at` the time at which we saw a version stands for its own.
#}
{% macro history(table, key=none, updated_at=none) -%}
  {%- set log = source('raw_log', table) -%}
  {%- if execute -%}
    {{- headgate.versions(log, headgate.described(table, key, updated_at)) -}}
  {%- else -%}
    select 1
  {%- endif -%}
{%- endmacro %}


{#
  The table as the source had it at the time `valid`, by what we knew at the time `known`. Without `valid`: the
  newest; without `known`: by what we know now. Times are texts, such as '2026-01-31 12:00:00'; without a zone, in UTC.
#}
{% macro as_of(table, valid=none, known=none, key=none, updated_at=none) -%}
  {%- set log = source('raw_log', table) -%}
  {%- if execute -%}
select * exclude (record_id, valid_from, valid_to, known_from, known_to, is_current, is_latest)
from (
{{ headgate.versions(log, headgate.described(table, key, updated_at), known) }}
) as versions
where {% if valid is none -%}
  is_current
{%- else -%}
  valid_from <= {{ headgate.at(valid) }} and (valid_to > {{ headgate.at(valid) }} or valid_to is null)
{%- endif %}
  {%- else -%}
    select 1
  {%- endif -%}
{%- endmacro %}


{#
  A change log's versions. A version is valid from its own time, but never from before the one that it replaced: a
  clock that went back, or an edit that did not move it, makes the replaced one end where it began. So versions
  neither overlap nor leave a gap, and the last one that came is the one that holds.
#}
{% macro versions(log, about, known=none) -%}
select * exclude (_run, _loaded_at, _hash, _op, _away, _next),
  coalesce(_next is null, false) as is_current,
  row_number() over (partition by {{ about.key }} order by known_from desc) = 1 as is_latest
from (
  select *,
    row_number() over (partition by _op order by _loaded_at, {{ about.key }}) as record_id,
    lead(valid_from) over (partition by {{ about.key }} order by _loaded_at) as valid_to,
    _loaded_at as known_from,
    lead(_loaded_at) over (partition by {{ about.key }} order by _loaded_at) as known_to,
    lead(_op) over (partition by {{ about.key }} order by _loaded_at) as _next
  from (
    select *,
      max(coalesce({{ about.updated_at }}, _loaded_at)) over (
        partition by {{ about.key }} order by _loaded_at rows unbounded preceding
      ) as valid_from
    from "{{ log.database }}"."_headgate".{{ headgate.quoted(["versions_" ~ log.identifier]) }}
    {%- if known is not none %}
    where _loaded_at <= {{ headgate.at(known) }}
    {%- endif %}
  )
)
where _op = 'upsert' and not _away
{%- endmacro %}


{# What a table's key and time are, as SQL. #}
{% macro described(table, key, updated_at) -%}
  {%- set found = namespace(meta={}) -%}
  {%- for node in graph.sources.values() if node.source_name == 'raw_log' and node.name == table -%}
    {%- set found.meta = node.config.get('meta') or node.get('meta') or {} -%}
  {%- endfor -%}
  {%- set key = key or found.meta.get('primary_key') -%}
  {%- set updated_at = updated_at or found.meta.get('updated_at') -%}
  {%- if not key -%}
    {{ exceptions.raise_compiler_error(
      "headgate.history: the key of raw_log." ~ table ~ " is not known; declare it in sources.yml, "
      ~ "{name: " ~ table ~ ", config: {meta: {primary_key: [...], updated_at: ...}}}, or give it: key=[...]"
    ) }}
  {%- endif -%}
  {%- set columns = [key] if key is string else key -%}
  {{ return({
    'key': headgate.quoted(columns),
    'updated_at': 'cast(' ~ headgate.quoted([updated_at]) ~ ' as timestamptz)' if updated_at else 'null',
  }) }}
{%- endmacro %}


{% macro quoted(columns) -%}
  {%- set names = [] -%}
  {%- for column in columns -%}{%- do names.append('"' ~ (column | replace('"', '""')) ~ '"') -%}{%- endfor -%}
  {{ return(names | join(', ')) }}
{%- endmacro %}


{# A point in time as SQL. #}
{% macro at(time) -%}
  cast('{{ time | string | replace("'", "''") }}' as timestamptz)
{%- endmacro %}
