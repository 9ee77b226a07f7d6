"""What local-bigquery gets wrong, or does too slowly for many day-tables, mended in its own process.

Each module below says in its first lines what it mends. What it replaces, it replaces by `patching`, with the reason.
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
    partition_rules,
    projects,
    query_results,
    refusals,
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
    walks,
    writers,
)

_IN_ORDER = (
    connection,
    table_lookups,
    temporary_tables,
    bounds,
    query_results,
    history,
    storing,
    loads,
    streaming,
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
    projects,
    duckdb_sql,
    tables_view,
)
"""The order counts: a later one wraps what an earlier one has replaced, or puts its rules before the earlier one's."""


def apply() -> None:
    """Put the mends in place; before the first connection is made."""
    for module in _IN_ORDER:
        module.add()
