"""Write values as GoogleSQL's FORMAT and TO_JSON_STRING do, from DuckDB's JSON and DuckDB's type names.

DuckDB calls these functions when the statement runs. At that time, `typeof` returns the type of every value, even of a
value whose type the translation does not know.
"""

import base64
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import lru_cache
from typing import Any

from deskcloud.bigquery.emulator.json_values import enclosed, quoted, read, written

_NAMES = {
    "VARCHAR": "STRING",
    "BLOB": "BYTES",
    "DOUBLE": "FLOAT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "TIMESTAMP": "DATETIME",
    '"NULL"': "INT64",
}
_KEPT = {"DATE", "TIME", "JSON", "INTERVAL"}
_WORD = re.compile(r'"(?:[^"]|"")*"|\(|\)|,|\[\d*\]|[^\s"(),\[\]]+')
_ESCAPED_BYTE = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_SPECIFIER = re.compile(
    r"%(?P<flags>[-+ #0']*)(?P<width>\*|\d+)?(?:\.(?P<precision>\*|\d*))?(?P<kind>[a-zA-Z%])", re.DOTALL
)
_NUMBERS = {"FLOAT64", "NUMERIC", "BIGNUMERIC", "INT64"}
# The types that each specifier accepts. The specifiers %t and %T accept all types.
_TAKEN = {"dixXo": {"INT64"}, "fFeEgG": _NUMBERS, "s": {"STRING"}, "pP": {"JSON"}}
_PLAIN_JSON = {"STRING", "INT64", "BOOL", "DATE"}
_JSON_NOT_FINITE = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
# JavaScript's numbers cannot represent larger integers exactly.
_LARGEST_EXACT = 2**53


@dataclass(frozen=True)
class Kind:
    """A GoogleSQL type. `inside` holds an ARRAY's element type or a STRUCT's field types, `fields` the field names."""

    name: str
    inside: tuple["Kind", ...] = ()
    fields: tuple[str, ...] = field(default=())

    @property
    def is_range(self) -> bool:
        """Return whether this STRUCT represents a RANGE in DuckDB."""
        return self.fields == ("__range_start", "__range_end")

    def __str__(self) -> str:
        if self.name == "ARRAY":
            return f"ARRAY<{self.inside[0]}>"
        if self.is_range:
            return f"RANGE<{self.inside[0]}>"
        if self.name == "STRUCT":
            pairs = zip(self.fields, self.inside, strict=True)
            return f"STRUCT<{', '.join(f'{name} {kind}'.strip() for name, kind in pairs)}>"
        return self.name


@lru_cache(1000)
def kind_of(text: str) -> Kind:
    """Parse DuckDB's name of a type.

    Raises:
        ValueError: GoogleSQL has no such type.
    """
    words = _WORD.findall(text)
    kind, rest = _read(words)
    if rest:
        raise ValueError(f"No GoogleSQL type is known for {text}")
    return kind


def _read(words: list[str]) -> tuple[Kind, list[str]]:
    head, words = words[0], words[1:]
    if head == "STRUCT":
        kinds, names = [], []
        while words[0] != ")":
            words = words[1:]
            name = ""
            if (
                len(words) > 1
                and words[1] not in {",", ")", "("}
                and not words[1].startswith("[")
                and words[0] != "TIMESTAMP"
            ):
                name, words = words[0].strip('"').replace('""', '"'), words[1:]
            kind, words = _read(words)
            names.append(name)
            kinds.append(kind)
        kind, words = Kind("STRUCT", tuple(kinds), tuple(names)), words[1:]
    else:
        while words and words[0] in {"WITH", "TIME", "ZONE"}:
            head, words = f"{head} {words[0]}", words[1:]
        scale = ""
        if words and words[0] == "(":
            scale, words = words[3], words[words.index(")") + 1 :]
        if head == "DECIMAL":
            name = "NUMERIC" if int(scale) <= 9 else "BIGNUMERIC"
        else:
            name = (
                head
                if head in _KEPT
                else _NAMES.get(head, "INT64" if head.endswith("INT") or head == "INTEGER" else "")
            )
        if not name:
            raise ValueError(f"No GoogleSQL type is known for {head}")
        kind = Kind(name)
    while words and words[0].startswith("["):
        kind, words = Kind("ARRAY", (kind,)), words[1:]
    return kind, words


def type_name(text: str) -> str:
    """Return GoogleSQL's name of a type. `text` is DuckDB's name."""
    return str(kind_of(text))


def float_text(value: float) -> str:
    """Return the text of a FLOAT64 with 15 digits, or with 17 digits if 15 lose precision."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    short = f"{value:.15g}"
    return (short if float(short) == value else f"{value:.17g}") if value else "0"


def json_text(content: str, kind: str, is_pretty: bool, is_quoting: bool) -> str:
    """Return the result of TO_JSON_STRING. `content` is the value in DuckDB's JSON, `kind` its DuckDB type.

    If `is_quoting`, numbers that JavaScript cannot represent exactly are quoted.
    """
    return _json_writer(kind, is_pretty, is_quoting)(read(content))


@lru_cache(1000)
def is_plain_json(kind: str) -> bool:
    r"""Return whether DuckDB's JSON for values of type `kind` equals TO_JSON_STRING's.

    Values that contain \u or a long number are exceptions, for which the macro `_is_same_json` checks. If DuckDB's JSON
    can be used, Python need not be called for each value. Such calls would take 70 times as long.
    """
    return _is_plain_json(kind_of(kind))


def _is_plain_json(kind: Kind) -> bool:
    if kind.name in {"ARRAY", "STRUCT"}:
        return not kind.is_range and all(kind.fields) and all(map(_is_plain_json, kind.inside))
    return kind.name in _PLAIN_JSON


@lru_cache(1000)
def _json_writer(kind: str, is_pretty: bool, is_quoting: bool) -> Callable[[Any], str]:
    return _writer(kind_of(kind), "\n" if is_pretty else "", is_quoting)


def _writer(kind: Kind, line: str, is_quoting: bool) -> Callable[[Any], str]:
    """Return a function that writes values of a type as JSON.

    `line` is the line break and the indentation before the closing bracket. If `line` is empty, the result is one line.
    """
    deeper = f"{line}  " if line else ""
    match kind.name:
        case "ARRAY":
            write = _writer(kind.inside[0], deeper, is_quoting)
            return _or_null(lambda value: enclosed("[]", map(write, value), line))
        case "STRUCT":
            space = " " if line else ""
            names = [f"{quoted(name.removeprefix('__range_'))}:{space}" for name in kind.fields]
            members = [
                (name, _writer(inner, deeper, is_quoting)) for name, inner in zip(names, kind.inside, strict=True)
            ]
            return _or_null(
                lambda value: enclosed(
                    "{}", [name + write(one) for (name, write), (_, one) in zip(members, value, strict=True)], line
                )
            )
        case "JSON":
            return lambda value: written(value, line)
        case name:
            return _or_null(_scalar_writer(name, is_quoting))


def _or_null(write: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: "null" if value is None else write(value)


def _scalar_writer(name: str, is_quoting: bool) -> Callable[[Any], str]:  # noqa: PLR0911 - a table of types
    match name:
        case "INT64":
            return lambda value: str(value) if abs(value) <= _LARGEST_EXACT or not is_quoting else f'"{value}"'
        case "BOOL":
            return lambda value: "true" if value else "false"
        case "FLOAT64":
            return lambda value: _json_float(float(value))
        case "NUMERIC" | "BIGNUMERIC":
            return lambda value: _json_decimal(_decimal_text(value), is_quoting)
        case "BYTES":
            return lambda value: quoted(base64.b64encode(_bytes(value)).decode())
        case "DATETIME":
            return lambda value: quoted(_time_text(value).replace(" ", "T"))
        case "TIMESTAMP":
            return lambda value: quoted(_time_text(value.partition("+")[0]).replace(" ", "T") + "Z")
        case "TIME":
            return lambda value: quoted(_time_text(value))
        case "INTERVAL":
            return _refuse_interval
        case _:
            return quoted


def _refuse_interval(_: Any) -> str:
    raise ValueError("TO_JSON_STRING of INTERVAL is not implemented by the local BigQuery")


def _json_float(value: float) -> str:
    text = float_text(value)
    return _JSON_NOT_FINITE.get(text, text)


def _json_decimal(text: str, is_quoting: bool) -> str:
    # Numbers with a fraction are always quoted, even if FLOAT64 can represent them exactly.
    return text if not is_quoting or ("." not in text and abs(int(text)) <= _LARGEST_EXACT) else f'"{text}"'


def _decimal_text(value: Any) -> str:
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _time_text(text: str) -> str:
    """Return the time with three or six digits after the point, or without a fraction."""
    whole, point, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(3 if len(fraction) <= 3 else 6, '0')}" if point else whole


def _bytes(text: str) -> bytes:
    return _ESCAPED_BYTE.sub(lambda match: bytes.fromhex(match[1].decode()), text.encode())


def value_text(content: str | None, kind: str, is_literal: bool) -> str:
    """Return the text that FORMAT writes for %T if `is_literal`, and for %t otherwise."""
    if content is None:
        return "NULL"
    return _text(read(content), kind_of(kind), is_literal)


def _text(value: Any, kind: Kind, is_literal: bool) -> str:  # noqa: C901, PLR0911, PLR0912 - one case per type
    if value is None:
        return "NULL"
    match kind.name:
        case "ARRAY":
            return f"[{', '.join(_text(one, kind.inside[0], is_literal) for one in value)}]"
        case "STRUCT":
            pairs = zip((one for _, one in value), kind.inside, strict=True)
            texts = [_text(one, inner, is_literal and not kind.is_range) for one, inner in pairs]
            if kind.is_range:
                text = f"[{', '.join('UNBOUNDED' if one == 'NULL' else one for one in texts)})"
                return f'{kind} "{text}"' if is_literal else text
            return f"STRUCT({texts[0]})" if is_literal and len(texts) == 1 else f"({', '.join(texts)})"
        case "INT64":
            return str(value)
        case "BOOL":
            return "true" if value else "false"
        case "FLOAT64":
            text = float_text(float(value))
            if math.isfinite(float(value)):
                return text if set(text) & set(".e") else f"{text}.0"
            return f'CAST("{text}" AS FLOAT64)' if is_literal else text
        case "NUMERIC" | "BIGNUMERIC":
            text = _decimal_text(value)
            return f'{kind.name} "{text}"' if is_literal else text
        case "BYTES":
            # `value` is DuckDB's text of the bytes, in which unprintable bytes are \xNN already.
            return f'b"{value}"' if is_literal else value
        case "DATE" | "DATETIME" | "TIME" | "TIMESTAMP":
            text = _zoned(value) if kind.name == "TIMESTAMP" else _time_text(value)
            return f'{kind.name} "{text}"' if is_literal else text
        case "JSON":
            text = written(value, "")
            return f"JSON {_literal(text)}" if is_literal else text
        case "STRING":
            return _literal(value) if is_literal else value
        case name:
            raise ValueError(f"FORMAT of {name} is not implemented by the local BigQuery")


def _zoned(text: str) -> str:
    local, sign, zone = text.partition("+")
    return f"{_time_text(local)}{sign}{zone}"


def _literal(text: str) -> str:
    quote = "'" if '"' in text and "'" not in text else '"'
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    return f"{quote}{escaped if quote == '"' else escaped.replace('\\"', '"')}{quote}"


def format_text(template: str, contents: list[str | None], kinds: list[str]) -> str | None:
    """Return the result of FORMAT. `contents` are the values in DuckDB's JSON, `kinds` their DuckDB types.

    The result is NULL if a value is NULL, except for values of %t and %T.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/format-elements#format_string
    """
    values = iter(zip(contents, kinds, strict=True))
    pieces, position = [], 0
    for match in _SPECIFIER.finditer(template):
        pieces.append(template[position : match.start()])
        position = match.end()
        if match["kind"] == "%":
            pieces.append("%")
            continue
        width, precision = (_number(match[part], values) for part in ("width", "precision"))
        content, kind = next(values, ("", ""))
        if not kind:
            raise ValueError(f"Too few arguments to FORMAT for pattern {template!r}")
        piece = _formatted(match["flags"], width, precision, match["kind"], content, kind_of(kind), kind)
        if piece is None:
            return None
        pieces.append(piece)
    if next(values, None):
        raise ValueError(f"Too many arguments to FORMAT for pattern {template!r}")
    return "".join([*pieces, template[position:]])


def _number(text: str | None, values: Iterator[tuple[str | None, str]]) -> int | None:
    if text == "*":
        content, _ = next(values, ("", ""))
        return int(content or 0)
    return None if text is None else int(text or 0)


def _formatted(
    flags: str, width: int | None, precision: int | None, letter: str, content: str | None, kind: Kind, name: str
) -> str | None:
    digits = "" if precision is None else f".{precision}"
    wide = "" if width is None else str(abs(width))
    flags += "-" if width is not None and width < 0 else ""
    text_style = f"%{'-' if '-' in flags else ''}{wide}{digits}s"
    if letter in "tT":
        return text_style % value_text(content, name, letter == "T")
    if not any(kind.name in names for letters, names in _TAKEN.items() if letter in letters):
        raise ValueError(f"Invalid type for argument to FORMAT: {kind} does not fit %{letter}")
    if content is None or content == "null":
        return None
    value = read(content)
    if letter in "pP":
        return text_style % json_text(content, "JSON", letter == "P", is_quoting=True)
    if letter == "s":
        return text_style % str(value)
    style = f"%{flags.replace(chr(39), '')}{'' if chr(39) in flags else wide}"
    if letter in "dixXo":
        text = f"{style}{digits}{letter}" % int(value)
    elif kind.name == "FLOAT64" or letter not in "fF":
        text = f"{style}{digits}{letter}" % float(value)
    else:
        places = Decimal(1).scaleb(-6 if precision is None else -precision)
        text = f"{style}s" % f"{Decimal(value).quantize(places, ROUND_HALF_UP):f}"
    return f"{_grouped(text):{'<' if '-' in flags else '>'}{wide}}" if "'" in flags else text


def _grouped(text: str) -> str:
    """Return the number with commas between groups of three digits before the point."""
    whole, point, fraction = text.partition(".")
    return f"{re.sub(r'(?<=[0-9])(?=(?:[0-9]{3})+$)', ',', whole)}{point}{fraction}"


def decoded(content: bytes) -> str:
    """Return the result of SAFE_CONVERT_BYTES_TO_STRING, in which invalid UTF-8 becomes U+FFFD."""
    return content.decode(errors="replace")


def divided(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Return the quotient of two NUMERIC values, rounded to nine digits after the point."""
    with localcontext(prec=80):
        return (dividend / divisor).quantize(Decimal("1e-9"), ROUND_HALF_UP)


FUNCTIONS: dict[str, tuple[Callable[..., Any], list[str], str]] = {
    "_type_name": (type_name, ["VARCHAR"], "VARCHAR"),
    "_format_text": (format_text, ["VARCHAR", "VARCHAR[]", "VARCHAR[]"], "VARCHAR"),
    "_decoded": (decoded, ["BLOB"], "VARCHAR"),
    "_divided": (divided, ["DECIMAL(38, 9)", "DECIMAL(38, 9)"], "DECIMAL(38, 9)"),
    "_json_text": (json_text, ["VARCHAR", "VARCHAR", "BOOLEAN", "BOOLEAN"], "VARCHAR"),
    "_is_plain_json": (is_plain_json, ["VARCHAR"], "BOOLEAN"),
}
