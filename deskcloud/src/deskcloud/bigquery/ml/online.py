"""Compute online predictions in Vertex AI's format. Input and output are JSON objects."""

from __future__ import annotations

import base64
import datetime as dt
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from deskcloud.bigquery.ml.columns import ARROW, NUMERIC, Columns, Feature
from deskcloud.bigquery.ml.errors import MLError

if TYPE_CHECKING:
    from collections.abc import Callable

    from deskcloud.bigquery.ml.supervised import Supervised


def predict_instances(model: Supervised, instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return Vertex AI's predictions for instances. An instance is a JSON object with a value per feature column.

    JSON null is NULL. Keys that are not features are ignored.

    Raises:
        MLError: a key is missing, or a value has the wrong type.
    """
    columns = {feature.name: _instance_column(feature, instances) for feature in model.features}
    return [model.answer(one) for one in model.estimator.predictions(Columns(pa.table(columns))).tolist()]


def _instance_column(feature: Feature, instances: list[dict[str, Any]]) -> pa.Array:
    values = []
    for position, instance in enumerate(instances):
        if not isinstance(instance, dict) or feature.name not in instance:
            raise MLError(
                f"Instance {position} lacks {feature.name!r} ({feature.type}): send a JSON object with every feature.",
                "badRequest",
            )
        try:
            values.append(_json_value(feature, instance[feature.name]))
        except (TypeError, ValueError) as error:
            raise MLError(
                f"Instance {position}: {feature.name!r} must be {_JSON_FORM[feature.type]} ({feature.type}); "
                f"got {instance[feature.name]!r}.",
                "badRequest",
            ) from error
    return pa.array(values, pa.float64() if feature.type in NUMERIC else ARROW[feature.type])


def _json_value(feature: Feature, value: object) -> object:
    """Convert a JSON value into the Python value for Arrow.

    Raises:
        TypeError, ValueError: the value does not fit the feature's type.
    """
    if value is None:
        return None
    if feature.type in NUMERIC:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(feature.type)
        return float(value)
    if not isinstance(value, bool if feature.type == "BOOL" else str):
        raise TypeError(feature.type)
    return _PARSE[feature.type](value) if feature.type in _PARSE else value


_PARSE: dict[str, Callable[[Any], object]] = {
    # For invalid base64, b64decode raises binascii.Error. This is a ValueError, so the caller handles it like other
    # wrong values.
    "BYTES": partial(base64.b64decode, validate=True),
    "DATE": dt.date.fromisoformat,
    "DATETIME": dt.datetime.fromisoformat,
    "TIME": dt.time.fromisoformat,
    "TIMESTAMP": dt.datetime.fromisoformat,
}

_JSON_FORM = dict.fromkeys(NUMERIC, "a number") | {
    "BOOL": "true or false",
    "STRING": "a string",
    "BYTES": "a base64 string",
    "DATE": "a string such as '2017-08-01'",
    "DATETIME": "a string such as '2017-08-01 12:30:00'",
    "TIME": "a string such as '12:30:00'",
    "TIMESTAMP": "a string such as '2017-08-01 12:30:00+00:00'",
}
