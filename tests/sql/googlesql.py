"""The files of sql/ as Google's analyzer meets them: identifiers filled in, tables, models and parameters declared."""

from __future__ import annotations

import re
from functools import cache
from string import Template
from typing import TYPE_CHECKING

from demo.loading import bigquery_schema
from demo.schema import EXPORTS
from local import declarations, provision
from local.googlesql import analysis, dialect, types
from local.googlesql.catalog import Catalog
from local.googlesql.ml import Model
from shared.warehouse import SQL

if TYPE_CHECKING:
    from google.cloud import bigquery
    from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto

DATASET = "local-project.statements"
SOURCE = "local-project.analytics"
IDENTIFIERS = {
    "dataset": DATASET,
    "source": SOURCE,
    "model": "a_model",
    "model_id": "propensity",
    "uri": "gs://b/*.csv",
}
LABEL = "will_buy_on_return_visit"
MODELS = {
    "classifier": Model("BOOSTED_TREE_CLASSIFIER", label=LABEL),
    "factorization": Model("MATRIX_FACTORIZATION", user="visitor_id", item="product_id", rating="rating"),
}
# One name means one type in all of sql/, the one that shared.warehouse sends.
PARAMETERS = {
    "BOOL": "is_final",
    "DATE": "active_from as_of created_on day first_day from_day labelled_until today",
    "FLOAT64": "coupon_below coupon_from evaluation_share max_duplicates_share max_null_share min_confidence min_lift "
    "min_rows_share min_support shrinkage threshold train_share",
    "INT64": "label_days max_age_days max_decile max_hits min_baskets min_count most_popular most_products "
    "most_recommended most_rules most_similar most_visitors rows trailing_days",
    "STRING": "candidate first_suffix last_suffix method prefix run_id version",
    "ARRAY<DATE>": "days",
    "ARRAY<INT64>": "last_modified row_counts",
    "ARRAY<STRING>": "internal_sources methods placeholders suffixes unavailable",
}
_PARAMETER = re.compile(r"@([a-z_]+)")
_COMMENT = re.compile(r"--.*")


def statements() -> list[str]:
    return sorted(str(path.relative_to(SQL).with_suffix("")) for path in SQL.rglob("*.sql"))


def raw(statement: str) -> str:
    return _COMMENT.sub("", (SQL / f"{statement}.sql").read_text())


def text(statement: str, **identifiers: str) -> str:
    return Template(raw(statement)).substitute(IDENTIFIERS | identifiers)


def parameter_types() -> dict[str, TypeProto]:
    return {name: _type(kind) for kind, names in PARAMETERS.items() for name in names.split()}


def used_parameters(statement: str) -> set[str]:
    return set(_PARAMETER.findall(raw(statement)))


def catalog() -> Catalog:
    """The tables that sql/ may name."""
    return Catalog(_columns)


def with_models(kind: str) -> Catalog:
    """The same, and models of one kind."""
    return Catalog(_columns, lambda _: MODELS[kind])


@cache
def _columns(name: str) -> types.Fields | None:
    short = name.removeprefix(f"{DATASET}.")
    for export in EXPORTS:
        if short == f"{SOURCE}.{export.prefix}*":
            fields = [field.to_api_repr() for field in bigquery_schema(export.schema)]
            return [*fields, {"name": "_TABLE_SUFFIX", "type": "STRING"}]
    if short == f"{SOURCE}.__TABLES__":
        return dialect.TABLES
    if query := view(name):
        columns = analysis.analyze(query, Catalog(_columns))
        return [types.field(column.name, column.type) for column in columns]
    table = _declared().get(short)
    return table and [provision._column(one).to_api_repr() for one in table.columns]


def view(name: str) -> str | None:
    """The query of a view, by its name in SQL."""
    declared = _declared().get(name.removeprefix(f"{DATASET}."))
    return Template(declared.query).substitute(dataset=DATASET) if declared and declared.query else None


def sent_type(parameter: bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter) -> TypeProto:
    """The type with which the warehouse sends a parameter."""
    sent = parameter.to_api_repr()["parameterType"]
    return types.array(types.scalar(sent["arrayType"]["type"])) if "arrayType" in sent else types.scalar(sent["type"])


@cache
def _declared() -> dict[str, declarations.Table]:
    return {table.name: table for table in declarations.read().tables}


def _type(name: str) -> TypeProto:
    if name.startswith("ARRAY<"):
        return types.array(types.scalar(name[6:-1]))
    return types.scalar(name)
