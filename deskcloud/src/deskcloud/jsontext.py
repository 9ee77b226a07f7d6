"""Write JSON that is always valid, because NaN and infinity become null.

`json.dumps` writes the words NaN and Infinity, which most readers refuse.
"""

import json
import math
from typing import Any

import msgspec


def _plain(value: Any) -> Any:
    """Convert a value of a type that JSON lacks.

    NumPy's numbers and arrays become Python's numbers and lists. Values of other types become text.
    """
    if isinstance(value, float):
        return float(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


# msgspec is used because it is ten times as fast as `json`, and each log entry is written as JSON. Sorting takes time,
# so keys are sorted only if a digest of the JSON is computed.
_ENCODERS = {
    is_sorted: msgspec.json.Encoder(enc_hook=_plain, order="deterministic" if is_sorted else None)
    for is_sorted in (False, True)
}


def encode(value: Any, indent: int | None = None, *, is_sorted: bool = False) -> bytes:
    """Return the value as JSON in UTF-8, on one line, or indented by `indent` spaces."""
    try:
        content = _ENCODERS[is_sorted].encode(value)
    except (OverflowError, UnicodeEncodeError):
        # msgspec cannot encode integers above 64 bits and lone surrogates. `json` can, and writes the surrogates as
        # escapes.
        content = json.dumps(_finite(value), sort_keys=is_sorted).encode()
    return content if indent is None else msgspec.json.format(content, indent=indent)


def text(value: Any, indent: int | None = None) -> str:
    """Return the result of `encode` as text."""
    return encode(value, indent).decode()


def _finite(value: Any) -> Any:
    """Replace NaN and infinity by None, and convert types that JSON lacks, so that `json` writes valid JSON."""
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
