"""List features that BigQuery has and this build of GoogleSQL does not have, each with its source.

If GoogleSQL has an equivalent, `as_googlesql` rewrites the statement. `ml.py` rewrites the functions of BigQuery ML. If
there is no equivalent, GoogleSQL refuses a statement that BigQuery may accept, and `is_beyond` returns True. The
sources are pages below https://cloud.google.com/bigquery/docs/.
"""

import re

from deskcloud.googlesql.errors import Refused
from deskcloud.googlesql.ml import Models, without_ml
from deskcloud.googlesql.tokens import Token, closing, split, tokenize, unquoted

# MAX_BY(x, y) is a synonym of ANY_VALUE(x HAVING MAX y). Source: reference/standard-sql/aggregate_functions.
_BY = {"MAX_BY": "MAX", "MIN_BY": "MIN"}

# Synonyms of INT64. Source: reference/standard-sql/data-types.
INTEGER_TYPES = ("INT", "SMALLINT", "INTEGER", "BIGINT", "TINYINT", "BYTEINT")

# The columns of __TABLES__ as BigQuery returns them. The documentation does not list them.
TABLES = (
    *({"name": name, "type": "STRING"} for name in ("project_id", "dataset_id", "table_id")),
    *({"name": name, "type": "INT64"} for name in ("creation_time", "last_modified_time", "row_count", "size_bytes")),
    {"name": "type", "type": "INT64"},
)

# BigQuery has these functions, and GoogleSQL does not. Each key is the page of BigQuery's documentation about the
# functions.
FUNCTIONS = {
    "reference/standard-sql/search_functions": ("SEARCH", "VECTOR_SEARCH"),
    "reference/standard-sql/string_functions": ("CONTAINS_SUBSTR", "COLLATE"),
    "reference/standard-sql/table-functions-built-in": ("APPENDS", "CHANGES", "RANGE_SESSIONIZE"),
    "reference/standard-sql/time-series-functions": ("GAP_FILL",),
    "reference/standard-sql/federated_query_functions": ("EXTERNAL_QUERY",),
    "reference/standard-sql/text-analysis-functions": ("BAG_OF_WORDS", "TEXT_ANALYZE", "TF_IDF"),
    "reference/standard-sql/objectref_functions": ("OBJ.", "AI."),
}
_MISSING = {name for names in FUNCTIONS.values() for name in names}

_NO_FUNCTION = re.compile(r"(?:Function|Table-valued function) not found: `?([\w.]+)")
# GoogleSQL's namespaces. A function with any other prefix is user-defined. Source: the page user-defined-functions.
_NAMESPACES = {"SAFE", "NET", "KEYS", "AEAD", "HLL_COUNT", "KLL_QUANTILES", "D3A_COUNT", "ML"}
# GoogleSQL does not know BigQuery's system variables, such as @@project_id. Source: reference/system-variables.
_SYSTEM_VARIABLE = re.compile(r"Unrecognized name: @@")


def as_googlesql(sql: str, models: Models) -> str:
    """Return an equivalent statement that GoogleSQL's open-source analyzer accepts.

    Raises:
        Refused: the statement calls an unknown ML function or names an unknown model.
    """
    sql = without_ml(sql, models)
    tokens = tokenize(sql)
    replaced = [*_paths(tokens), *_by(tokens)]
    for start, end, text in sorted(replaced, reverse=True):
        sql = f"{sql[:start]}{text}{sql[end:]}"
    return sql


def is_beyond(refusal: Refused) -> bool:
    """Return whether GoogleSQL has refused the statement only because GoogleSQL lacks a feature of BigQuery."""
    if _SYSTEM_VARIABLE.match(str(refusal)):
        return True
    if not (found := _NO_FUNCTION.match(str(refusal))):
        return False
    name = found[1].upper()
    first, point, _ = name.partition(".")
    return name in _MISSING or f"{first}." in _MISSING or (bool(point) and first not in _NAMESPACES)


def _paths(tokens: list[Token]) -> list[tuple[int, int, str]]:
    """Quote each part of a quoted path separately.

    This is needed because BigQuery reads `a.b.c` as three names, and GoogleSQL as one. Source:
    reference/standard-sql/lexical, path expressions.
    """
    return [
        (token.start, token.end, ".".join(f"`{part}`" for part in unquoted(token).split(".")))
        for token in tokens
        if token.kind == "name" and "." in token.text
    ]


def _by(tokens: list[Token]) -> list[tuple[int, int, str]]:
    made = []
    for index, token in enumerate(tokens[:-1]):
        if token.word in _BY and tokens[index + 1].word == "(":
            arguments = split(tokens[index + 2 : closing(tokens, index + 1)], ",")
            if len(arguments) == 2 and all(arguments):
                start, end = arguments[0][-1].end, arguments[1][0].start
                made += [(token.start, token.end, "ANY_VALUE"), (start, end, f" HAVING {_BY[token.word]} ")]
    return made
