"""Generate the shop's CRM for the generated visitors: customers, their visitors, consents and suppressions.

Three in ten visitors are customers. E-mail addresses end in example.com. Phone numbers begin with 01 99 00, which
France reserves for films (https://www.arcep.fr). As in any CRM, some rows are wrong, and some visitors belong to two
customers.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud import bigquery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from demo.schema import DayFile
    from demo.visitors import Array

CUSTOMER_SHARE: Final = 0.3
FIRST_NAMES: Final = ("Anna", "Ben", "Carla", "David", "Elena", "Felix", "Grace", "Hugo", "Ines", "Jonas")
LAST_NAMES: Final = ("Adams", "Brown", "Clark", "Davies", "Evans", "Foster", "Green", "Hall", "Jones", "O'Neil")
# For each purpose, the share of the customers who consent to it.
CONSENTS: Final = {"email": 0.6, "ad_user_data": 0.5, "ad_personalization": 0.5}
# Share of the consents that are withdrawn later.
WITHDRAWN: Final = 0.05
# Share of the customers who are suppressed.
SUPPRESSED: Final = 0.01
# Share of the rows with a wrong e-mail address or phone number.
WRONG: Final = 0.01
# Share of the visitors who belong to two customers.
CLAIMED_TWICE: Final = 0.005

_TEXT, _TIME, _FLAG = pa.string(), pa.timestamp("us", tz="UTC"), pa.bool_()


def load(day_files: Sequence[DayFile], seed: int, client: bigquery.Client, dataset: str) -> None:
    """Replace the rows of the tables that a shop would load: crm_customers, crm_visitors, consents and suppressions."""
    for name, table in tables(day_files, seed, datetime.now(UTC)).items():
        content = io.BytesIO()
        pq.write_table(table, content)
        content.seek(0)
        path = f"{client.project}.{dataset}.{name}"
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            schema=client.get_table(path).schema,
        )
        client.load_table_from_file(content, path, job_config=config).result()


def tables(day_files: Sequence[DayFile], seed: int, now: datetime) -> dict[str, pa.Table]:
    """Return the rows of each table. The same seed and files give the same rows, except for times, which use `now`."""
    random = np.random.default_rng(seed)
    visitors = _visitors(day_files)
    visitors = visitors[random.random(len(visitors)) < CUSTOMER_SHARE]
    count = len(visitors)
    ids = np.array([f"C{number:07}" for number in range(count)])
    first, last = random.choice(FIRST_NAMES, count), random.choice(LAST_NAMES, count)
    emails = [f"{a}.{b}{n}@example.com" for n, (a, b) in enumerate(zip(first, last, strict=True))]
    phones = [f"01 99 00 {number // 100:02} {number % 100:02}" for number in random.integers(0, 10_000, count)]
    for values, wrong in ((emails, "no address"), (phones, "ask the shop")):
        for position in np.flatnonzero(random.random(count) < WRONG):
            values[position] = wrong
    customers: dict[str, Any] = {
        "customer_id": ids,
        "email": emails,
        "phone": phones,
        "first_name": first,
        "last_name": last,
        "country": ["FR"] * count,
        "postal_code": [f"750{number:02}" for number in random.integers(1, 21, count)],
        "language": ["fr"] * count,
    }
    again = np.flatnonzero(random.random(count) < CLAIMED_TWICE)
    links: dict[str, Any] = {
        "visitor_id": np.concatenate([visitors, visitors[again]]),
        "user_id": [None] * (count + len(again)),
        "customer_id": np.concatenate([ids, ids[(again + 1) % count]]),
        "email_sha256": [None] * (count + len(again)),
    }
    suppressed = ids[random.random(count) < SUPPRESSED]
    suppressions = pa.table(
        {
            "customer_id": pa.array(suppressed, _TEXT),
            "channel": pa.array(["all"] * len(suppressed), _TEXT),
            "reason": pa.array(["complaint"] * len(suppressed), _TEXT),
            "since": pa.array([now - timedelta(days=30)] * len(suppressed), _TIME),
            "until": pa.nulls(len(suppressed), _TIME),
        }
    )
    return {
        "crm_customers": pa.table({name: pa.array(list(values), _TEXT) for name, values in customers.items()}),
        "crm_visitors": pa.table({name: pa.array(list(values), _TEXT) for name, values in links.items()}),
        "consents": _consents(ids, random, now),
        "suppressions": suppressions,
    }


def _visitors(day_files: Sequence[DayFile]) -> Array:
    found = [pq.read_table(file.path, columns=["fullVisitorId"]).column(0) for file in day_files]
    return np.array(sorted({one for column in found for one in column.unique().to_pylist()}))


def _consents(ids: Array, random: np.random.Generator, now: datetime) -> pa.Table:
    rows: list[tuple[str, str, bool, datetime]] = []
    for purpose, share in CONSENTS.items():
        consenting = ids[random.random(len(ids)) < share]
        rows += [(str(one), purpose, True, now - timedelta(days=100)) for one in consenting]
        withdrawn = consenting[random.random(len(consenting)) < WITHDRAWN]
        rows += [(str(one), purpose, False, now - timedelta(days=10)) for one in withdrawn]
    customers, purposes, granted, times = zip(*rows, strict=True)
    return pa.table(
        {
            "customer_id": pa.array(customers, _TEXT),
            "purpose": pa.array(purposes, _TEXT),
            "is_granted": pa.array(granted, _FLAG),
            "stated_at": pa.array(times, _TIME),
            "source": pa.array(["account page"] * len(rows), _TEXT),
        }
    )
