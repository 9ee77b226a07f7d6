"""Write valid JSON, and explain why a text is not valid JSON.

JSON has no NaN and no infinity, so NaN and infinity are written as null. `json.dumps` would write the words NaN and
Infinity, which most parsers refuse.
"""

import json
import math
from typing import Any

import msgspec


def _plain(value: Any) -> Any:
    """Convert a value of a type that JSON does not have: NumPy's numbers to numbers, anything else to its text."""
    if isinstance(value, float):
        return float(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


# msgspec's message for a text that ends too early. msgspec also gives this message, wrongly, for a text that ends with
# half a surrogate pair.
_TRUNCATED = "Input data was truncated"
# msgspec is ten times as fast as json, which matters because each checkout writes a log line. Keys are sorted only for
# digests, for which the same value must give the same bytes.
_ENCODERS = {
    is_sorted: msgspec.json.Encoder(enc_hook=_plain, order="deterministic" if is_sorted else None)
    for is_sorted in (False, True)
}


def encode(value: Any, indent: int | None = None, *, is_sorted: bool = False) -> bytes:
    """Return the value as JSON in UTF-8: on one line, or with `indent` spaces per level."""
    try:
        content = _ENCODERS[is_sorted].encode(value)
    except (OverflowError, UnicodeEncodeError):
        # msgspec refuses integers above 64 bits and half a surrogate pair, so `json` writes values that contain one of
        # the two. `json` indents these values too, because msgspec's `format` cannot read an escaped half of a
        # surrogate pair.
        plain = _finite(msgspec.to_builtins(value, enc_hook=_plain))
        return json.dumps(plain, sort_keys=is_sorted, indent=indent).encode()
    return content if indent is None else msgspec.json.format(content, indent=indent)


def text(value: Any, indent: int | None = None) -> str:
    """Return what `encode` returns, as a str."""
    return encode(value, indent).decode()


def _finite(value: Any) -> Any:
    """Return the value with null for NaN and infinity, so that `json` writes valid JSON."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return float(value) if math.isfinite(value) else None
        case dict():
            return {name: _finite(one) for name, one in value.items()}
        case list() | tuple():
            return [_finite(one) for one in value]
    return _finite(_plain(value))


class NotJSONError(ValueError):
    """The bytes are not JSON in UTF-8. The message says why, to complete a sentence, and does not quote the content."""


def decode(content: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        NotJSONError: the content is not JSON in UTF-8; the message says why.
    """
    try:
        return msgspec.json.decode(content)
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    except RecursionError:
        reason = "it is nested too deep"
    except msgspec.DecodeError as error:
        reason = _reason(content, str(error))
    raise NotJSONError(reason)


def _reason(content: bytes, message: str) -> str:
    if not content.strip():
        return "it is empty"
    if "surrogate" in message or (message == _TRUNCATED and _has_an_end(content)):
        return "it has half a surrogate pair: an escape from \\ud800 to \\udfff that stands alone"
    return "it ends too early: a text, array or object in it is not closed" if message == _TRUNCATED else message


def _has_an_end(content: bytes) -> bool:
    """Whether the text is complete according to `json`, which accepts half a surrogate pair."""
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True
