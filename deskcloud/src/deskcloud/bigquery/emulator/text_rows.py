"""Find the rows of a text file that cannot be stored. Write the error messages as in BigQuery's errors[]."""

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from local_bigquery.jobs import load
from local_bigquery.models import JobConfigurationLoad, TableFieldSchema

from deskcloud.bigquery.emulator.storable import Fault, Kind, kind_of, row_check, text_check

_GZIP = b"\x1f\x8b"
_STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


@dataclass(frozen=True)
class Refused:
    """A refused row. `start` and `end` are byte offsets in the file, and `line` counts from 1."""

    start: int
    end: int
    line: int
    messages: tuple[str, ...]


def plain_text(file: Path, folder: Path) -> Path:
    """Return the file, or a decompressed copy in `folder` if the file is compressed."""
    with file.open("rb") as source:
        if source.read(2) != _GZIP:
            return file
    with gzip.open(file) as source, tempfile.NamedTemporaryFile(dir=folder, delete=False) as target:
        while piece := source.read(1 << 20):
            target.write(piece)
    return Path(target.name)


def refused_rows(
    file: Path, config: JobConfigurationLoad, fields: Sequence[TableFieldSchema], most: int
) -> tuple[int, list[Refused]]:
    """Return the number of rows that were read, and the refused rows. Stop after `most` refused rows."""
    is_json = config.sourceFormat == "NEWLINE_DELIMITED_JSON"
    rows, refused = 0, []
    for row in _json_rows(file, config, fields) if is_json else _csv_rows(file, config, fields):
        rows += 1
        if row is not None:
            refused.append(row)
            if len(refused) == most:
                break
    return rows, refused


def _json_rows(
    file: Path, config: JobConfigurationLoad, fields: Sequence[TableFieldSchema]
) -> Iterator[Refused | None]:
    faults_of = row_check(fields, ignores_unknown=bool(config.ignoreUnknownValues))
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    start = 0
    with file.open("rb") as source:
        for line, content in enumerate(source, 1):
            end = start + len(content)
            if content.strip():
                try:
                    faults = faults_of(decoder.decode(content.decode()))
                    messages = [_json_message(fault) for fault in faults]
                except ValueError as error:
                    messages = [f"Parser terminated before end of string: {error}"]
                except RecursionError:
                    messages = ["The row is nested too deeply"]
                place = f"JSON parsing error in row starting at position {start}, line {line}:"
                told = tuple(f"{place} {message}" for message in messages)
                yield Refused(start, end, line, told) if told else None
            start = end


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not valid JSON")


def _json_message(fault: Fault) -> str:
    match fault.kind:
        case Kind.UNKNOWN:
            return f"No such field: {fault.field}."
        case Kind.MISSING:
            return f"Missing required field: {fault.field}."
        case Kind.NULL:
            return f"Only optional fields can be set to NULL. Field: {fault.field}; Value: NULL"
    value = fault.value if isinstance(fault.value, str) else json.dumps(fault.value)
    word = (
        "string_value" if isinstance(fault.value, str) else "bool_value" if isinstance(fault.value, bool) else "value"
    )
    shown = json.dumps(fault.value)
    return f"Could not convert value '{word}: {shown}' to {fault.type}. Field: {fault.field}; Value: {value}"


def _csv_rows(file: Path, config: JobConfigurationLoad, fields: Sequence[TableFieldSchema]) -> Iterator[Refused | None]:
    checks = [(field, text_check(field)) for field in fields]
    null = config.nullMarker or ""
    encoding = load.ENCODINGS.get(config.encoding or "UTF-8", "utf-8")
    quote = '"' if config.quote is None else config.quote
    counted = _Counted(file, encoding)
    reader = csv.reader(
        counted,
        delimiter=_delimiter(config.fieldDelimiter),
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        strict=True,
    )
    skipped = config.skipLeadingRows or 0
    with counted:
        while True:
            start, line = counted.position, counted.line + 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except (csv.Error, UnicodeDecodeError) as error:
                yield Refused(
                    start, counted.position, line, (f"{error} in row starting at position: {start}, line {line}",)
                )
                return
            if skipped:
                skipped -= 1
                continue
            if not values:
                continue
            messages = tuple(_csv_messages(values, checks, config, null, f"{start}, line {line}"))
            yield Refused(start, counted.position, line, messages) if messages else None


def _csv_messages(
    values: Sequence[str], checks: Sequence[Any], config: JobConfigurationLoad, null: str, place: str
) -> Iterator[str]:
    if len(values) > len(checks) and not config.ignoreUnknownValues:
        found = f"Found {len(values)} column(s) while expected {len(checks)}."
        yield f"Too many values in row starting at position: {place}. {found}"
        return
    if len(values) < len(checks) and not config.allowJaggedRows:
        yield (
            f"CSV table references column position {len(values)}, but line starting at position:{place} contains only "
            f"{len(values)} columns."
        )
        return
    for index, (field, is_right) in enumerate(checks):
        text = values[index] if index < len(values) else null
        if text == null:
            if field.mode == "REQUIRED":
                yield (
                    f"Required column value for column index: {index} is missing in row starting at position: {place}. "
                    f"Field: {field.name}"
                )
        elif not is_right(text):
            kind = _STANDARD.get(kind_of(field), kind_of(field))
            yield (
                f"Could not parse '{text}' as {kind} for field {field.name} (position {index}) starting at location "
                f"{place} with message 'Unable to parse'"
            )


def _delimiter(given: str | None) -> str:
    text = {"\\t": "\t", "tab": "\t", None: ",", "": ","}.get(given, given)
    return text or ","


class _Counted:
    """An iterator over the lines of a file. `position` and `line` count the bytes and the lines read so far."""

    def __init__(self, file: Path, encoding: str) -> None:
        self._encoding = encoding
        self._source = file.open("rb")
        self._lines = io.TextIOWrapper(self._source, encoding, newline="") if encoding == "utf-16" else None
        self.position = 0
        self.line = 0

    def __iter__(self) -> Iterator[str]:
        for content in self._lines or self._source:
            self.position += len(content.encode(self._encoding) if isinstance(content, str) else content)
            self.line += 1
            yield content if isinstance(content, str) else content.decode(self._encoding)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._source.close()
