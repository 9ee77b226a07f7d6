"""The objects of the bucket that may hold a person's ids, and how the ids are removed.

runs/RUN_ID/audience/*.csv    lines with the person's visitor ids
deliveries/RUN_ID/*.csv       lines that add the customer; lines that remove the customer stay
dead-letters/NAME.json        messages with one of the ids
messages/PSEUDONYM.json       the e-mails sent to the customer
"""

from __future__ import annotations

import base64
import contextlib
import csv
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from shared import jsontext
from shared.messages.intents import FOLDER as MESSAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from google.cloud.storage import Blob

    from shared.clients import Clients
    from shared.dead_letters import Letter
    from shared.erasure.tombstones import Digests, Hashes

_AUDIENCE = re.compile(r"runs/[^/]+/audience/[^/]+\.csv")
_DELIVERY = re.compile(r"deliveries/.+\.csv")


class Person(NamedTuple):
    """The person to erase. `subject` holds the pseudonyms of the request's ids; log lines have the same pseudonyms."""

    hashes: Hashes
    digests: Digests
    subject: Iterable[str]

    def has(self, kind: str, text: str) -> bool:
        """Whether the id belongs to the person."""
        return self.hashes.among(self.digests, kind, text)


class Found(NamedTuple):
    """An object with ids of the person: the object's folder, and an idempotent function that removes the ids."""

    folder: str
    erase: Callable[[], object]


def find(person: Person, clients: Clients) -> Iterator[Found]:
    """Yield the objects that hold one of the person's ids. Files are read line by line, since they may be large."""
    for blob in clients.bucket.list_blobs(prefix="runs/"):
        if _AUDIENCE.fullmatch(blob.name):
            yield from _csv(blob, "runs/", lambda row: person.has("visitor", row["visitor_id"]))
    for blob in clients.bucket.list_blobs(prefix="deliveries/"):
        if _DELIVERY.fullmatch(blob.name):
            yield from _csv(blob, "deliveries/", lambda row: _puts(row, person))
    for name, letter in clients.dead_letters.all().items():
        if _names(letter, person):
            yield Found("dead-letters/", lambda name=name: clients.dead_letters.remove(name))  # type: ignore[misc]
    for pseudonym in person.subject:
        if blob := clients.bucket.get_blob(f"{MESSAGES}{pseudonym}.json"):
            yield Found(MESSAGES, blob.delete)


def _puts(row: dict[str, str], person: Person) -> bool:
    return row["operation"] == "put" and person.has("customer", row["customer_id"])


def _csv(blob: Blob, folder: str, is_erased: Callable[[dict[str, str]], bool]) -> Iterator[Found]:
    if any(is_erased(row) for _, row in _rows(blob)):
        yield Found(folder, lambda: _rewrite(blob, is_erased))


def _rows(blob: Blob) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (line, parsed row) for each line after the header."""
    with blob.open("rt", newline="") as lines:
        [names] = csv.reader([next(lines, "")])
        for line in lines:
            [values] = csv.reader([line])
            yield line, dict(zip(names, values, strict=True))


def _rewrite(blob: Blob, is_erased: Callable[[dict[str, str]], bool]) -> None:
    """Replace the file by a copy without the erased lines, unless another process has replaced it already."""
    with blob.open("rt", newline="") as lines:
        header = next(lines)
    target = blob.bucket.blob(blob.name)
    with target.open("wt", newline="", content_type=blob.content_type, if_generation_match=blob.generation) as written:
        written.write(header)
        written.writelines(line for line, row in _rows(blob) if not is_erased(row))


def _names(letter: Letter, person: Person) -> bool:
    texts = [*letter.attributes.values()]
    # A message that is not JSON cannot be searched. The lifecycle rule of the folder dead-letters/ deletes it later.
    with contextlib.suppress(jsontext.NotJSONError):
        texts += _texts(jsontext.decode(base64.b64decode(letter.data)))
    return any(person.has(kind, text.strip()) for text in texts for kind in ("visitor", "customer", "user"))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, one in value.items():
                yield name
                yield from _texts(one)
        case list():
            for one in value:
                yield from _texts(one)
