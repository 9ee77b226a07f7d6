"""JSON as it is written everywhere: always valid, so NaN and infinity, which JSON has not, are null.

`json.dumps` writes them as the words NaN and Infinity, which most readers refuse. What others wrote is read here where
a person is to be told why it is no JSON.
"""

import json
import math
from typing import Any

import msgspec


def _plain(value: Any) -> Any:
    """Return what stands for a value of a type that JSON has not: NumPy's numbers are numbers, all else is its text."""
    if isinstance(value, float):
        return float(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


# What msgspec says of a text that ends early, and wrongly of one that half a surrogate pair ends.
_TRUNCATED = "Input data was truncated"
# Ten times as fast as json, and each checkout writes a line. Names of an object in their order, or sorted for a digest.
_ENCODERS = {
    is_sorted: msgspec.json.Encoder(enc_hook=_plain, order="deterministic" if is_sorted else None)
    for is_sorted in (False, True)
}


def encode(value: Any, indent: int | None = None, *, is_sorted: bool = False) -> bytes:
    """Return the value as JSON in UTF-8, on one line, or on several that are indented."""
    try:
        content = _ENCODERS[is_sorted].encode(value)
    except (OverflowError, UnicodeEncodeError):
        # Integers above 64 bits, and half a surrogate pair, which can be written as an escape only.
        content = json.dumps(_finite(msgspec.to_builtins(value, enc_hook=_plain)), sort_keys=is_sorted).encode()
    return content if indent is None else msgspec.json.format(content, indent=indent)


def text(value: Any, indent: int | None = None) -> str:
    """Return what `encode` does, as text."""
    return encode(value, indent).decode()


def _finite(value: Any) -> Any:
    """Return what `json` writes as valid JSON."""
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
    """Bytes are not JSON in UTF-8; the message ends a sentence, and repeats nothing of what is in them."""


def decode(content: bytes) -> Any:
    """Read JSON.

    Raises:
        NotJSONError: says why it is none.
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
    """Whether another reader finds nothing missing, who takes half a surrogate pair for a character."""
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True
