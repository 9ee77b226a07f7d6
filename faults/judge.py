"""Record the state after a run, without the values that differ in every run, and compare two such states."""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from cli import resetting
from faults import digests
from faults.world import heard
from shared import jsontext, withheld
from shared.chain.environment import Environment
from shared.champion import POINTER, Pointer

# Documents that are not compared, because they differ in every run: failures, a deployment's operation, and the job ids
# of trainings.
_PASSING = re.compile(r"/failures/|/deployment_operation|/trainings/")
# A training is repeated if the local cloud is killed during the training. Only the records of the last attempt are
# compared.
_ATTEMPT = re.compile(r"(?P<step>/steps/\w+)\.(?P<number>\d+)\.json$")
# Fields of documents, and columns of tables, that differ in every run.
_VOLATILE = re.compile(r"(^|_)at$|duration|seconds|generation|operation|job|message_id|^attempt$")
_VOLATILE_COLUMNS = {"created_on", "decided_at", "last_modified", "assigned_at", "changed_at"}
# A reset keeps the customers' arms, the visitors who get no offer because of their arm, and the members at
# destinations.
_KEPT = {"table assignments", "table destination_members", f"object {withheld.PATH}"}

# The tables whose rows are compared.
TABLES = (
    *("source_days", "order_reports", "orders", "sessions", "interactions", "conversions", "visitor_features"),
    *("training_rows", "evaluation_rows", "champion_history", "model_health"),
    *("scores", "audience", "visitor_products", "product_similarities", "recommended_products"),
    *("product_itemsets", "product_rules", "visitor_recommendations"),
    *("customers", "refused_customers", "customer_visitors", "audience_customers", "exclusions", "destination_changes"),
    *("assignments", "destination_members", "campaign_results", "campaign_uplift"),
    *("campaign_events", "campaign_suppressions"),
    *("customer_histories", "customer_forecasts", "customer_value", "customer_value_methods"),
)

State = dict[str, Any]


def observe(clients: Environment) -> State:
    """Return everything that the chain has written, as a dict with a descriptive name for each entry.

    For example, the entry `table scores` holds the Digest of the table `scores`.
    """
    state: State = {f"table {name}": digest for name, digest in _tables(clients).items()}
    blobs = {blob.name: blob for blob in clients.storage.list_blobs(clients.settings.bucket)}
    state |= {f"object {known}": _content(blobs[name]) for known, name in that_count(blobs).items()}
    for version in clients.registry.versions():
        state[f"version {version.number}"] = [version.run_id, version.candidate]
    champion = clients.registry.champion()
    state["champion"] = champion and champion.number
    deployed, traffic = _endpoint(clients)
    for number in set(deployed):
        state[f"deployed {number}"] = deployed.count(number)
    state["traffic"] = traffic
    for model in clients.bigquery.list_models(clients.settings.dataset):
        state[f"model {model.model_id}"] = True
    for topic, bodies in heard().items():
        for body in bodies:
            state[f"event {topic} {body}"] = True
    for name in clients.dead_letters.all():
        state[f"dead letter {name}"] = True
    return state


def that_count(names: Iterable[str]) -> dict[str, str]:
    """Return the names of the objects that are compared.

    A training can have several attempts, with one object each. Only the last attempt's object is compared. The result
    maps the object's name without the attempt's number to the full name.
    """

    def attempt(name: str) -> int:
        found = _ATTEMPT.search(name)
        return int(found["number"]) if found else 1

    counted = sorted((name for name in names if not _PASSING.search(name)), key=attempt)
    return {_ATTEMPT.sub(r"\g<step>.json", name): name for name in counted}


def compare(expected: State, found: State) -> dict[str, list[str]]:
    """Return descriptions of the differences, grouped by kind.

    The kinds are lost (missing or too few), doubled (too many) and different.
    """
    differences: dict[str, list[str]] = {"lost": [], "doubled": [], "different": []}
    for name in sorted(expected.keys() | found.keys()):
        wanted, there = expected.get(name), found.get(name)
        if wanted == there:
            continue
        kind = "different"
        if name not in found:
            kind = "lost"
        elif name not in expected:
            kind = "doubled"
        elif name.startswith(("table ", "deployed ")) and _size(wanted) != _size(there):
            kind = "lost" if _size(there) < _size(wanted) else "doubled"
        differences[kind].append(f"{name}: {_short(there)} instead of {_short(wanted)}")
    return differences


def after_a_rollback(clients: Environment) -> list[str]:
    """Return descriptions of everything that does not fit the current champion, such as traffic to another version.

    The former or the new version may be champion, because the rollback may come before or after the promotion.
    """
    champion = clients.registry.champion()
    if champion is None:
        return ["there is no champion"]
    deployed, traffic = _endpoint(clients)
    pointer = clients.storage.bucket(clients.settings.bucket).blob(POINTER).download_as_bytes()
    wrong = []
    if deployed.count(champion.number) != 1:
        wrong.append(f"the champion {champion.number} is deployed {deployed.count(champion.number)} times")
    if traffic != {champion.number: 100}:
        wrong.append(f"traffic is {traffic}, but the champion is {champion.number}")
    if msgspec.json.decode(pointer, type=Pointer).version != champion.number:
        wrong.append(f"the pointer does not name the champion {champion.number}")
    dataset = clients.settings.dataset
    statement = f"select distinct model_version from {dataset}.scores"  # noqa: S608 - our own names
    by = {row[0] for row in clients.bigquery.query_and_wait(statement)}
    if by != {champion.number}:
        wrong.append(f"scores are of the versions {sorted(by)}, but the champion is {champion.number}")
    return wrong + [f"dead letter {name}" for name in clients.dead_letters.all()]


def after_a_reset(clients: Environment) -> list[str]:
    """Reset all runs again, and return descriptions of what still remains. Nothing should remain."""
    resetting.plan(clients, None).carry_out()
    state = observe(clients)
    return [
        f"{name} remains: {_short(value)}"
        for name, value in state.items()
        if value
        and name not in _KEPT
        and not (name.startswith("table ") and value[0] == 0)
        and not name.startswith("event ")
    ]


def _tables(clients: Environment) -> dict[str, digests.Digest]:
    dataset = clients.settings.dataset
    return {
        table: digests.of_table(clients.bigquery, f"{dataset}.{table}", without=_VOLATILE_COLUMNS) for table in TABLES
    }


def _endpoint(clients: Environment) -> tuple[list[str], dict[str, int]]:
    traffic = clients.registry.traffic()
    return sorted(traffic), {version: share for version, share in traffic.items() if share}


def _content(blob: Any) -> Any:
    """Return the value by which an object is compared.

    For a JSON document, the value is its content without the fields that differ in every run. A model's files and
    reports differ in every run, so only their existence is compared, and the value is True. For any other object, the
    value is a fingerprint.
    """
    if "/model/" in blob.name or blob.name.endswith("/report.html"):
        return True
    content = blob.download_as_bytes()
    if blob.name.endswith(".json"):
        return _stable(json.loads(content))
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stable(one) for name, one in value.items() if not _VOLATILE.search(name)}
    return [_stable(one) for one in value] if isinstance(value, list) else value


def _size(value: Any) -> int:
    return int(value[0] if isinstance(value, list) else value)


def _short(value: Any) -> str:
    text = jsontext.text(value)
    return text if len(text) < 300 else f"{text[:300]}..."
