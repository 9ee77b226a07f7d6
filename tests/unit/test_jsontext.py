"""shared/jsontext.py writes all JSON. This JSON is always valid, because NaN and infinity become null."""

import ast
import json
import math
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deskcloud.web.answers import JSONResponse
from shared import jsontext
from shared.log import log
from shared.online.log_events import CheckoutScored

ROOT = Path(__file__).parents[2]
PACKAGES = ("benchmarks", "cli", "demo", "deskcloud/src", "faults", "functions", "scripts", "shared")
# Functions and classes with which code could write JSON without jsontext, as (module, name).
OTHERS = {
    ("json", "dump"),
    ("json", "dumps"),
    ("json", "JSONEncoder"),
    ("msgspec.json", "encode"),
    ("msgspec.json", "Encoder"),
    ("starlette.responses", "JSONResponse"),
    ("fastapi.responses", "JSONResponse"),
    ("flask", "jsonify"),
}
# Maps each module that may use OTHERS to the text that it writes, which is not a JSON document.
NO_DOCUMENTS = {
    "deskcloud/src/deskcloud/bigquery/emulator/json_values.py": "a text as GoogleSQL's functions of JSON write it",
    "deskcloud/src/deskcloud/bigquery/emulator/text_rows.py": "a value in BigQuery's error texts",
    "deskcloud/src/deskcloud/bigquery/emulator/value_texts.py": "GoogleSQL's texts of values, which know NaN",
}


def strictly(text):
    """Read a text with a parser that accepts only standard JSON."""

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def names(node):
    """Return the dotted name, such as `a.b.c`, of a syntax node of nested attributes."""
    if isinstance(node, ast.Attribute):
        return f"{names(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def written(path):
    """Yield `path:line: function` for each place in a module that uses one of OTHERS."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and (names(node.value), node.attr) in OTHERS:
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {names(node)}"
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (node.module, alias.name) in OTHERS:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.module}.{alias.name}"


def test_nothing_writes_json_in_another_way():
    """The test reads the syntax trees of the code, as a linter does."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")] + [ROOT / "main.py"]
    found = {str(path.relative_to(ROOT)): list(written(path)) for path in paths if path.name != "jsontext.py"}
    assert [line for path, lines in found.items() if path not in NO_DOCUMENTS for line in lines] == []
    assert all(found[path] for path in NO_DOCUMENTS)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, np.float64("nan"), np.float32("inf")])
def test_nan_and_infinity_are_null_anywhere_in_a_document(number):
    assert strictly(jsontext.text({"a": number, "b": [number, {"c": number}]})) == {"a": None, "b": [None, {"c": None}]}
    # NaN and infinity are also null if the standard library writes the document, because msgspec cannot write a value.
    assert strictly(jsontext.text({"a": [number], "b": "\ud800", "c": 2**80})) == {
        "a": [None],
        "b": "\ud800",
        "c": 2**80,
    }


def test_other_values_become_texts_and_numbers_of_numpy_become_numbers():
    value = {"day": date(2017, 8, 1), "at": datetime(2017, 8, 1, 3, tzinfo=UTC), "path": Path("a"), "n": np.int64(3)}
    assert strictly(jsontext.text(value)) == {"day": "2017-08-01", "at": "2017-08-01T03:00:00Z", "path": "a", "n": 3}
    assert strictly(jsontext.text({"rows": np.array([1.5, math.nan])})) == {"rows": [1.5, None]}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def without_nan_and_infinity(value):
    match value:
        case float():
            return value if math.isfinite(value) else None
        case list():
            return [without_nan_and_infinity(one) for one in value]
        case dict():
            return {name: without_nan_and_infinity(one) for name, one in value.items()}
    return value


@given(values, st.sampled_from([None, 1]))
@example(["\ud800"], 1)
def test_any_written_value_is_read_unchanged_except_nan_and_infinity(value, indent):
    assert strictly(jsontext.text(value, indent)) == without_nan_and_infinity(value)


def test_names_are_sorted_so_that_equal_documents_have_equal_digests():
    assert jsontext.encode({"b": 1, "a": [2]}, is_sorted=True) == jsontext.encode({"a": [2], "b": 1}, is_sorted=True)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b'{"a": 1', "it ends too early: a text, array or object in it is not closed"),
        (b"[" * 5_000, "it ends too early: a text, array or object in it is not closed"),
        (b'{"a": "\\ud800"}', "half a surrogate pair"),
        (b'{"a": "\\ud800\\u0041"}', "half a surrogate pair"),
        (b'{"a": "\\udc00"}', "half a surrogate pair"),
        (b'{"a": "\xff"}', "it is not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "it is not UTF-8"),
        (b"NaN", "JSON is malformed: invalid character"),
        (b'{"a": 1e400}', "Number out of range"),
        (b"[" * 1_000_000, "too early|too deep"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_error_says_why_a_text_is_not_json(content, why):
    with pytest.raises(jsontext.NotJSONError, match=why):
        jsontext.decode(content)


def test_logs_and_answers_with_nan_are_valid(capfd):
    log(CheckoutScored({"probability": math.nan}))
    assert strictly(capfd.readouterr().out)["prediction"] == {"probability": None}
    assert strictly(JSONResponse({"p": math.nan}).body) == {"p": None}
