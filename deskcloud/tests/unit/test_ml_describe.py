"""ML.DESCRIBE_DATA returns the statistics of each column. The tests compare the statistics with output of BigQuery."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path

import pyarrow as pa
import pytest

from deskcloud.bigquery import ml

OBSERVED = json.loads((Path(__file__).parents[1] / "data/monitoring/body_mass.json").read_text())
MASSES = [float(mass) for mass, count in OBSERVED["values"].items() for _ in range(count)]
NOT_OF_NUMBERS = {"unique": None, "avg_string_length": None, "top_values": []}
NOT_OF_TEXTS = {"num_zeros": None, "mean": None, "stddev": None, "median": None, "quantiles": []}
NOT_OF_SCALARS = {
    "min_array_length": None,
    "max_array_length": None,
    "avg_array_length": None,
    "total_array_length": None,
    "array_length_quantiles": [],
    "dimension": None,
}


def described(columns, **options):
    return {row.pop("name"): row for row in ml.describe_data(pa.table(columns), **options).to_pylist()}


def test_the_statistics_of_numbers_are_those_that_bigquery_computed():
    found = described({"body_mass_g": [*MASSES, None, None]}, num_quantiles=10)["body_mass_g"]

    assert found.pop("mean") == pytest.approx(OBSERVED["mean"], rel=1e-14)
    assert found.pop("stddev") == pytest.approx(OBSERVED["stddev"], rel=1e-14)
    assert found == {
        "num_rows": 344,
        "num_nulls": 2,
        "num_values": 342,
        "num_zeros": 0,
        "min": "2700",
        "max": "6300",
        "median": 4050,
        "quantiles": [2700, 3300, 3475, 3650, 3800, 4050, 4300, 4650, 4950, 5400, 6300],
        **NOT_OF_NUMBERS,
        **NOT_OF_SCALARS,
    }


def test_texts_have_lengths_and_most_frequent_values():
    sexes = ["MALE"] * 168 + ["FEMALE"] * 165 + ["."] + [None] * 10
    found = described({"sex": sexes}, top_k=2)["sex"]

    assert found.pop("avg_string_length") == pytest.approx(4.979042, abs=5e-7)
    assert found == {
        "num_rows": 344,
        "num_nulls": 10,
        "num_values": 334,
        "min": ".",
        "max": "MALE",
        "unique": 3,
        "top_values": [{"value": "MALE", "count": 168}, {"value": "FEMALE", "count": 165}],
        **NOT_OF_TEXTS,
        **NOT_OF_SCALARS,
    }


def test_by_default_there_are_two_quantiles_and_one_top_value_and_columns_are_sorted_by_name():
    found = described({"n": [5, 1, 3], "c": ["x", "x", "y"]})

    assert list(found) == ["c", "n"]
    assert found["n"]["quantiles"] == [1, 3, 5]
    assert found["c"]["top_values"] == [{"value": "x", "count": 2}]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime.fromisoformat("2026-01-02T03:04:05"), "2026-01-02 03:04:05"),
        (dt.datetime(2026, 1, 2, 3, 4, 5, 120000, tzinfo=dt.UTC), "2026-01-02 03:04:05.120+00"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02 00:00:00+00"),
        (dt.time(3, 4, 5, 6), "03:04:05.000006"),
        (b"bytes", "bytes"),
    ],
)
def test_other_types_are_described_as_texts(value, text):
    found = described({"x": [value, None]})["x"]
    assert (found["min"], found["max"], found["unique"], found["num_nulls"]) == (text, text, 1, 1)
    assert found["top_values"] == [{"value": text, "count": 1}]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.1 + 0.2, "0.30000000000000004"), (13.1, "13.1"), (1e20, "1e+20"), (-0.0, "0"), (-math.inf, "-inf")],
)
def test_the_minimum_is_formatted_as_by_cast_as_string(number, text):
    assert described({"x": [number]})["x"]["min"] == text


def test_nan_sorts_first_and_makes_minimum_and_maximum_nan():
    found = described({"x": [2.0, math.nan, 1.0]})["x"]
    assert (found["min"], found["max"], found["num_values"]) == ("NaN", "NaN", 3)
    assert math.isnan(found["mean"])
    assert math.isnan(found["quantiles"][0])
    assert found["quantiles"][1:] == [1, 2]


def test_without_rows_only_the_counts_are_known():
    nothing = described({"n": pa.array([], pa.int64()), "c": pa.array([None], pa.string())[:0]})
    unknown = {"num_rows": 0, "num_nulls": 0, "num_values": 0, "min": None, "max": None, **NOT_OF_SCALARS}
    assert nothing["n"] == unknown | NOT_OF_TEXTS | {"num_zeros": 0} | NOT_OF_NUMBERS
    assert nothing["c"] == unknown | NOT_OF_TEXTS | NOT_OF_NUMBERS | {"unique": 0}


def test_arrays_are_unnested_and_their_lengths_described():
    found = described({"a": pa.array([[1, 2, 3], [], [4, None]], pa.list_(pa.int64()))}, num_array_length_quantiles=2)

    assert {name: found["a"][name] for name in ("num_rows", "num_values", "num_nulls", "max")} == {
        "num_rows": 3,
        "num_values": 4,
        "num_nulls": 1,
        "max": "4",
    }
    assert {name: found["a"][name] for name in NOT_OF_SCALARS} == {
        "min_array_length": 0,
        "max_array_length": 3,
        "avg_array_length": pytest.approx(5 / 3),
        "total_array_length": 5,
        "array_length_quantiles": [0, 2, 3],
        "dimension": None,
    }


def test_a_sparse_array_has_a_dimension():
    type_ = pa.list_(pa.struct({"index": pa.int64(), "value": pa.float64()}))
    found = described({"a": pa.array([[(0, 1.0)], [(6, 3.0)]], type_)})["a"]
    assert (found["dimension"], found["max"], found["mean"]) == (7, "3", 2.0)


@pytest.mark.parametrize("options", [{"num_quantiles": 0}, {"top_k": 10_001}, {"num_array_length_quantiles": True}])
def test_an_option_out_of_range_is_named(options):
    [name] = options
    with pytest.raises(ml.MLError, match=f"{name.upper()} must be an INT64 from 1 to"):
        described({"x": [1]}, **options)
