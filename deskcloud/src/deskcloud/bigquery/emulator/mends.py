"""What local-bigquery 0.3.2 gets wrong, or does too slowly for many day-tables, mended in its own process.

Each mend replaces one function of the pinned version; a new version is to be held against this list first.

    names and structs   of GoogleSQL mean something else in DuckDB (name_resolution.py, learning.py,
                        aliases.py, structs.py)
    ANY TYPE            parameters have no types in a function's body (templates.py)
    wildcard tables     are joined by position and by UNION, which loses equal rows (wildcards.py)
    models              are kept without learning anything (refused_ml.py)
    columns             of one name, or none, become a table's (made.py)
    pipes               are one query, whatever their order (pipes.py)
    UPDATE, MERGE       know less than GoogleSQL's (dml.py)
    MERGE ON FALSE      pairs rows of which none can match, in twice the statements (replacing.py)
    views               over wildcard tables do not see later tables, and one whose table is gone has no columns, and
                        so breaks INFORMATION_SCHEMA (wildcard_views.py)
    looking a table up  lists all tables of all databases through DuckDB's catalog, which DuckLake reads anew after
                        each table made; DuckLake's own metadata answers in 2 ms instead of 160 ms at 62 tables
    making a table      takes 0.2 s at 366 day-tables, since DuckLake reads all tables twice (making.py)
                        and fails where another statement makes it at once (writers.py)
    __TABLES__          asks for each table alone, with its columns: 27 ms a table
    temporary tables    are looked for among all tables of all databases, by each statement
    ingestion time      is looked for among all columns of all tables, once for each table that a statement names
    partitions          by ingestion time are known to CREATE TABLE alone, and t$20240517 is another table
                        (partition_rules.py)
    what is stored      is cast to the schema, or falls out of it (storing.py, loads.py,
                        streaming.py, assignments.py)
    functions, texts    and operators give other values in DuckDB (function_values.py, value_texts.py,
                        aggregates.py, json_values.py, text_patterns.py)
    DIV                 behind a `*` is computed after it: 9 * DIV(12, 10) was 10
    MIN_BY, MAX_BY      pass over rows whose value is NULL
    streamed rows       that several threads insert at once fail now and then: two forget the same old row
    threads             share every statement, though handing rows over costs more than it gains at the sizes of one
                        machine: a demonstration is a tenth faster with one thread a statement, and takes less CPU
    files               that were read stay in memory, 0.4 MB each however small, until most of the machine's is taken
    jobs                are kept for ever, and written to the disk slowly (history.py)
    interrupted jobs    stay PENDING for ever after the process that accepted them was killed (history.py)
    results             of queries are kept for ever as tables (query_results.py)
    destinations        of statements that write are not told; the anonymous dataset takes no client's table
                        (destinations.py)
    SET                 of several variables sets one after the other (variables.py)
    refusals            of what this code does not foresee are internal errors (refusals.py)
    streams, sessions   and uploads are kept for ever (bounds.py)
    former states       of tables are kept for ever (upkeep.py)
    locations           of jobs are not looked at (locations.py)
    projects            are refused once their folder was moved or copied (projects.py)
    SQL's reach         is all that DuckDB can reach: files, addresses, extensions (sql_reach.py, duckdb_lock.py)
    columns             of a table are asked for anew by each statement that names it: 5 ms a table
    rows' way out       is a Parquet file, which takes DuckDB long (arrow_export.py)
    answers             differ from BigQuery's discovery document (api_answers.py)
    errors              are DuckDB's and Python's (error_texts.py), or sqlglot's (syntax.py)
    searches            of a statement's tree, of which each rule makes some, take a third of it (walks.py)
    pandas              is looked for on the disk twice a query: half of a short one's time (child.py)
"""

import functools
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

import duckdb
from local_bigquery.catalog import datasets, tabledata, tables
from local_bigquery.catalog import metadata as resources
from local_bigquery.engine import database, types
from local_bigquery.jobs import query
from local_bigquery.models import Table, TableFieldSchema
from local_bigquery.settings import settings
from local_bigquery.sql.dialect import DuckDBDialect
from local_bigquery.sql.rules import information_schema, partitions
from sqlglot import exp
from sqlglot.generator import Generator

from deskcloud.bigquery.emulator import (
    aggregates,
    api_answers,
    arrow_export,
    assignments,
    bounds,
    checks,
    column_names,
    destinations,
    duckdb_lock,
    error_texts,
    function_values,
    history,
    lake_metadata,
    literals,
    loads,
    locations,
    made,
    partition_rules,
    patching,
    projects,
    query_results,
    refusals,
    sql_reach,
    statement_rules,
    storing,
    streaming,
    syntax,
    time_arguments,
    upkeep,
    variables,
    walks,
    wildcard_views,
    writers,
)

_TEMPORARY = "SELECT table_name FROM duckdb_tables() WHERE temporary"
_NOTHING = "SELECT '' AS table_name WHERE FALSE"
_QUOTED = {"ATTACH '": "ATTACH $path$", "' AS emulator": "$path$ AS emulator"}
_TABLES_COLUMNS = [
    *("project_id", "dataset_id", "table_id", "creation_time INT64", "last_modified_time INT64"),
    *("row_count INT64", "size_bytes INT64", "type INT64"),
]


def apply() -> None:
    """Put the mends in place; before the first connection is made."""
    patching.change(database, "_connect", _connecting, "folders with an apostrophe; threads; all that a start needs")
    slow = "looking a table up lists all tables of all databases"
    patching.wrap(database, "objects", _objects, slow)
    patching.wrap(database, "projects", _projects, "what making.py attaches for a moment is a project")
    patching.wrap(datasets, "exists", _has_dataset, slow)
    for module in (tables, tabledata):
        patching.replace(module, "columns", _columns_of, "each statement asks for the columns of its tables anew")
    patching.wrap(partitions, "_hidden", _has_ingestion_time, "each name is looked for among all columns of all tables")
    temporary = "each statement looks for temporary tables among all tables"
    patching.change(query, "execute", functools.partial(_without_looking, temporary), temporary)
    deduplicate = functools.partial(_one_at_a_time, threading.Lock())
    patching.wrap(tabledata, "_deduplicate", deduplicate, "two threads that stream at once forget the same old row")
    bounds.apply()
    query_results.add(_kept_results)
    history.add(_kept_jobs)
    storing.add()
    loads.add()
    streaming.add()
    partition_rules.add()
    arrow_export.add()
    function_values.add()
    checks.add()
    literals.add()
    time_arguments.add()
    aggregates.add()
    api_answers.apply()
    error_texts.apply()
    refusals.add()
    statement_rules.add()
    assignments.add()
    column_names.add()
    made.add()
    destinations.add()
    variables.add()
    walks.add()
    locations.add()
    sql_reach.add()
    duckdb_lock.add()
    syntax.add()
    writers.add()
    projects.add()
    behind = "DIV behind a `*` is computed after it: 9 * DIV(12, 10) was 10"
    patching.replace(DuckDBDialect.Generator, "TRANSFORMS", _divided, behind, key=exp.IntDiv)
    for aggregate, name in ((exp.ArgMax, "ARG_MAX_NULL"), (exp.ArgMin, "ARG_MIN_NULL")):
        DuckDBDialect.Generator.TRANSFORMS[aggregate] = functools.partial(_with_null, name)
    patching.wrap(information_schema, "VIEWS", _tables, "asks for each table alone", key="__TABLES__")


def _connecting(original: Any) -> Callable[[], duckdb.DuckDBPyConnection]:
    quoted = patching.with_texts(original.__wrapped__, _QUOTED, "the state's folder may have an apostrophe in its name")
    return functools.cache(functools.partial(_on_one_thread, quoted))


def _without_looking(reason: str, execute: FunctionType) -> Callable[..., Any]:
    return functools.partial(_execute, execute, patching.with_texts(execute, {_TEMPORARY: _NOTHING}, reason))


def _on_one_thread(connect: Callable[[], duckdb.DuckDBPyConnection]) -> duckdb.DuckDBPyConnection:
    connection = connect()
    connection.execute("SET threads = 1; SET checkpoint_threshold = '2MB'; SET enable_external_file_cache = false")
    query_results.attach(connection)
    history.attach(connection)
    _kept_jobs()
    upkeep.start()
    function_values.define(connection)
    duckdb_lock.close(connection)
    return connection


@functools.cache
def _kept_results() -> query_results.Results:
    return query_results.Results(settings.data_dir / "results")


@functools.cache
def _kept_jobs() -> history.History:
    return history.History(settings.data_dir / "jobs.sqlite", _kept_results())


def _one_at_a_time[T](lock: threading.Lock, work: Callable[..., T], *arguments: Any) -> T:
    with lock:
        return work(*arguments)


def _divided(generator: Generator, division: exp.IntDiv) -> str:
    return f"({generator.binary(division, '//')})"


def _with_null(name: str, generator: Generator, by: exp.Func) -> str:
    return generator.func(name, by.this, by.expression)


def _execute(in_session: Callable[..., Any], alone: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Only a session has temporary tables before its statement begins."""
    return (in_session if named.get("session") else alone)(*arguments, **named)


def _has_ingestion_time(original: Callable[[exp.Table], bool], table: exp.Table) -> bool:
    if table.catalog not in database._attached or not isinstance(table.this, exp.Identifier):  # noqa: SLF001
        return original(table)
    return lake_metadata.has_column(table.catalog, table.db, table.name, tables.INGESTION_TIME)


def _projects(original: Callable[[], list[str]]) -> list[str]:
    """Return the projects, without what making.py attaches for a moment."""
    return [name for name in original() if name in database._attached]  # noqa: SLF001 - there is no public name for it


def _has_dataset(original: Callable[[str, str], bool], project_id: str, dataset_id: str) -> bool:
    if project_id not in database._attached:  # noqa: SLF001 - there is no public name for it
        return original(project_id, dataset_id)
    return lake_metadata.has_dataset(project_id, dataset_id)


def _objects(
    original: Callable[..., list[tuple[str, str, int]]], project_id: str, dataset_id: str, table_id: str | None = None
) -> list[tuple[str, str, int]]:
    if table_id and (result := query_results.name_of(project_id, table_id)):
        count = _kept_results().as_table(result)
        return [] if count is None else [(table_id, "TABLE", count)]
    if project_id not in database._attached:  # noqa: SLF001 - there is no public name for it
        return original(project_id, dataset_id, table_id)
    if table_id is None:
        return lake_metadata.objects(project_id, dataset_id)
    return lake_metadata.find(project_id, dataset_id, table_id)


def _columns_of(project_id: str, dataset_id: str, table_id: str) -> list[TableFieldSchema]:
    """Return a table's columns, as they were at the latest change of any table's."""
    if project_id not in database._attached or dataset_id == tables.RESULTS:  # noqa: SLF001 - there is no public name
        return _columns(project_id, dataset_id, table_id)
    asked = project_id, dataset_id, table_id
    return list(lake_metadata.remembered(project_id, asked, lambda: _columns(*asked)))


def _columns(project_id: str, dataset_id: str, table_id: str) -> list[TableFieldSchema]:
    name = tables.name(project_id, dataset_id, table_id)
    with database.cursor() as cursor:
        try:
            required = {row[0] for row in cursor.execute(f"DESCRIBE {name}").fetchall() if row[2] == "NO"}
            relation = cursor.sql(f"SELECT * FROM {name} LIMIT 0")  # noqa: S608 - quoted
        except duckdb.Error as error:
            if (kept := wildcard_views.kept_columns((project_id, dataset_id, table_id))) is not None:
                return kept
            if isinstance(error, duckdb.CatalogException):
                raise tables.not_found("Table", tables.names.label(project_id, dataset_id, table_id)) from None
            raise
        return [
            types.field(column, kind, column in required)
            for column, kind in zip(relation.columns, relation.types, strict=True)
            if column != tables.INGESTION_TIME or dataset_id == tables.RESULTS
        ]


def _tables(
    original: Callable[[str, str | None], tuple[list[str], list[list[Any]]]], project_id: str, dataset_id: str | None
) -> tuple[list[str], list[list[Any]]]:
    if project_id not in database._attached or dataset_id is None:  # noqa: SLF001 - there is no public name for it
        return original(project_id, dataset_id)
    datasets.get(project_id, dataset_id)
    widths = lake_metadata.widths(project_id, dataset_id)
    kept = {one.tableReference.tableId: one for one in resources.list_(Table, project_id, dataset_id)}
    found = {name: (kind, count) for name, kind, count in database.objects(project_id, dataset_id)}
    rows = []
    for name in sorted(found.keys() | kept.keys()):
        if tables.expired(kept.get(name)):
            continue
        kind, count = found.get(name, ("TABLE", 0))
        table = kept.get(name) or tables.defaults(project_id, dataset_id, name)
        size = tables.logical_bytes(count, widths.get(name, 0))
        is_table = (table.type if table.type in tables.STORED_TYPES else kind) == "TABLE"
        times = [int(table.creationTime or 0), int(table.lastModifiedTime or 0)]
        rows.append([project_id, dataset_id, name, *times, count, size, 1 if is_table else 2])
    return _TABLES_COLUMNS, rows
