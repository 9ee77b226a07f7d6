"""Correct what local-bigquery gets wrong, or does too slowly for many day-tables, in its own process.

The docstring of each module below says what it corrects. Replacements use `patching`, with a reason.
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
    view_updates,
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
    view_updates,
)
"""The order matters: a later module wraps an earlier one's replacements, or puts its rules before the earlier rules."""


def apply() -> None:
    """Apply the corrections, before the first connection is opened."""
    for module in _IN_ORDER:
        module.add()
