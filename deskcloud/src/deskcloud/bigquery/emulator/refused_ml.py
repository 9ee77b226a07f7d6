"""Refuse BigQuery ML in the emulator, which would store a model without training it.

The gateway runs the ML statements that it can see. The gateway cannot see statements that a script computes for EXECUTE
IMMEDIATE. Nor can it see statements in procedures and views that a client created with the REST API.
"""

import re
from collections.abc import Callable

from local_bigquery.errors import BigQueryError
from local_bigquery.sql import dialect, script
from sqlglot import exp

from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.texts import ml_inside
from deskcloud.googlesql import statements
from deskcloud.googlesql.tokens import tokenize

_HINT = re.compile(r"\bml\b|\bmodel\b", re.IGNORECASE)
_WHERE = "EXECUTE IMMEDIATE of a computed text, or a procedure or view made by the REST API,"


def add() -> None:
    """Refuse ML statements when a script is parsed, and ML functions when a statement is translated."""
    reason = "models are stored without training"
    patching.wrap(script, "parse", _parse, reason)
    patching.replace(dialect, "not_implemented", _refusal, reason)


def _parse(original: Callable[[str], list[exp.Expr]], text: str) -> list[exp.Expr]:
    if _HINT.search(text) and statements.is_ml(tokenize(text)):
        raise _refusal("ML.")
    return original(text)


def _refusal(function: str) -> BigQueryError:
    if function.startswith("ML."):
        return BigQueryError("invalidQuery", ml_inside(_WHERE))
    return BigQueryError("invalidQuery", f"{function} is not supported by the local BigQuery")
