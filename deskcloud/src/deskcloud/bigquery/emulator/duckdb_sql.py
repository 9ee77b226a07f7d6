"""Correct the DuckDB SQL that sqlglot writes.

DIV             is in parentheses: without them, 9 * DIV(12, 10) was (9 * 12) div 10
MIN_BY, MAX_BY  include rows whose value is NULL
"""

import functools

from local_bigquery.sql.dialect import DuckDBDialect
from sqlglot import exp
from sqlglot.generator import Generator

from deskcloud.bigquery.emulator import patching


def add() -> None:
    """Install both corrections."""
    generator = DuckDBDialect.Generator
    patching.replace(generator, "TRANSFORMS", _divided, "DIV after a `*` is computed after it", key=exp.IntDiv)
    for aggregate, name in ((exp.ArgMax, "ARG_MAX_NULL"), (exp.ArgMin, "ARG_MIN_NULL")):
        generator.TRANSFORMS[aggregate] = functools.partial(_with_null, name)


def _divided(generator: Generator, division: exp.IntDiv) -> str:
    return f"({generator.binary(division, '//')})"


def _with_null(name: str, generator: Generator, by: exp.Func) -> str:
    return generator.func(name, by.this, by.expression)
