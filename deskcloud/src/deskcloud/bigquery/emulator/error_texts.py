"""Report errors with BigQuery's messages instead of DuckDB's or Python's messages.

An error about a value gets BigQuery's message. Any other error of DuckDB or of the translation means that the local
BigQuery does not support the statement. Such an error has the reason invalidQuery, which no client retries.
"""

import re
from collections.abc import Callable
from typing import Any

import duckdb
from local_bigquery import errors
from local_bigquery.catalog import names
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import query, runner
from local_bigquery.sql import script
from sqlglot import exp

from deskcloud.bigquery.emulator import locations, patching, syntax, wildcard_views
from deskcloud.bigquery.emulator.checks import unsupported

# DuckDB's messages about values and column names, each with BigQuery's message.
_VALUES = [
    (
        r"Could not convert string ['\"](?P<name>.*)['\"] to (?:U?BIGINT|U?INT\d*|INTEGER|HUGEINT)",
        "Bad int64 value: {name}",
    ),
    (r"Could not convert string ['\"](?P<name>.*)['\"] to (?:DOUBLE|FLOAT)", "Bad double value: {name}"),
    (r"Could not convert string ['\"](?P<name>.*)['\"] to BOOL", "Bad bool value: {name}"),
    (r"Could not convert string ['\"](?P<name>.*)['\"] to DECIMAL", "Invalid NUMERIC value: {name}"),
    (r"Could not convert string ['\"](?P<name>.*)['\"] to INTERVAL", "Invalid INTERVAL value: {name}"),
    (r"invalid timestamp field format: \"(?P<name>[^\"]*)\"", "Invalid timestamp: '{name}'"),
    (r"invalid time field format: \"(?P<name>[^\"]*)\"", "Invalid time string '{name}'"),
    (r"timestamp field value out of range: \"(?P<name>[^\"]*)\"", "Invalid timestamp: '{name}'"),
    (r"date field value out of range: \"(?P<name>[^\"]*)\"", "Invalid date: '{name}'"),
    (r"(?P<name>missing \).*|invalid perl operator.*|missing \].*)", "Cannot parse regular expression: {name}"),
    (r"Overflow in HUGEINT (?P<name>\w+)", "numeric overflow: {name}"),
    (r"(?P<name>divison by zero in based logarithm)", "Floating point error in function: LOG"),
    (r"Could not parse string \"(?:1970 )?(?P<name>.*)\" according to format", 'Failed to parse input string "{name}"'),
    (r"Unknown TimeZone '(?P<name>[^']*)'", "Invalid time zone: {name}"),
    (r"(?P<name>\w+)(?: for \w+)? is out of range!", "Floating point error in function: {name}"),
    (r"Column with name (?P<name>.+) already exists", "Column already exists: {name}"),
    (r"Duplicate column name \"(?P<name>.+)\" in INSERT", "INSERT has columns with duplicate name: {name}"),
    (r"Multiple assignments to same column \"(?P<name>.+)\"", "Update item {name} assigned more than once"),
]
# DuckDB's messages about statements, each with the name of the unsupported feature.
_STATEMENTS = [
    (r"Macro (?P<name>\w+)\(\) does not support the supplied arguments", "{name} with these arguments"),
    (r"extract specifier \"?(?P<name>\w+)\"? not recognized", "The date part {name}"),
    (r"(?P<name>aggregates are not allowed inside the TRY expression)", "An aggregate function with SAFE"),
    (r"Failed to parse format specifier (?P<name>.*?):", "The format {name}"),
    (r"(?P<name>Can't pack nothing into a struct)", "A STRUCT without fields"),
    (r"Duplicate (?:child|struct entry) name (?P<name>\S*)", "A STRUCT with two fields of the name {name}"),
    (r"(?P<name>Expected (?:ARRAY|OBJECT), but got \w+)", "JSON of another type than the function expects"),
    (r"No GoogleSQL type is known for (?P<name>\w+)", "A value of type {name} in a text"),
    (r"Unimplemented type for cast \((?P<name>.*)\)", "The cast {name}"),
    (r"Not implemented Error: (?P<name>.*)", "This statement ({name})"),
]
_NO_DATASET = re.compile(r'Schema "?(?P<dataset>[^"]+)"? not found in DuckLakeCatalog "(?P<project>[^"]+)"')
_ROUTINE = re.compile(r"Macro Function with name \S+ (does not exist|already exists)")
_MISSING = re.compile(r"Table with name (\S+) does not exist")
_OPERATORS = {"~~": "LIKE", "!~~": "NOT LIKE", "LIKE_ESCAPE": "LIKE", "LEN": "ARRAY_LENGTH"}
# If DuckDB raises one of these exceptions, the statement is the reason. For all other exceptions, a value is the
# reason.
_OF_STATEMENTS = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.InternalException,
    duckdb.NotImplementedException,
    duckdb.ParserException,
    duckdb.SyntaxException,
)


def add() -> None:
    """Make local-bigquery use this module's messages for errors of DuckDB and Python."""
    errors.DUCKDB_ERRORS[0:0] = [(re.compile(pattern), "invalidQuery", words) for pattern, words in _VALUES]
    for module in (errors, query):
        patching.wrap(module, "from_duckdb", _of_duckdb, "errors have DuckDB's messages")
    # Replace only the errors of jobs and scripts here, because refusals.py replaces the errors of requests.
    for module in (runner, script):
        patching.wrap(module, "from_exception", _of_exception, "errors have Python's messages")


def _of_duckdb(original: Callable[..., BigQueryError], error: Exception, *arguments: Any) -> BigQueryError:
    first = str(error).split("\n")[0]
    for pattern, words in _STATEMENTS:
        if match := re.search(pattern, first):
            return unsupported(words.format(name=match["name"].upper() if "{name} with" in words else match["name"]))
    if match := _NO_DATASET.search(first):
        dataset = names.label(match["project"], match["dataset"])
        return locations.missing("Dataset", dataset)
    if (match := _ROUTINE.search(first)) and arguments:
        context, tree = arguments
        routine = names.label(*names.reference(tree.find(exp.Table), context.project_id, context.dataset_id))
        is_there = match[1] == "already exists"
        return errors.already_exists("Routine", routine) if is_there else errors.not_found("Routine", routine)
    if (match := _MISSING.search(first)) and arguments:
        context, *_ = arguments
        if missing := wildcard_views.missing_table(match[1], context.referenced):
            return locations.missing("Table", missing)
    made = original(error, *arguments)
    if made.message.count("(") != made.message.count(")"):
        # If an argument is a STRUCT, the message has unbalanced parentheses. Then remove the argument types from the
        # message.
        made.message = made.message.partition(" for argument types")[0]
    operator = re.match(r"No matching signature for (?:operator|function) (\S+)", made.message)
    if operator and operator[1] in _OPERATORS:
        made.message = made.message.replace(operator[1], _OPERATORS[operator[1]], 1)
    is_raw = made.message == errors.DUCKDB_PREFIX.sub("", first)
    if made.reason == "invalidQuery" and is_raw and isinstance(error, _OF_STATEMENTS):
        return unsupported(f"This statement ({made.message.rstrip('!.')})")
    return made


def _of_exception(original: Callable[[Exception], BigQueryError], error: Exception) -> BigQueryError:
    if words := syntax.words_of(error):
        return BigQueryError("invalidQuery", words)
    made = original(error)
    if made.reason == "notImplemented":
        return unsupported(made.message.partition(" is not implemented")[0])
    if "<class" in made.message:
        return unsupported(f"This syntax ({made.message.rpartition(' at ')[2]})")
    if made.reason == "dontRetry":
        return unsupported(f"This statement (its translation raised {type(error).__name__})")
    return made
