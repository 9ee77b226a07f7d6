"""Generate a shop's Google Analytics 360 export: one Parquet file per day-table. The same seed gives the same rows.

The module `visitors` draws the visits. `behaviour` and `clickstream` draw what happens in each visit, so that the visit
becomes a session. The module `rows` converts the sessions to rows of the export.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from demo import clickstream, rows
from demo.schema import GA360, GA360_EXPORT, DayFile
from demo.visitors import Array, arrivals

CHUNK: Final = 20_000  # visits that are generated together; a low number saves memory


def generate(
    seed: int,
    first_day: dt.date,
    days: int,
    sessions: int,
    folder: Path,
    witness: Callable[[dt.date, Array], object] = lambda *_: None,
) -> list[DayFile]:
    """Write `days` day-tables from `first_day` on, with `sessions` sessions in total, as Parquet files to `folder`.

    A session that crosses midnight has a row in both days' tables, so there are slightly more rows than sessions.
    `witness` is called with each day and its visits. The visits include values that are in no table (see `truth`).

    Raises:
        ValueError: fewer than one day or session.
    """
    if days < 1 or sessions < 1:
        raise ValueError(f"days and sessions must be at least 1, not {days} and {sessions}")
    rng = np.random.default_rng(seed)
    return write(rng, arrivals(rng, first_day, days, sessions), first_day, folder, witness)


def write(
    rng: np.random.Generator,
    visits_by_day: Iterable[tuple[dt.date, Array]],
    first_day: dt.date,
    folder: Path,
    witness: Callable[[dt.date, Array], object] = lambda *_: None,
) -> list[DayFile]:
    """Draw what happens in the visits of each day, and write the day-table of each day as a Parquet file to `folder`.

    The days are consecutive, and the field `day` of a visit counts from `first_day`. `witness` is called as in
    `generate`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files, crossing = [], GA360.empty_table()
    for day, visits in visits_by_day:
        witness(day, visits)
        path = folder / f"{GA360_EXPORT.table(day)}.parquet"
        count, since_midnight, crossing = 0, crossing, GA360.empty_table()
        # Do not store the Arrow schema in the Parquet file. It is redundant, and some readers of Parquet do not know
        # it.
        with pq.ParquetWriter(path, GA360, store_schema=False) as writer:
            for start in range(0, max(len(visits), 1), CHUNK):
                acted = clickstream.act(rng, visits[start : start + CHUNK])
                today, tomorrow = clickstream.split_at_midnight(acted)
                table = pa.concat_tables([since_midnight, rows.table(today, first_day, day)])
                writer.write_table(table)
                count += len(table)
                since_midnight = GA360.empty_table()
                late = rows.table(tomorrow, first_day, day + dt.timedelta(1))
                crossing = pa.concat_tables([crossing, late])
        files.append(DayFile(day, path, count))
    return files
