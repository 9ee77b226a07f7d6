"""Accept a request to erase a person, and delete everything that can be deleted now.

The tombstones are written first: from then on, queries leave the person out. Each run deletes all data that it finds,
so a later run also deletes data that an earlier run has left.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

import msgspec

from shared import withheld
from shared.customers import withholding
from shared.erasure import certificate as certificates
from shared.erasure import destinations, objects, persons, tombstones
from shared.erasure.certificate import REMOVED, Certificate, Pass
from shared.erasure.log_events import ErasureAccepted, ErasureAdvanced, ErasureOverdue
from shared.errors import Malformed, Permanent
from shared.log import log
from shared.store import Store
from shared.warehouse import Statement

if TYPE_CHECKING:
    from datetime import datetime

    from shared.chain.environment import Environment, StepContext
    from shared.erasure.objects import Person
    from shared.erasure.request import ErasureRequest
    from shared.erasure.tombstones import Digests
    from shared.pseudonyms import Pseudonyms

# An erasure is repeated for this number of days after its acceptance, even if it is completed: a run that started
# before the acceptance may write the person's rows again.
AGAIN_DAYS = 3
# If a removal is still pending this time after the acceptance, the log event `erasure_overdue` raises an alert.
PATIENCE = timedelta(days=3)
# Cloud Logging streams log lines into a table, and BigQuery cannot delete a row in the first half hour after it was
# streamed. So the log lines of the last hour before a run are left to the next run.
STREAMED = timedelta(hours=1)


def accept(
    request: ErasureRequest, run_id: str, now: datetime, environment: Environment, pseudonyms: Pseudonyms
) -> Certificate:
    """Write the tombstones and the certificate of a new request. Return the request's certificate, new or existing.

    Raises:
        Malformed: an earlier request with the same id names another person.
    """
    subject = request.subject(pseudonyms)
    store = Store(environment.bucket)
    standing = store.read(certificates.path(request.request_id), Certificate)
    if standing and standing.subject != subject:
        raise Malformed(f"erasure request {request.request_id} names another person: give each request its own id")
    if standing is None:
        hashes = tombstones.Hashes.of_dataset(environment)
        digests = tombstones.found(request, hashes, environment, pseudonyms)
        _bury(request.request_id, digests, now, environment)
        fresh = Certificate(request_id=request.request_id, run_id=run_id, accepted_at=now, subject=subject)
        standing = store.keep(fresh.path, fresh, Certificate)
        log(ErasureAccepted(request.request_id))
    if not standing.passes:
        # An earlier delivery may have written the certificate, and failed before it wrote the request to the table
        # `erasures`. So write the request again.
        _record(standing, standing.run_id, now, environment)
    return standing


def due(environment: Environment, now: datetime, destination: str) -> list[str]:
    """Return the ids of the requests that wait for the destination.

    If `destination` is empty, return the ids of all requests that are not completed, or were accepted in the last
    AGAIN_DAYS days.
    """
    since = (now - timedelta(days=AGAIN_DAYS)).date()
    rows = environment.query("erasure/due", {"destination": destination, "since_day": since})
    return [row["request_id"] for row in rows]


def advance(request_id: str, context: StepContext) -> Certificate:
    """Delete the person's data, and return the updated certificate."""
    environment = context.environment
    store = Store(environment.bucket)
    former = store.read(certificates.path(request_id), Certificate)
    if former is None:
        raise Permanent(f"erasure {request_id} has no certificate in the bucket: publish the request again")
    rows = environment.query("erasure/tombstones_of", {"request_id": request_id})
    digests = tombstones.of_rows(rows)
    person = objects.Person(tombstones.Hashes.of_dataset(environment), digests, former.subject)
    deleted = Counter(delete_rows(digests, context))
    states = destinations.states(person, context)
    pending = [name for name, state in states.items() if state != REMOVED]
    deleted.update(destinations.release(person, pending, context))
    if environment.bucket.blob(withheld.PATH).exists():
        withholding.rewrite(context)
    here = Pass(context.run_id, context.now, dict(+deleted), erase_objects(person, environment))
    certificate = _continued(former, here, states, context.now)
    store.write(certificate.path, certificate)
    _record(certificate, context.run_id, context.now, environment)
    _tell(certificate, here, context)
    return certificate


def delete_rows(digests: Digests, context: StepContext) -> dict[str, int]:
    """Delete the person's rows, except those of UNTIL_REMOVED. Return the number of deleted rows by table."""
    deleted: Counter[str] = Counter()
    # Statements that run at the same time change different tables: BigQuery fails statements that change the same rows
    # at the same time.
    for together in _rounds(digests):
        numbers = context.warehouse.change_all(
            Statement(
                "erasure/rows",
                {"kind": one.kind, "digests": sorted(digests[one.kind])},
                {"table": one.table, "column": one.column},
            )
            for one in together
        )
        for one, number in zip(together, numbers, strict=True):
            deleted[one.table] += number
    if pseudonyms := sorted(digests.get(tombstones.PSEUDONYM, ())):
        until = context.run.opened_at - STREAMED
        lines = context.warehouse.change("erasure/log_lines", {"pseudonyms": pseudonyms, "until": until})
        deleted["run_googleapis_com_stdout"] += lines
    return dict(deleted)


def _rounds(digests: Digests) -> list[list[persons.PersonColumn]]:
    by_table: dict[str, list[persons.PersonColumn]] = {}
    for one in persons.columns():
        if digests.get(one.kind) and one.table not in persons.UNTIL_REMOVED:
            by_table.setdefault(one.table, []).append(one)
    return [[one for one in some if one] for some in zip_longest(*by_table.values())]


def erase_objects(person: Person, environment: Environment) -> dict[str, int]:
    """Delete the person from the bucket's objects; return the number of changed objects by folder."""
    changed: Counter[str] = Counter()
    for found in objects.find(person, environment):
        found.erase()
        changed[found.folder] += 1
    return dict(changed)


def _bury(request_id: str, digests: Digests, now: datetime, environment: Environment) -> None:
    pairs = [(kind, digest) for kind, some in sorted(digests.items()) for digest in sorted(some)]
    parameters = {
        "kinds": [kind for kind, _ in pairs],
        "digests": [digest for _, digest in pairs],
        "request_id": request_id,
        "created_on": now.date(),
    }
    environment.query("erasure/bury", parameters)


def _continued(former: Certificate, here: Pass, states: dict[str, str], now: datetime) -> Certificate:
    """Return the certificate with this run's pass, `here`. A repeated delivery replaces the run's earlier pass.

    For rows, a repeated delivery gets the same numbers, because it attaches to the same jobs of BigQuery. But it does
    not change an object again, so the larger number of objects of each folder counts.
    """
    others = [one for one in former.passes if one.run_id != here.run_id]
    for one in former.passes:
        if one.run_id == here.run_id:
            here = msgspec.structs.replace(here, objects=dict(Counter(one.objects) | Counter(here.objects)))
    is_news = not others or here.rows or here.objects
    # Earlier passes found these destinations in the member ledger. A destination that is no longer there has confirmed
    # the removal.
    states = dict.fromkeys(former.destinations, REMOVED) | states
    is_completed = all(state == REMOVED for state in states.values())
    return msgspec.structs.replace(
        former,
        passes=[*others, here] if is_news else former.passes,
        destinations=states,
        completed_at=former.completed_at or (now if is_completed else None),
        remains=certificates.remainders(now.date()) if is_news else former.remains,
    )


def _record(certificate: Certificate, run_id: str, now: datetime, environment: Environment) -> None:
    environment.query(
        "erasure/record",
        {
            "created_on": certificate.accepted_at.date(),
            "request_id": certificate.request_id,
            "run_id": run_id,
            "subject": certificate.subject,
            "accepted_at": certificate.accepted_at,
            "is_completed": certificate.completed_at is not None,
            "now": now,
            "row_count": sum(certificate.rows.values()),
            "object_count": sum(certificate.objects.values()),
            "pending": certificate.pending,
        },
    )


def _tell(certificate: Certificate, here: Pass, context: StepContext) -> None:
    request_id, pending = certificate.request_id, certificate.pending
    log(ErasureAdvanced(context.run_id, request_id, sum(here.rows.values()), sum(here.objects.values()), pending))
    waited = context.now - certificate.accepted_at
    if pending and waited > PATIENCE:
        log(ErasureOverdue(context.run_id, request_id, pending, waited.days))
