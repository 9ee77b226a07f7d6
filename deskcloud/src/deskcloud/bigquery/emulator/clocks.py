"""Read and write times as GoogleSQL does, where local-bigquery relies on DuckDB.

After the corrections:

time zones      A local time that occurs twice is the first of the two instants.
AT TIME ZONE    EXTRACT ... AT TIME ZONE keeps its meaning if sqlglot writes a parsed statement as GoogleSQL again.
formats         The elements %e, %c, %C, %h, %r, %X and %E*S are supported.
EXTRACT         MILLISECOND and MICROSECOND exclude whole seconds.
UNIX_MILLIS     Milliseconds before 1970 are rounded down.
casts           A TIMESTAMP is cast to its TIME in UTC.
"""

import re
from collections.abc import Callable
from typing import Any

from local_bigquery.sql.dialect import BigQueryDialect
from local_bigquery.sql.rules import datetime
from local_bigquery.sql.rules.typing import kind
from sqlglot import exp
from sqlglot.generator import Generator

from deskcloud.bigquery.emulator import patching
from deskcloud.bigquery.emulator.macros import macro

_from_local = datetime.from_local
# These format elements are abbreviations of other format elements.
_ELEMENTS = {
    "%c": "%a %b %e %H:%M:%S %Y",
    "%r": "%I:%M:%S %p",
    "%X": "%H:%M:%S",
    "%h": "%b",
    "%T": "%H:%M:%S",
}
_ELEMENT = re.compile(r"%[crXhT%]")


def add() -> None:
    """Change local-bigquery's time zones and time formats. The rule `time_of` is added by `function_values.py`."""
    patching.replace(datetime, "from_local", _instant, "a local time that occurs twice is not the first of both")
    patching.change(datetime, "_format", _with_elements, "formats lack %c, %h, %r and %X")
    patching.change(datetime, "_element", _with_own_elements, "formats lack %e, %C and %E*S")
    as_calls = "EXTRACT ... AT TIME ZONE of a parameter becomes DATETIME(date, time)"
    patching.replace(BigQueryDialect.Generator, "attimezone_sql", Generator.attimezone_sql, as_calls)
    elements = re.compile(r"(%E(?:\d|\*)S|%E4Y|%Ez|%Q|%s|%z|%Z|%R|%Y|%-d|%e|%C)")
    patching.replace(datetime, "FORMAT_ELEMENTS", elements, "formats lack %e, %C and %E*S")


def time_of(node: exp.Expr, _: Any) -> exp.Expr:
    """Rewrite time functions that DuckDB computes differently, and casts from TIMESTAMP to TIME."""
    if isinstance(node, exp.LastDay) and isinstance(node.this, exp.Literal):
        node.set("this", exp.cast(node.this, "DATE"))
    if isinstance(node, exp.Timestamp) and (zone := node.args.get("zone")):
        return _instant(exp.cast(node.this, "TIMESTAMP"), zone)
    if isinstance(node, exp.UnixMillis):
        return macro("_millis", node.this)
    if isinstance(node, exp.Cast) and node.to.this == exp.DType.TIME and kind(node.this) == exp.DType.TIMESTAMPTZ:
        node.set("this", exp.func("timezone", exp.Literal.string("UTC"), node.this))
    if isinstance(node, exp.Extract) and node.this.name.upper() in {"MICROSECOND", "MILLISECOND"}:
        size = 1_000_000 if node.this.name.upper() == "MICROSECOND" else 1000
        return exp.Paren(this=exp.Mod(this=node.copy(), expression=exp.Literal.number(size)))
    return node


def _instant(local: exp.Expr, zone: exp.Expr | None) -> exp.Expr:
    """Return the instant of a local time. If the local time occurs twice, return the first of its two instants."""
    is_shifted = datetime._offset_minutes(zone) is None  # noqa: SLF001 - no public name exists
    if zone is None or not is_shifted or zone.name.upper() == "UTC":
        made: exp.Expr = _from_local(local, zone)
        return made
    return macro("_instant", local, zone)


def _with_elements(original: Callable[..., exp.Expr | None]) -> Callable[..., exp.Expr | None]:
    def formatted(node: exp.TimeToStr) -> exp.Expr | None:
        template = node.args.get("format")
        if isinstance(template, exp.Literal):
            text = _ELEMENT.sub(lambda match: _ELEMENTS.get(match[0], match[0]), template.this)
            node.set("format", exp.Literal.string(text))
        return original(node)

    return formatted


def _with_own_elements(original: Callable[..., exp.Expr]) -> Callable[..., exp.Expr]:
    def element(piece: str, local: exp.Expr, instant: exp.Expr | None, zone: exp.Expr | None) -> exp.Expr:
        match piece:
            case "%e" | "%-d":
                return _padded(datetime.call("day", local.copy()), " ")
            case "%C":
                return _padded(exp.IntDiv(this=datetime.call("year", local.copy()), expression=exp.convert(100)), "0")
            case "%E*S":
                seconds = original("%E6S", local, instant, zone)
                trimmed: exp.Expr = datetime.call("rtrim", datetime.call("rtrim", seconds, "0"), ".")
                return trimmed
        made: exp.Expr = original(piece, local, instant, zone)
        return made

    return element


def _padded(number: exp.Expr, filler: str) -> exp.Expr:
    made: exp.Expr = datetime.call("lpad", exp.cast(number, "VARCHAR"), 2, filler)
    return made
