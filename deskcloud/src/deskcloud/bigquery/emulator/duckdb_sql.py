"""Correct the DuckDB SQL that sqlglot writes.

DIV and its arguments are written in parentheses. Without the parentheses, 9 * DIV(12, 10) becomes (9 * 12) div 10.
DIV(1 + 9, 4) becomes 1 + (9 div 4). MIN_BY and MAX_BY are written so that they include rows whose value is NULL.
"""

import functools

from local_bigquery.sql.dialect import BigQueryDialect, DuckDBDialect
from sqlglot import exp
from sqlglot.generator import Generator

from deskcloud.bigquery.emulator import patching


def add() -> None:
    """Change how sqlglot parses DIV, and how it writes DIV, MIN_BY and MAX_BY."""
    parser = BigQueryDialect.Parser
    patching.replace(parser, "FUNCTIONS", _division, "DIV takes the operators of its arguments apart", key="DIV")
    generator = DuckDBDialect.Generator
    patching.replace(generator, "TRANSFORMS", _divided, "DIV after a `*` is computed after it", key=exp.IntDiv)
    for aggregate, name in ((exp.ArgMax, "ARG_MAX_NULL"), (exp.ArgMin, "ARG_MIN_NULL")):
        generator.TRANSFORMS[aggregate] = functools.partial(_with_null, name)


def _division(arguments: list[exp.Expr]) -> exp.Expr:
    if len(arguments) != 2:
        return exp.Anonymous(this="DIV", expressions=arguments)
    dividend, divisor = (exp.Paren(this=one) if isinstance(one, exp.Binary) else one for one in arguments)
    return exp.IntDiv(this=dividend, expression=divisor)


def _divided(generator: Generator, division: exp.IntDiv) -> str:
    return f"({generator.binary(division, '//')})"


def _with_null(name: str, generator: Generator, by: exp.Func) -> str:
    return generator.func(name, by.this, by.expression)
