"""Apply all corrections to local-bigquery, which gives some wrong answers and is slow with many tables.

The docstring of each imported module says what the module corrects. The modules replace functions of local-bigquery
with `patching`, and give a reason for each replacement.
"""

from deskcloud.bigquery.emulator import (
    aggregates,
    api_answers,
    arrow_export,
    assignments,
    bounds,
    checks,
    column_names,
    connection,
    destinations,
    duckdb_lock,
    duckdb_sql,
    error_texts,
    function_values,
    history,
    literals,
    loads,
    locations,
    made,
    making,
    modified_times,
    nested_columns,
    partition_rules,
    projects,
    query_results,
    refusals,
    resources,
    row_pages,
    sql_reach,
    statement_rules,
    storing,
    streaming,
    syntax,
    table_lookups,
    tables_view,
    temporary_tables,
    time_arguments,
    variables,
    view_updates,
    walks,
    writers,
)

_IN_ORDER = (
    connection,
    resources,
    table_lookups,
    row_pages,
    temporary_tables,
    bounds,
    query_results,
    history,
    storing,
    loads,
    streaming,
    making,
    partition_rules,
    arrow_export,
    function_values,
    checks,
    literals,
    time_arguments,
    aggregates,
    api_answers,
    error_texts,
    refusals,
    statement_rules,
    assignments,
    column_names,
    made,
    destinations,
    variables,
    walks,
    locations,
    sql_reach,
    duckdb_lock,
    syntax,
    writers,
    modified_times,
    projects,
    duckdb_sql,
    tables_view,
    view_updates,
    nested_columns,
)
"""The modules in the order in which they are applied.

A later module may wrap the replacements of an earlier module, or put its rules before the earlier rules.
"""


def apply() -> None:
    """Apply all corrections. Call this function before a connection is opened."""
    for module in _IN_ORDER:
        module.add()
