"""Compute ML.VALIDATE_DATA_DRIFT and ML.VALIDATE_DATA_SKEW, which measure how much distributions of columns differ.

The first compares two tables. The second compares a table with the training rows of a model.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from deskcloud.bigquery.ml import distributions
from deskcloud.bigquery.ml.columns import Columns
from deskcloud.bigquery.ml.distributions import Categories, Numbers
from deskcloud.bigquery.ml.errors import MLError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deskcloud.bigquery.ml.columns import Feature
    from deskcloud.bigquery.ml.distributions import Distribution
    from deskcloud.bigquery.ml.supervised import Supervised

THRESHOLDS = (
    "categorical_default_threshold",
    "categorical_metric_type",
    "numerical_default_threshold",
    "numerical_metric_type",
    "thresholds",
)
BUCKETS = {
    "num_histogram_buckets": 1_000,
    "num_quantiles_histogram_buckets": 1_000,
    "num_values_histogram_buckets": 1_000,
    "num_rank_histogram_buckets": 10_000,
}
"""The greatest value of each option. The second and the third option describe histograms that no metric uses."""

_L_INFINITY = "L_INFTY"
_JENSEN_SHANNON = "JENSEN_SHANNON_DIVERGENCE"
_METRICS = {"categorical_metric_type": (_L_INFINITY, _JENSEN_SHANNON), "numerical_metric_type": (_JENSEN_SHANNON,)}
_DEFAULT_THRESHOLD = 0.3

_REPORT = pa.schema(
    {
        "input": pa.string(),
        "metric": pa.string(),
        "threshold": pa.float64(),
        "value": pa.float64(),
        "is_anomaly": pa.bool_(),
    }
)


def validate_data_drift(base: pa.Table, study: pa.Table, **options: Any) -> pa.Table:
    """Return ML.VALIDATE_DATA_DRIFT, with one row for each column that both inputs have, sorted by name."""
    for name in BUCKETS.keys() & options.keys():
        check_number(name, options[name], BUCKETS[name])
    sizes = (
        options.get("num_histogram_buckets", distributions.HISTOGRAM_BUCKETS),
        options.get("num_rank_histogram_buckets", distributions.RANKS),
    )
    first, second = Columns(base), Columns(study)
    others = _by_name(second)
    pairs = {
        feature.name: (
            distributions.values(first, feature).distribution(*sizes),
            distributions.values(second, others[feature.name.lower()]).distribution(*sizes),
        )
        for feature in first.expanded
        if feature.name.lower() in others
    }
    return _report(pairs, options)


def validate_data_skew(model: Supervised, rows: pa.Table, **options: Any) -> pa.Table:
    """Return ML.VALIDATE_DATA_SKEW, with one row for each feature of the model that `rows` has, sorted by name."""
    if model.distributions is None:
        raise MLError(
            "ML.VALIDATE_DATA_SKEW needs the statistics of the training data, but this model has none: "
            "retrain it with CREATE OR REPLACE MODEL."
        )
    columns = Columns(rows)
    given = _by_name(columns)
    pairs = {
        name: (trained, distributions.values(columns, given[name.lower()]).distribution())
        for name, trained in model.distributions.items()
        if name.lower() in given
    }
    return _report(pairs, options)


def of_training(columns: Columns, features: Sequence[Feature]) -> dict[str, Distribution]:
    """Return the features' distributions in the training rows, for ML.VALIDATE_DATA_SKEW."""
    return {feature.name: distributions.values(columns, feature).distribution() for feature in features}


def kept(trained: dict[str, Distribution] | None) -> dict[str, Any] | None:
    """Convert distributions into a value that can be stored in model.json. None stays None."""
    return None if trained is None else {name: asdict(one) for name, one in trained.items()}


def loaded(stored: dict[str, Any] | None) -> dict[str, Distribution] | None:
    """Convert the result of `kept` back into each feature's distribution. None stays None."""
    if stored is None:
        return None
    return {name: Categories(**one) if "ranks" in one else Numbers(**one) for name, one in stored.items()}


def check_number(name: str, value: Any, most: int) -> None:
    """Check the value of an option.

    Raises:
        MLError: the value is not an INT64 from 1 to `most`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise MLError(f"{name.upper()} must be an INT64 from 1 to {most}; got {value!r}.")


def _by_name(columns: Columns) -> dict[str, Feature]:
    return {feature.name.lower(): feature for feature in columns.expanded}


def _report(pairs: dict[str, tuple[Distribution, Distribution]], options: dict[str, Any]) -> pa.Table:
    for name, allowed in _METRICS.items():
        if name in options and options[name] not in allowed:
            raise MLError(f"{name.upper()} must be {' or '.join(allowed)}; got {options[name]!r}.")
    defaults = {
        kind: _threshold(f"{kind}_default_threshold", options.get(f"{kind}_default_threshold", _DEFAULT_THRESHOLD))
        for kind in ("categorical", "numerical")
    }
    thresholds = _own_thresholds(options.get("thresholds", []), pairs)
    rows = []
    for name in sorted(pairs):
        base, study = pairs[name]
        kind = "numerical" if isinstance(base, Numbers) else "categorical"
        metric = options.get(f"{kind}_metric_type", _METRICS[f"{kind}_metric_type"][0])
        value = _distance(metric, base, study)
        if value is not None:
            threshold = thresholds.get(name.lower(), defaults[kind])
            rows.append((name, metric, threshold, value, value > threshold))
    return pa.Table.from_pylist([dict(zip(_REPORT.names, row, strict=True)) for row in rows], _REPORT)


def _distance(metric: str, base: Distribution, study: Distribution) -> float | None:
    if metric == _L_INFINITY and isinstance(base, Categories):
        # If only `study` is numeric, it is compared as a column without categories, as in TFDV.
        return distributions.l_infinity(base, study if isinstance(study, Categories) else Categories())
    return distributions.jensen_shannon(base, study)


def _own_thresholds(given: Any, pairs: dict[str, Any]) -> dict[str, float]:
    is_right = isinstance(given, list) and all(
        isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str) for one in given
    )
    if not is_right:
        raise MLError(f"THRESHOLDS must be an ARRAY<STRUCT<STRING, FLOAT64>>; got {given!r}.")
    known = {name.lower() for name in pairs}
    for name, _ in given:
        if name.lower() not in known:
            raise MLError(
                f"THRESHOLDS names {name!r}, which is not a compared column; compared columns: {', '.join(pairs)}."
            )
    return {name.lower(): _threshold(f"thresholds of {name!r}", value) for name, value in given}


def _threshold(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise MLError(f"{name.upper()} must be a FLOAT64 of at least 0 and below 1; got {value!r}.")
    return float(value)
