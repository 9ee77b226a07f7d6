"""Refuse BigQuery ML that comes as far as the emulator, which would keep a model without learning anything.

The gateway carries out statements that stand by themselves. What is left is in a text that only a script knows, such as
EXECUTE IMMEDIATE of a variable, in a procedure that a client made by the REST API, or in such a view.
"""

import re
from collections.abc import Callable

from local_bigquery.errors import BigQueryError
from local_bigquery.sql import dialect, script
from sqlglot import exp

from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.gateway import statements
from deskcloud.bigquery.gateway.errors import ml_inside
from deskcloud.googlesql.tokens import tokenize

_HINT = re.compile(r"\bml\b|\bmodel\b", re.IGNORECASE)
_WHERE = "EXECUTE IMMEDIATE of a computed text, or a procedure or view made by the REST API,"


def add() -> None:
    """Put the checks in place."""
    reason = "models are kept without learning anything"
    patching.wrap(script, "parse", _parse, reason)
    patching.replace(dialect, "not_implemented", _refusal, reason)


def _parse(original: Callable[[str], list[exp.Expr]], text: str) -> list[exp.Expr]:
    if _HINT.search(text) and statements.is_ml(tokenize(text)):
        raise _refusal("ML.")
    return original(text)


def _refusal(function: str) -> BigQueryError:
    if function.startswith("ML."):
        return BigQueryError("invalidQuery", ml_inside(_WHERE).message)
    return BigQueryError("invalidQuery", f"{function} is not supported by the local BigQuery")
