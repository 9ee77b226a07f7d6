"""Run a statement of sql/ a second time, on Google's reference implementation, with the rows of the local BigQuery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deskcloud.googlesql import reference
from deskcloud.googlesql.catalog import table_paths
from deskcloud.googlesql.tokens import tokenize
from fixtures import googlesql
from shared import warehouse
from shared.settings import CANDIDATES

if TYPE_CHECKING:
    from collections.abc import Callable

type Rows = list[dict[str, Any]]

# Maps each statement that the reference implementation cannot run to the reason. test_accepted.py analyzes it.
NOT_RUN = {
    "audience/export": "EXPORT DATA",
    **dict.fromkeys(("backtest/known/conversions", "backtest/known/sessions"), "tables of one name in two datasets"),
    "deployment/export_model": "EXPORT MODEL",
    "deployment/golden_rows": "BigQuery ML",
    "deployment/register_model": "ALTER MODEL",
    "deployment/weights": "BigQuery ML",
    "evaluation/predictions": "BigQuery ML",
    "deployment/training_statistics": "BigQuery ML",
    **dict.fromkeys((f"models/{candidate}" for candidate in CANDIDATES), "CREATE MODEL"),
    **dict.fromkeys(("monitoring/feature_shift", "monitoring/skew", "monitoring/skew_of_sample"), "BigQuery ML"),
    "recommendations/by_matrix_factorization": "BigQuery ML",
    "recommendations/factorization": "CREATE MODEL",
    "report/drivers": "BigQuery ML",
    "report/examples": "BigQuery ML",
    "reset/all_rows": "TRUNCATE TABLE",
    "scoring/scores": "BigQuery ML",
    "value/by_regression": "BigQuery ML",
    **dict.fromkeys(("value/boosted_trees", "value/linear"), "CREATE MODEL"),
    "why/drivers": "BigQuery ML",
    "source/day_tables": "__TABLES__ holds times that only the tables themselves know",
    "source/newest_table": "__TABLES__ holds times that only the tables themselves know",
}


@dataclass(frozen=True)
class Twice:
    """Runs statements on the reference implementation. `contents` returns the rows of the table with the given name."""

    contents: Callable[[str], Rows]

    def query(self, text: str, values: dict[str, Any]) -> Rows:
        """Return the rows of a query."""
        tables = {name: self._rows(name) for path in table_paths(text) if (name := ".".join(path))}
        result = reference.run(text, googlesql.catalog(), tables, _parameters(text, values))
        names = [column.name for column in result.columns]
        return [dict(zip(names, row, strict=True)) for row in result.rows]

    def modify(self, text: str, values: dict[str, Any]) -> Rows:
        """Return all rows of the statement's target after a DELETE, INSERT or MERGE."""
        tables = {name: self._rows(name) for path in table_paths(text) if (name := ".".join(path))}
        return reference.modify(text, googlesql.catalog(), tables, _parameters(text, values)).rows

    def _rows(self, name: str) -> Rows:
        view = googlesql.view(name)
        return self.query(view, {}) if view else self.contents(name)


def _parameters(text: str, values: dict[str, Any]) -> reference.Parameters:
    """Return the type and the value of each parameter that a statement's text names."""
    kinds = googlesql.every_parameter_type()
    named = {token.text[1:] for token in tokenize(text) if token.kind == "parameter"}
    for name in named:
        assert googlesql.sent_type(warehouse.parameter(name, values[name])) == kinds[name], name
    return {name: (kinds[name], values[name]) for name in named}
