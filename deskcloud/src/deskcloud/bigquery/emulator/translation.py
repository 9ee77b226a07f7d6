"""Translate a statement to DuckDB's SQL as local-bigquery does, in less time.

The version of the tables is read once, and not for each of a dozen lookups. The SQL is written from the translated
tree itself, and not from a copy.
"""

from typing import Any

from local_bigquery.grpc import read
from local_bigquery.jobs import query
from local_bigquery.sql import script
from local_bigquery.sql import translate as original
from local_bigquery.sql.dialect import DuckDBDialect
from local_bigquery.sql.rules import STATEMENT_RULES
from local_bigquery.sql.translate import Context
from sqlglot import exp

from deskcloud.bigquery.emulator import lake_metadata, patching


def add() -> None:
    """Replace local-bigquery's function."""
    for module in (read, query, script):
        patching.replace(module, "translate", translate, "a statement looks its tables up a dozen times")


def translate(tree: exp.Expr, context: Context) -> tuple[str, dict[str, Any]]:
    """Return a statement in DuckDB's SQL, and the values of the parameters that it uses. `tree` is not changed.

    Raises:
        BigQueryError: BigQuery would refuse the statement.
    """
    context.used.clear()
    tree = tree.copy()
    with lake_metadata.at_one_version():
        for rule in STATEMENT_RULES:
            tree = rule(tree, context)
        tree = original._rewrite(tree, context)  # noqa: SLF001 - no public name exists
    text = tree.sql(dialect=DuckDBDialect, copy=False)
    return text, {name: context.values[name] for name in context.used}
