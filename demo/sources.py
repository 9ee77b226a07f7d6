"""Read real Google Analytics exports (GA360 or GA4) from files: NDJSON, with or without gzip, or Parquet.

The result is the same as the generator's: one Parquet file per day-table, with the documented types.
"""

import datetime as dt
import gzip
import itertools
import shutil
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from demo.conversion import MismatchError, converter
from demo.schema import EXPORTS, DayFile, Export
from shared import jsontext

SUFFIXES: Final = (".parquet", ".ndjson", ".jsonl", ".json", ".ndjson.gz", ".jsonl.gz", ".json.gz")
"""The suffixes of files that are read from a folder. A file that is given by name may have any name."""

CHUNK: Final = 5_000  # rows held as Python objects before they are written
BATCH: Final = 500  # rows of a Parquet file that are read at a time


class SourceError(Exception):
    """An input cannot be used; the message names the file, the line or row, and the reason."""


@dataclass(frozen=True, slots=True)
class Intake:
    """The result of reading files.

    `repeated` is the number of rows whose key appeared in an earlier row of the same day. These rows are kept.
    `dropped` lists the paths of the columns that are in the files but not in the schema.
    """

    export: Export
    day_files: list[DayFile]
    rows: int
    repeated: int
    dropped: list[str]


def read(paths: Sequence[Path], folder: Path) -> Intake:
    """Write the rows of all files to one file per day in `folder`, which must be new or empty.

    All day files appear in `folder` at the same time, after all rows were read and converted. After an error, `folder`
    has no files.

    Raises:
        SourceError: a path, file or row cannot be used.
    """
    files = [file for path in paths for file in _files(path)]
    exports = {file: _detect(file) for file in files}
    if len(set(exports.values())) != 1:
        kinds = ", ".join(f"{file} ({export.name})" for file, export in exports.items())
        raise SourceError(f"give files of one export, not of {kinds or 'none'}")
    if folder.exists() and any(folder.iterdir()):
        raise SourceError(f"{folder} is not empty: it may hold the day files of another input")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        intake = _divide(files, exports[files[0]], partial, folder)
        partial.replace(folder)  # atomic, so that all days appear together
    except BaseException:
        shutil.rmtree(partial)
        raise
    return intake


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        if not path.is_file():
            raise SourceError(f"{path} is neither a file nor a folder")
        return [path]
    files = sorted(file for file in path.iterdir() if file.is_file() and file.name.endswith(SUFFIXES))
    if not files:
        raise SourceError(f"{path} holds no export: looked for {', '.join(SUFFIXES)}")
    return files


def _detect(file: Path) -> Export:
    columns = _columns(file)
    missing = {export: [name for name in export.required if name not in columns] for export in EXPORTS}
    for export, names in missing.items():
        if not names:
            return export
    lacks = "; ".join(f"for {export.name} it lacks {', '.join(names)}" for export, names in missing.items())
    raise SourceError(f"{file} is not a Google Analytics export: {lacks}")


def _columns(file: Path) -> set[str]:
    """Return the columns of a Parquet file, or of the first row of a JSON file."""
    if _is_parquet(file):
        with _parquet(file) as parquet:
            return set(parquet.schema_arrow.names)
    for _, row in _json_rows(file):
        return set(row)
    raise SourceError(f"{file} has no rows")


def _head(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(4)


def _is_parquet(file: Path) -> bool:
    return _head(file) == b"PAR1"


def _json_rows(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, row) for each row; the place, FILE:LINE, is for error messages."""
    for number, line in _lines(file):
        place = f"{file}:{number}"
        try:
            row = jsontext.decode(line)
        except jsontext.NotJSONError as error:
            raise SourceError(f"{place}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise SourceError(f"{place}: a line must be a JSON object")
        yield place, row


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number, line) for each line that is not blank; numbers count from 1."""
    number = 0
    with gzip.open(file) if _head(file).startswith(b"\x1f\x8b") else file.open("rb") as content:
        try:
            for number, line in enumerate(content, 1):
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if text.strip():
                    yield number, text
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise SourceError(f"{file}: damaged gzip after line {number}: {error}") from error


@contextmanager
def _parquet(file: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(file) as parquet:
            yield parquet
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{file}: damaged Parquet: {error}") from error


def _parquet_rows(file: Path, schema: pa.Schema, dropped: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, row) for each row, with only the columns of `schema`; add the other columns to `dropped`."""
    known = {prefix for path in _leaves(schema) for prefix in _prefixes(path)}
    with _parquet(file) as parquet:
        wanted = []
        for index, path in enumerate(_leaves(parquet.schema_arrow)):
            unknown = [prefix for prefix in _prefixes(path) if prefix not in known]
            if unknown:
                dropped.add(unknown[0])
            else:
                wanted.append(parquet.schema.column(index).path)
        batches = parquet.iter_batches(BATCH, columns=wanted)
        rows = itertools.chain.from_iterable(batch.to_pylist() for batch in batches)
        for number, row in enumerate(rows, 1):
            yield f"{file}: row {number}", row


def _leaves(fields: Iterable[pa.Field], prefix: str = "") -> Iterator[str]:
    """Yield the path of each leaf column, in the order of a Parquet file's columns."""
    for field in fields:
        yield from _leaves_of(field.type, prefix + field.name)


def _leaves_of(kind: pa.DataType, path: str) -> Iterator[str]:
    if pa.types.is_struct(kind):
        yield from _leaves(kind, path + ".")
    elif kind.num_fields:
        for index in range(kind.num_fields):
            yield from _leaves_of(kind.field(index).type, path)
    else:
        yield path


def _prefixes(path: str) -> list[str]:
    """Return `a`, `a.b` and `a.b.c` for the path `a.b.c`."""
    names = path.split(".")
    return [".".join(names[: end + 1]) for end in range(len(names))]


def _divide(files: list[Path], export: Export, partial: Path, folder: Path) -> Intake:
    """Write the rows of all files to one file per day in `partial`, which the caller renames to `folder`."""
    dropped: set[str] = set()
    convert = converter(export.schema, dropped)
    seen: set[int] = set()
    rows = repeated = 0
    with _DayWriters(export, partial) as writers:
        for file in files:
            found = _parquet_rows(file, export.schema, dropped) if _is_parquet(file) else _json_rows(file)
            for place, raw in found:
                try:
                    row = convert(raw)
                    day = _day(row, export)
                except MismatchError as error:
                    raise SourceError(f"{place}: {error}") from error
                writers.add(day, row)
                rows += 1
                if export.key:
                    # Only a hash of each key is kept, to save memory.
                    key = hash((day, *(row[name] for name in export.key)))
                    repeated += key in seen
                    seen.add(key)
    counts = writers.counts
    if not rows:
        raise SourceError(f"{', '.join(map(str, files))}: no rows")
    day_files = [DayFile(day, folder / f"{export.table(day)}.parquet", counts[day]) for day in sorted(counts)]
    return Intake(export, day_files, rows, repeated, sorted(dropped))


def _day(row: dict[str, Any], export: Export) -> dt.date:
    """Return the day of a converted row.

    Raises:
        MismatchError: a required column is missing, or the day is malformed.
    """
    for name in export.required:
        if row.get(name) in (None, ""):
            raise MismatchError(f"{name} is missing")
    text: str = row[export.day_column]
    try:
        day = dt.datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a calendar day has no time zone
    except ValueError:
        day = None
    if day is None or f"{day:%Y%m%d}" != text:
        raise MismatchError(f"{export.day_column} must be a day as YYYYMMDD, not {text!r}")
    return day


class _DayWriters:
    """Writes one Parquet file per day, in chunks."""

    def __init__(self, export: Export, folder: Path) -> None:
        self._export = export
        self._folder = folder
        self._stack = ExitStack()
        self._writers: dict[dt.date, pq.ParquetWriter] = {}
        self._held: defaultdict[dt.date, list[dict[str, Any]]] = defaultdict(list)
        self._count = 0
        self.counts: dict[dt.date, int] = {}
        """Number of rows by day; complete after the `with` block."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._stack:
            if kind is None:
                self._flush()

    def add(self, day: dt.date, row: dict[str, Any]) -> None:
        """Add a row to the file of its day."""
        self._held[day].append(row)
        self._count += 1
        if self._count >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        for day, rows in self._held.items():
            if day not in self._writers:
                writer = pq.ParquetWriter(
                    self._folder / f"{self._export.table(day)}.parquet",
                    self._export.schema,
                    store_schema=False,
                )
                self._writers[day] = self._stack.enter_context(writer)
            self._writers[day].write_table(pa.Table.from_pylist(rows, self._export.schema))
            self.counts[day] = self.counts.get(day, 0) + len(rows)
        self._held.clear()
        self._count = 0
