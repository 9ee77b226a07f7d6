"""Convert values between the reference implementation and the Python types of Google's BigQuery client."""

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

from dateutil.relativedelta import relativedelta
from google.protobuf.timestamp_pb2 import Timestamp
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from deskcloud import jsontext
from deskcloud.googlesql import types

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
# Maps a type to the number of digits after the decimal point.
_SCALE = {"NUMERIC": 9, "BIGNUMERIC": 38}
_DIGITS = 80


def decode(value: ValueProto, of: TypeProto) -> Any:
    """Return the value as Google's client returns it. A STRUCT becomes a dict, and a NULL array an empty list."""
    name = types.kind(of)
    field = value.WhichOneof("value")
    if field is None:
        return [] if name == "ARRAY" else None
    if name in _SCALARS:
        return _SCALARS[name](value)
    if name == "ARRAY":
        return [decode(one, of.array_type.element_type) for one in value.array_value.element]
    if name == "STRUCT":
        return {
            field.field_name or f"_field_{number}": decode(one, field.field_type)
            for number, (one, field) in enumerate(zip(value.struct_value.field, of.struct_type.field, strict=True), 1)
        }
    if name == "RANGE":
        ends = {"start": value.range_value.start, "end": value.range_value.end}
        return {end: decode(one, of.range_type.element_type) for end, one in ends.items()}
    return getattr(value, field)


def encode(value: Any, of: TypeProto) -> ValueProto:  # noqa: C901, PLR0912 - one case per type
    """Convert a Python value to a value of the reference implementation. Dates and times may be ISO 8601 texts."""
    made = ValueProto()
    if value is None:
        return made
    match name := types.kind(of):
        case "ARRAY":
            made.array_value.SetInParent()
            made.array_value.element.extend(encode(one, of.array_type.element_type) for one in value)
        case "STRUCT":
            made.struct_value.SetInParent()
            fields = of.struct_type.field
            made.struct_value.field.extend(encode(value.get(one.field_name), one.field_type) for one in fields)
        case "NUMERIC" | "BIGNUMERIC":
            setattr(made, f"{name.lower()}_value", _scaled(Decimal(str(value)), _SCALE[name]))
        case "DATE":
            day = dt.date.fromisoformat(value) if isinstance(value, str) else value
            made.date_value = day.toordinal() - _EPOCH_DAY
        case "TIMESTAMP":
            at = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
            made.timestamp_value.FromDatetime(at if at.tzinfo is None else at.astimezone(dt.UTC).replace(tzinfo=None))
        case "DATETIME":
            at = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
            day = at.year << 9 | at.month << 5 | at.day
            made.datetime_value.bit_field_datetime_seconds = day << 17 | _seconds(at.time())
            made.datetime_value.nanos = at.microsecond * 1000
        case "TIME":
            at_time = dt.time.fromisoformat(value) if isinstance(value, str) else value
            made.time_value = _seconds(at_time) << 30 | at_time.microsecond * 1000
        case "RANGE":
            made.range_value.SetInParent()
            for end in ("start", "end"):
                getattr(made.range_value, end).CopyFrom(encode(value[end], of.range_type.element_type))
        case "INTERVAL":
            made.interval_value = _packed_interval(value)
        case "JSON":
            made.json_value = jsontext.text(value)
        case _:
            field = {"INT64": "int64_value", "FLOAT64": "double_value"}.get(name, f"{name.lower()}_value")
            setattr(made, field, float(value) if name == "FLOAT64" else value)
    return made


def _decimal(content: bytes, scale: int) -> Decimal:
    with localcontext(prec=_DIGITS):
        return Decimal(int.from_bytes(content, "little", signed=True)).scaleb(-scale).normalize() + 0


def _scaled(value: Decimal, scale: int) -> bytes:
    with localcontext(prec=_DIGITS):
        number = int(value.scaleb(scale))
    # Two's complement needs a sign bit in addition to the bits that bit_length() counts. A negative number needs as
    # many bits as ~number.
    length = (number if number >= 0 else ~number).bit_length() // 8 + 1
    return number.to_bytes(length, "little", signed=True)


def _time(packed: int, nanos: int) -> dt.time:
    """Decode a time from 5 bits of hours, 6 bits of minutes, 6 bits of seconds, and the nanoseconds."""
    return dt.time(packed >> 12 & 31, packed >> 6 & 63, packed & 63, nanos // 1000)


def _seconds(time: dt.time) -> int:
    return time.hour << 12 | time.minute << 6 | time.second


def _datetime(value: ValueProto.Datetime) -> dt.datetime:
    packed = value.bit_field_datetime_seconds
    day = dt.date(packed >> 26, packed >> 22 & 15, packed >> 17 & 31)
    return dt.datetime.combine(day, _time(packed, value.nanos))


def _timestamp(value: Timestamp) -> dt.datetime:
    return _EPOCH + dt.timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)


def _interval(content: bytes) -> relativedelta:
    """Decode 64 bits of microseconds, 32 bits of days, one bit for the months' sign, and 18 bits of months."""
    micros = int.from_bytes(content[:8], "little", signed=True)
    days = int.from_bytes(content[8:12], "little", signed=True)
    packed = int.from_bytes(content[12:], "little")
    months = (packed >> 13 & (1 << 18) - 1) * (-1 if packed >> 31 else 1)
    return relativedelta(months=months, days=days, microseconds=micros)


def _packed_interval(value: relativedelta) -> bytes:
    months = 12 * value.years + value.months
    seconds = (value.hours * 60 + value.minutes) * 60 + value.seconds
    packed: int = abs(months) << 13 | (months < 0) << 31
    parts: tuple[tuple[int, int], ...] = ((seconds * 1_000_000 + value.microseconds, 8), (value.days, 4))
    return b"".join(part.to_bytes(size, "little", signed=True) for part, size in parts) + packed.to_bytes(4, "little")


_SCALARS: dict[str, Callable[[ValueProto], Any]] = {
    "NUMERIC": lambda value: _decimal(value.numeric_value, _SCALE["NUMERIC"]),
    "BIGNUMERIC": lambda value: _decimal(value.bignumeric_value, _SCALE["BIGNUMERIC"]),
    "DATE": lambda value: dt.date.fromordinal(_EPOCH_DAY + value.date_value),
    "TIME": lambda value: _time(value.time_value >> 30, value.time_value & (1 << 30) - 1),
    "DATETIME": lambda value: _datetime(value.datetime_value),
    "TIMESTAMP": lambda value: _timestamp(value.timestamp_value),
    "INTERVAL": lambda value: _interval(value.interval_value),
    "JSON": lambda value: json.loads(value.json_value),
}
