"""A dataset with all tables of sql/tables on the local BigQuery. The tests of this folder fill and read it."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from google.cloud import bigquery
from rows import canonical
from twice import NOT_RUN, Twice

from cli import declarations, local_cloud
from demo.loading import bigquery_schema
from demo.schema import EXPORTS
from deskcloud import provisioning
from shared import warehouse
from shared.settings import Settings
from shared.warehouse import Statement

EXPORT = "analytics"
DAY = re.compile(r"\d{8}")


@dataclass
class Warehouse:
    """All tables that the functions use, and the day-tables of the export. `clean` empties them after each test."""

    client: bigquery.Client
    settings: Settings
    schemas: dict[str, list[bigquery.SchemaField]]
    filled: set[str] = field(default_factory=set)
    loaded: set[str] = field(default_factory=set)
    # A cache of the rows of tables. A table's rows are removed from the cache when the table is written.
    known: dict[str, list[dict]] = field(default_factory=dict)

    @classmethod
    def create(cls, client: bigquery.Client, dataset: str, bucket: str) -> Warehouse:
        declared = local_cloud.dataset(client.project, dataset, declarations.read().tables)
        url = client._connection.API_BASE_URL  # noqa: SLF001 - the client has no public attribute with its URL
        provisioning.make_datasets(client.project, (declared,), url)
        client.create_dataset(EXPORT, exists_ok=True)
        settings = Settings(project=client.project, bucket=bucket, dataset=dataset)
        schemas = {table.name: [provisioning.field(one) for one in table.columns] for table in declared.tables}
        return cls(client, settings, schemas)

    def run(self, name: str, parameters=None, **identifiers):
        """Run a file of sql/ as the functions do. Compare the result with that of the reference implementation."""
        parameters = parameters or {}
        statement = Statement(name, parameters, identifiers)
        text = _without_comments(statement.text())
        written = _written(text)
        if name in NOT_RUN:
            return self._run(statement, written)
        if written is None:
            expected = Twice(self._contents).query(text, parameters)
            found = self._run(statement, written)
            assert canonical(found) == canonical(expected), f"{name}: the reference implementation finds other rows"
            return found
        expected = Twice(self._contents).modify(text, parameters)
        found = self._run(statement, written)
        assert canonical(self.rows(written)) == canonical(expected), f"{name}: the reference leaves other rows"
        return found

    def run_here(self, name: str, parameters: dict, **identifiers) -> list[dict]:
        """Run a file of sql/ on the local BigQuery alone."""
        statement = Statement(name, parameters, identifiers)
        return self._run(statement, _written(_without_comments(statement.text())))

    def _run(self, statement: Statement, written: str | None) -> list[dict]:
        if written:
            self.filled.add(written)
            self.known.pop(written, None)
        return warehouse.query(self.client, self.settings, statement)

    def _contents(self, name: str) -> list[dict]:
        """Return the rows of the table that a statement names as `name`. The name can be that of a wildcard table."""
        short = name.removeprefix(f"{self.client.project}.")
        if not short.endswith("*"):
            table = short.removeprefix(f"{self.settings.dataset}.")
            return self.rows(table) if table in self.filled else []
        prefix = short.removeprefix(f"{EXPORT}.").removesuffix("*")
        return [
            {**dict(row), "_TABLE_SUFFIX": table.removeprefix(prefix)}
            for table in self.loaded
            if table.startswith(prefix)
            for row in self.client.list_rows(self.path(table))
        ]

    def fill(self, tables: dict[str, list[dict]]) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._fill, tables, tables.values()))

    def _fill(self, table: str, rows: list[dict]) -> None:
        schema = self.schemas.get(table) or _export_schema(table)
        for row in rows:
            check_names(row, schema, table)
        rows = json.loads(json.dumps(rows, default=str))
        if table in self.schemas:
            self.filled.add(table)
            self.known.pop(table, None)
            if rows:
                assert self.client.insert_rows_json(self.path(table), rows) == []
            return
        self.loaded.add(table)
        config = bigquery.LoadJobConfig(schema=schema, write_disposition="WRITE_TRUNCATE")
        self.client.load_table_from_json(rows, self.path(table), job_config=config).result()

    def rows(self, table: str) -> list[dict]:
        if table not in self.known:
            found = self.client.list_rows(self.path(table), selected_fields=self.schemas[table])
            self.known[table] = [dict(row) for row in found]
        return [dict(row) for row in self.known[table]]

    def path(self, table: str) -> str:
        return f"{self.client.project}.{self.settings.dataset if table in self.schemas else EXPORT}.{table}"

    def clean(self) -> None:
        if self.filled:
            self.client.query_and_wait("".join(f"truncate table `{self.path(one)}`;" for one in self.filled))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda one: self.client.delete_table(self.path(one)), self.loaded))
        self.filled.clear()
        self.loaded.clear()
        self.known.clear()


def _without_comments(text: str) -> str:
    return re.sub(r"^--.*\n", "", text, flags=re.MULTILINE)


def _written(text: str) -> str | None:
    """Return the table that a statement writes, or None for a query."""
    found = re.match(r"(?:merge into|delete from|insert into|truncate table) `?(\w+)", text)
    return found and found[1]


def _export_schema(table: str) -> list[bigquery.SchemaField]:
    prefix = DAY.sub("", table)
    for export in EXPORTS:
        if prefix.startswith(export.prefix):
            return bigquery_schema(export.schema)
    return [bigquery.SchemaField("anything", "STRING")]


def check_names(row: dict, schema: list[bigquery.SchemaField], where: str) -> None:
    """Check that all names in a row are columns of the schema.

    Without this check, BigQuery would ignore an unknown name, and the case would test less than it says.
    """
    known = {column.name: column for column in schema}
    for name, value in row.items():
        assert name in known, f"{where} has no column {name}"
        for nested in value if isinstance(value, list) else [value]:
            if isinstance(nested, dict):
                check_names(nested, known[name].fields, f"{where}.{name}")
