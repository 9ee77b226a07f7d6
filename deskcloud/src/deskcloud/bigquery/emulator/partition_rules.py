"""Add partitions to local-bigquery: tables partitioned by ingestion time, and names such as `table$20240517`."""

from collections.abc import Callable
from typing import Any

import duckdb
from local_bigquery.catalog import tabledata, tables
from local_bigquery.engine import database, results, types
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import copy, extract, query, runner
from local_bigquery.models import (
    JobConfigurationExtract,
    JobConfigurationQuery,
    JobConfigurationTableCopy,
    JobStatistics4,
    JobStatistics5,
    Table,
    TableFieldSchema,
)
from local_bigquery.sql.rules import STATEMENT_RULES
from local_bigquery.sql.rules import partitions as rules
from local_bigquery.sql.rules.tables import DECORATOR, decorated
from sqlglot import exp

from deskcloud.bigquery.emulator import partitions, patching
from deskcloud.bigquery.emulator.storing import write


def add() -> None:
    """Make requests, copy jobs and extract jobs accept partitions. Refuse names with `$` in statements."""
    by_time = "only CREATE TABLE supports partitions by ingestion time"
    patching.wrap(tables, "create", _create, by_time)
    patching.wrap(tables, "update", _update, by_time)
    decorators = "t$20240517 is another table"
    patching.wrap(tables, "get", _get, decorators)
    patching.wrap(tables, "delete", _delete, decorators)
    patching.wrap(tabledata, "list_rows", _list_rows, decorators)
    for kind, run in (("copy", _copy), ("extract", _extract)):
        patching.replace(runner, "HANDLERS", run, decorators, key=kind)
    STATEMENT_RULES.insert(0, _refuse_decorators)
    patching.wrap(rules, "ingestion_time", _ingestion_time, decorators, rules=STATEMENT_RULES)


def _create(create: Callable[..., Table], project: str, dataset: str, body: Table, translate: Any) -> Table:
    made = create(project, dataset, body, translate)
    if partitions.is_by_ingestion(body) and tables.fields(body):
        _hide_a_column((project, dataset, made.tableReference.tableId), body)
        return tables.get(project, dataset, made.tableReference.tableId)
    return made


def _update(update: Callable[..., Table], project: str, dataset: str, name: str, body: Table, *rest: Any) -> Table:
    table = project, dataset, name
    _refuse_partition(table)
    had_columns = bool(database.objects(*tables.physical(*table)))
    updated = update(*table, body, *rest)
    if not had_columns and partitions.is_by_ingestion(updated) and tables.fields(body):
        _hide_a_column(table, updated)
    return updated


def _hide_a_column(table: partitions.Reference, resource: Table) -> None:
    """Recreate a table that has no rows yet, with an additional hidden column for the ingestion time."""
    columns = [types.column(field) for field in tables.fields(resource)]
    columns.append(partitions.hidden_column(resource.timePartitioning))
    database.execute(f"CREATE OR REPLACE TABLE {tables.name(*table)} ({', '.join(columns)})")


def _get(get: Callable[..., Table], project: str, dataset: str, name: str, *rest: Any) -> Table:
    table, partition = partitions.split((project, dataset, name))
    found = get(*table, *rest)
    if partition is None:
        return found
    condition = partitions.of(tables.load(*table), partition).condition
    [(count,)] = database.fetch(f"SELECT count(*) FROM {tables.name(*table)} WHERE {condition}")  # noqa: S608 - quoted
    size = str(tables.logical_bytes(count, len(tables.fields(found))))
    reference = found.tableReference.replace(tableId=name)
    sizes = {key: size for key in ("numBytes", "numTotalLogicalBytes", "numActiveLogicalBytes") if key in found.dump()}
    return found.replace(tableReference=reference, id=f"{found.id}${partition}", numRows=str(count), **sizes)


def _delete(delete: Callable[..., None], project: str, dataset: str, name: str) -> None:
    table, partition = partitions.split((project, dataset, name))
    if partition is None:
        delete(*table)
        return
    condition = partitions.of(tables.load(*table), partition).condition
    with database.writing(*table):
        database.execute(f"DELETE FROM {tables.name(*table)} WHERE {condition}")  # noqa: S608 - quoted


def _list_rows(
    list_rows: Callable[..., Any],
    project: str,
    dataset: str,
    name: str,
    limit: int | None,
    start: int,
    selected: str | None,
    is_int64: bool,
) -> tuple[results.Page, list[TableFieldSchema]]:
    table, partition = partitions.split((project, dataset, name))
    if partition is None:
        found: tuple[results.Page, list[TableFieldSchema]] = list_rows(*table, limit, start, selected, is_int64)
        return found
    resource = tables.load(*table)
    wanted = {one.strip().casefold() for one in selected.split(",")} if selected else None
    fields = [one for one in tables.columns(*table) if wanted is None or one.name.casefold() in wanted]
    condition = partitions.of(resource, partition).condition
    rows = f"(SELECT *, rowid FROM {tables.name(*table)} WHERE {condition})"  # noqa: S608 - quoted
    with database.cursor() as cursor:
        page = results.page(cursor, rows, limit, start, [one.name.casefold() for one in fields], is_int64)
    return page, fields


def _copy(cursor: duckdb.DuckDBPyConnection, config: JobConfigurationTableCopy, _: str | None) -> JobStatistics5:
    references = [tables.reference(source) for source in config.sourceTables or [config.sourceTable]]
    destination = tables.reference(config.destinationTable)
    copy.datasets.get(*destination[:2])
    select = " UNION ALL BY NAME ".join(f"SELECT * FROM {_source(reference)}" for reference in references)  # noqa: S608
    [(copied,)] = cursor.sql(f"SELECT count(*) FROM ({select})").fetchall()  # noqa: S608 - quoted
    if create := copy.CLONES.get(config.operationType):
        for reference in (destination, *references):
            _refuse_partition(reference)
        statement = f"{create} {copy._name(destination)} CLONE {copy._name(references[0])}"  # noqa: SLF001
        query.execute(cursor, destination[0], None, JobConfigurationQuery(query=statement))
    else:
        resource, partition = _described(references[0])
        spec = resource.timePartitioning if partition is None else None
        declared = tables.fields(resource)
        write(cursor, select, None, destination, config, declared=declared, spec=spec)
    return JobStatistics5(copiedRows=str(copied), copiedLogicalBytes="0")


def _extract(cursor: duckdb.DuckDBPyConnection, config: JobConfigurationExtract, _: str | None) -> JobStatistics4:
    reference = tables.reference(config.sourceTable)
    columns = ", ".join(f'"{field.name}"' for field in tables.fields(_described(reference)[0])) or "*"
    extract.write(cursor, f"SELECT {columns} FROM {_source(reference)}", {}, config)  # noqa: S608 - quoted
    counts = ["1" for _ in extract._uris(config)]  # noqa: SLF001
    return JobStatistics4(destinationUriFileCounts=counts, inputBytes="0")


def _source(reference: partitions.Reference) -> str:
    if source := decorated(*reference):
        return str(source)
    return partitions.source(reference)


def _described(reference: partitions.Reference) -> tuple[Table, str | None]:
    """Return the table to which a name refers, and the id of the partition in the name. The id may be None."""
    (project, dataset, name), partition = partitions.split(reference)
    if at := DECORATOR.match(name):
        name = at[1]
    return tables.load(project, dataset, name), partition


def _refuse_partition(reference: partitions.Reference) -> None:
    if partitions.split(reference)[1] is not None:
        raise BigQueryError("invalid", f"A partition has no resource: name its table; got {reference[2]}")


def _refuse_decorators(tree: exp.Expr, _: Any) -> exp.Expr:
    for table in tree.find_all(exp.Table):
        if "$" in table.name and isinstance(table.this, exp.Identifier):
            written = ".".join(part.name for part in table.parts)
            raise BigQueryError("invalidQuery", f'Table "{written}" cannot include decorator')
    return tree


def _ingestion_time(rule: Callable[..., exp.Expr], tree: exp.Expr, context: Any) -> exp.Expr:
    """Set the default ingestion time of new rows to the start of their hour, month or year.

    This applies to a new table that is partitioned by the hour, month or year of ingestion.
    """
    made = rule(tree, context)
    spec = tree.find(exp.PartitionedByProperty) if isinstance(tree, exp.Create) else None
    unit = spec.this.args.get("unit") if spec else None
    if unit is not None and rules._ingestion_partitioned(tree):  # noqa: SLF001 - no public name exists
        for column in made.find_all(exp.ColumnDef):
            if column.name == tables.INGESTION_TIME:
                # Call DuckDB's function here, because BigQuery's function of the same name would return a DATE.
                begin = exp.Anonymous(
                    this="date_trunc", expressions=[exp.Literal.string(unit.name.lower()), exp.CurrentTimestamp()]
                )
                column.constraints[0].kind.set("this", exp.cast(begin, "TIMESTAMPTZ"))
    return made
