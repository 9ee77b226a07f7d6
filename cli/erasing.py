"""`propensity erase`: request a person's erasure and show the certificate, or count the data to delete."""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from cli import terminal
from cli.errors import CommandError, UsageError
from shared.erasure import certificate, objects, persons, tombstones
from shared.erasure import request as requests
from shared.errors import Malformed
from shared.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from shared.chain.environment import Environment
    from shared.erasure.certificate import Certificate
    from shared.erasure.request import ErasureRequest

FUNCTION = "erase_subject"
PAUSE_SECONDS = 1.0
# The exit code of `propensity erase` if the erasure is still pending.
PENDING = 3
NOT_COUNTED = "logged checkouts and the record of e-mails to the customer"


def request(customer_id: str | None, visitor_ids: list[str], request_id: str | None) -> ErasureRequest:
    """Return the request for these ids. Without a `request_id`, the request gets a random id.

    Raises:
        UsageError: an id breaks a rule, or there is none.
    """
    if not customer_id and not visitor_ids:
        raise UsageError("name the person: give --customer, --visitor or both, also for a request that was made before")
    if request_id and not re.match(requests.REQUEST_ID, request_id):
        raise UsageError("--request takes up to 64 letters, digits and . _ - and must not contain personal data")
    body: dict[str, Any] = {"request_id": request_id or f"erasure-{secrets.token_hex(4)}", "visitor_ids": visitor_ids}
    try:
        return requests.decode({**body, "customer_id": customer_id})
    except Malformed as error:
        raise UsageError(f"{error}; see docs/erasure.md") from None


def preview(asked: ErasureRequest, environment: Environment) -> dict[str, Any]:
    """Return how many rows (by table) and objects (by folder) an erasure would delete now. Nothing is deleted.

    If a table has several columns with ids, the table's number is a lower bound. The data that NOT_COUNTED names are
    not counted: to find them, the command would need the key of the pseudonyms.
    """
    hashes = tombstones.Hashes.of_dataset(environment)
    digests = tombstones.found(asked, hashes, environment, None)
    rows: Counter[str] = Counter()
    for one in persons.columns():
        if digests.get(one.kind):
            given = {"kind": one.kind, "digests": sorted(digests[one.kind])}
            [found] = environment.query("erasure/count_rows", given, table=one.table, column=one.column)
            # A row may hold several of the person's ids. Take the largest count of the table's columns instead of the
            # sum, so that no row counts twice.
            rows[one.table] = max(rows[one.table], found["row_count"])
    person = objects.Person(hashes, digests, ())
    folders = Counter(found.folder for found in objects.find(person, environment))
    return {"rows": dict(+rows), "objects": dict(folders)}


def standing(asked: ErasureRequest, environment: Environment) -> Certificate | None:
    """Return the request's certificate as it is now, or None if the request was not accepted yet.

    Raises:
        CommandError: the accepted request names another person, or other ids of the same person.
    """
    found = Store(environment.bucket).read(certificate.path(asked.request_id), certificate.Certificate)
    if found is None:
        return None
    # Check that the accepted request names the same person. The certificate's hashes cannot show this, because they
    # need the key of the pseudonyms, which only the functions have. The request's tombstones need only the key of the
    # dataset, and are never deleted.
    hashes = tombstones.Hashes.of_dataset(environment)
    erased = tombstones.of_rows(environment.query("erasure/tombstones_of", {"request_id": asked.request_id}))
    named = [("customer", asked.customer_id)] if asked.customer_id else []
    named += [("visitor", one) for one in asked.visitor_ids]
    if not all(hashes.among(erased, kind, one) for kind, one in named):
        raise CommandError(f"erasure request {asked.request_id} names another person: give each request its own id")
    if len(set(named)) != len(found.subject):
        raise CommandError(
            f"erasure request {asked.request_id} named other ids of this person: repeat exactly those, or give this "
            "request its own id"
        )
    return found


def is_pending(found: Certificate) -> bool:
    """Whether data are still to be deleted, or a destination has not confirmed the removal."""
    return found.completed_at is None or bool(found.pending)


def question(asked: ErasureRequest, found: Certificate | None) -> str:
    """Return what to ask before a request is published.

    `found` is the certificate of the request if it was published before.
    """
    if found is None:
        named = [f"customer {asked.customer_id}"] * bool(asked.customer_id)
        named += [f"visitor {one}" for one in asked.visitor_ids]
        return f"Erase {', '.join(named)}? What is deleted cannot be restored."
    why = f"waiting for {', '.join(found.pending)}" if found.pending else "nothing was deleted yet"
    return f"Request {found.request_id} is pending: {why}. Publish it again, and wait for its end?"


def follow(
    asked: ErasureRequest,
    environment: Environment,
    limit_seconds: float,
    wait: Callable[[float], object] = time.sleep,
) -> Certificate:
    """Publish the request, and wait until it is completed, for at most `limit_seconds`. Return the certificate.

    Raises:
        CommandError: erase_subject has refused the request, or has deleted nothing within the limit.
    """
    letters = set(environment.dead_letters.all())
    store, deadline = Store(environment.bucket), time.monotonic() + limit_seconds
    environment.send(requests.TOPIC, msgspec.to_builtins(asked))
    while True:
        found = store.read(certificate.path(asked.request_id), certificate.Certificate)
        if found and not is_pending(found):
            return found
        if refused := [why for name, why in _refused(environment).items() if name not in letters]:
            raise CommandError(f"erase_subject has refused request {asked.request_id}: {refused[0]}")
        if time.monotonic() > deadline:
            break
        wait(PAUSE_SECONDS)
    if found and found.passes:
        return found
    raise CommandError(
        f"request {asked.request_id} is published, and nothing was deleted within {limit_seconds:.0f} s: `propensity "
        "runs` shows whether the run failed. To look again, repeat the command with --request"
    )


def _refused(environment: Environment) -> dict[str, str]:
    """Return the reasons of the dead letters of erase_subject, by name."""
    letters = environment.dead_letters.all()
    return {name: one.reason for name, one in letters.items() if one.function.replace("-", "_").startswith(FUNCTION)}


def show(found: Certificate, out: Console) -> None:
    """Print a certificate."""
    grid = terminal.grid()
    grid.add_row("request", found.request_id)
    grid.add_row("subject", "\n".join(found.subject))
    grid.add_row("accepted", f"{found.accepted_at:%Y-%m-%d %H:%M:%S}")
    state = f"{found.completed_at:%Y-%m-%d %H:%M:%S}" if found.completed_at else "[yellow]pending[/]"
    grid.add_row("completed", state)
    out.print(grid)
    show_counts({"rows": found.rows, "objects": found.objects}, "Deleted", out)
    if found.destinations:
        table = terminal.table("destination", "removal", title="Destinations")
        for name, removal in found.destinations.items():
            table.add_row(name, removal)
        out.print(table)
    remains = terminal.table("kept until", "what", title="What remains")
    for one in found.remains:
        remains.add_row(f"{one.until}" if one.until else "", one.what)
    out.print(remains)
    out.print("What you must do", style="bold")
    for step in found.steps:
        out.print(f"- {step}", markup=False, highlight=False)


def show_counts(counts: dict[str, dict[str, int]], title: str, out: Console) -> None:
    """Print numbers of rows by table, and of objects by folder."""
    if not any(counts.values()):
        out.print("there is nothing to delete" if title != "Deleted" else "nothing was there to delete")
        return
    table = terminal.table("where", "what", "number", title=title)
    for what, numbers in counts.items():
        for where, number in sorted(numbers.items()):
            table.add_row(where, what, f"{number}")
    out.print(table)
