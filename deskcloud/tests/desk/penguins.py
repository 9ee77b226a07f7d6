"""The penguins of Google's tutorial on linear regression, and the figures that the tutorial prints for these penguins.

https://cloud.google.com/bigquery/docs/linear-regression-tutorial
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

FILE = Path(__file__).parent.parent / "data/penguins/penguins.csv"
NULL = "NA"
TYPES = {
    "species": "STRING",
    "island": "STRING",
    "culmen_length_mm": "FLOAT64",
    "culmen_depth_mm": "FLOAT64",
    "flipper_length_mm": "FLOAT64",
    "body_mass_g": "FLOAT64",
    "sex": "STRING",
}

LINEAR = {"model_type": "linear_reg", "input_label_cols": ["body_mass_g"]}
TREES = {"model_type": "BOOSTED_TREE_REGRESSOR", "input_label_cols": ["body_mass_g"]}

EVALUATION = {
    "mean_absolute_error": "227.012237",
    "mean_squared_error": "81838.159892",
    "mean_squared_log_error": "0.00507",
    "median_absolute_error": "173.080816",
    "r2_score": "0.872377",
    "explained_variance": "0.872377",
}
"""The tutorial's output of ML.EVALUATE on the penguins whose weight is known."""

PREDICTIONS = {
    (None, None): "4681.782896",
    (46.2, 14.4): "4740.7907",
    (44.5, 14.3): "4731.310452",
    (45.2, 16.4): "5413.510134",
    (46.5, 14.5): "4768.351092",
    (37.7, 16.0): "3235.896372",
    (46.4, 15.6): "5349.603734",
    (46.1, 13.2): "4637.165037",
}
"""The weights that the tutorial predicts for penguins on Biscoe, by the length and the depth of the culmen."""

ATTRIBUTIONS = {
    "flipper_length_mm": "193.612051",
    "culmen_depth_mm": "117.084944",
    "culmen_length_mm": "94.366793",
}
"""The tutorial's output of ML.GLOBAL_EXPLAIN for the numeric features.

The categorical features are left out, because their attributions have no unique value.
"""


def penguins() -> pa.Table:
    """Return all 344 penguins. Of two penguins, only the species and the island are known."""
    types = {name: pa.string() if type_ == "STRING" else pa.float64() for name, type_ in TYPES.items()}
    options = csv.ConvertOptions(column_types=types, null_values=[NULL], strings_can_be_null=True)
    return csv.read_csv(FILE, convert_options=options)


def weighed() -> pa.Table:
    """Return the 342 penguins whose weight is known."""
    rows = penguins()
    return rows.filter(pc.is_valid(rows["body_mass_g"]))


def printed(value: float) -> str:
    """Format a number as the tutorial prints it: with six decimals, without trailing zeros."""
    return f"{value:.6f}".rstrip("0")
