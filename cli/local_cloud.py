"""Convert the project's declarations into deskcloud's document, and run a local cloud with it."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Any

import msgspec

from cli import declarations
from cli.declarations import Declarations
from deskcloud import cloud
from deskcloud.document import (
    AdAccount,
    DataExtension,
    DataManager,
    Dataset,
    Document,
    Endpoint,
    ExtensionColumn,
    Function,
    Functions,
    GoogleAdsAccount,
    MailRelay,
    MarketingCloud,
    Platforms,
    Schedule,
    Sink,
    Subscription,
    Table,
)
from shared import jsontext
from shared.destination_settings import GoogleAds, MetaAds, Salesforce
from shared.settings import Settings

# Modules that the functions import only when they first need them. The imports take one or two seconds, so the local
# cloud imports these modules in advance.
_GOOGLE_CLIENTS = (
    "google.cloud.bigquery",
    "google.cloud.storage",
    "google.cloud.pubsub_v1",
    "google.cloud.aiplatform_v1",
)


# The data extension that docs/destinations.md describes.
SALESFORCE_COLUMNS = (
    ExtensionColumn("customer_id", max_length=256, is_primary_key=True),
    ExtensionColumn("email", "EmailAddress"),
    ExtensionColumn("probability", "Decimal"),
    ExtensionColumn("decile", "Number"),
    ExtensionColumn("offer", max_length=50),
    ExtensionColumn("next_products", max_length=4_000),
    ExtensionColumn("expected_value", "Decimal"),
)


@dataclass(frozen=True)
class Backoff:
    """How long Pub/Sub waits between two deliveries of a message; by default shorter than on Google Cloud.

    `attempts` is the maximum number of deliveries of a message, or None for the declared number.
    """

    minimum_seconds: float = 0.2
    maximum_seconds: float = 5.0
    attempts: int | None = None


@contextlib.contextmanager
def run(
    state: Path,
    project: str,
    settings: Mapping[str, Any],
    *,
    backoff: Backoff = Backoff(),
    is_on_demand: bool = False,
    **options: Any,
) -> Iterator[cloud.Cloud]:
    """Yield a local cloud that runs this project. The cloud's `environment` includes the URLs of the HTTP functions.

    `settings` overrides the default settings; `options` are passed on to `deskcloud.cloud.run`.

    Raises:
        AlreadyRunningError, OSError: as `deskcloud.cloud.run`.
        Malformed: the settings break a rule.
    """
    made = document(project, settings, backoff=backoff, is_on_demand=is_on_demand)
    with cloud.run(state, made, **options) as running:
        addresses = {f"PROPENSITY_{name.upper()}_URL": url for name, url in running.urls.items()}
        addresses["PROPENSITY_LOGGING_URL"] = running.services["logging"]
        yield replace(running, environment=running.environment | addresses)


def document(
    project: str, settings: Mapping[str, Any], *, backoff: Backoff | None = None, is_on_demand: bool = False
) -> Document:
    """Return deskcloud's document for a project with these settings; without `backoff`, the declared backoff is used.

    Raises:
        Malformed: the settings break a rule.
    """
    read = Settings.from_document({"project": project, **settings})
    declared, platforms = declarations.read().deployed(read), _platforms(read)
    return Document(
        project,
        region=read.serving.region,
        buckets=(read.bucket,),
        datasets=(dataset(project, read.dataset, declared.tables, read.location),),
        topics=tuple(declared.topics),
        subscriptions=tuple(_subscriptions(declared, backoff)),
        sinks=tuple(_sinks(declared, read)),
        schedules=tuple(
            Schedule(name, one.cron, one.topic, one.time_zone, one.body) for name, one in declared.schedules.items()
        ),
        endpoints=(Endpoint(read.serving.endpoint_id, read.serving.region),),
        functions=_functions(declared, settings, read.online.origins, platforms),
        platforms=platforms,
        has_reservation=not is_on_demand,
    )


def dataset(project: str, name: str, tables: list[Table], location: str = "US") -> Dataset:
    """Return a dataset of deskcloud's document, with the declared tables and views."""
    return Dataset(name, location, tuple(table(one, f"{project}.{name}") for one in tables))


def table(declared: Table, within: str) -> Table:
    """Return the declared table; in a view's query, `within` (`project.dataset`) replaces `${dataset}`."""
    query = declared.query and Template(declared.query).substitute(dataset=within)
    return msgspec.structs.replace(declared, query=query)


def _subscriptions(declared: Declarations, backoff: Backoff | None) -> Iterator[Subscription]:
    delivery = declared.delivery
    asked = backoff or Backoff(delivery.minimum_backoff_seconds, delivery.maximum_backoff_seconds)
    for name, function in declared.functions.items():
        for topic in function.topics:
            yield Subscription(
                f"{name.replace('_', '-')}-{topic}",
                topic,
                name,
                ack_deadline_seconds=min(function.timeout_seconds, 600),
                minimum_backoff_seconds=asked.minimum_seconds,
                maximum_backoff_seconds=asked.maximum_seconds,
                # A dead letter that cannot be stored must not become a dead letter again.
                dead_letters=None if topic == delivery.dead_letter_topic else delivery.dead_letter_topic,
                max_delivery_attempts=asked.attempts or delivery.max_delivery_attempts,
            )


def _sinks(declared: Declarations, settings: Settings) -> Iterator[Sink]:
    for name, sink in declared.sinks.items():
        dataset = settings.dataset if sink.table else None
        yield Sink(name, sink.filter_for(settings.source_dataset), topic=sink.topic, dataset=dataset)


def _platforms(settings: Settings) -> Platforms:
    """Return the local platforms: one for each destination that is on, unless its settings name an `api_endpoint`.

    A local cloud never sends e-mail: if mail is on, a local relay accepts and stores the messages.
    """
    ads, meta, salesforce = settings.google_ads, settings.meta, settings.salesforce
    extensions = (DataExtension(salesforce.data_extension, SALESFORCE_COLUMNS),)
    return Platforms(
        datamanager=DataManager((GoogleAdsAccount(ads.account, (ads.user_list,)),)) if _is_here(ads) else None,
        meta=AdAccount("act_1", (meta.audience,)) if _is_here(meta) else None,
        salesforce=MarketingCloud(extensions) if _is_here(salesforce) else None,
        mail=MailRelay() if settings.mail.mode == "on" else None,
    )


def _is_here(destination: GoogleAds | MetaAds | Salesforce) -> bool:
    return destination.mode != "off" and not destination.api_endpoint


def _functions(
    declared: Declarations, settings: Mapping[str, Any], origins: tuple[str, ...], platforms: Platforms
) -> Functions:
    here = {"serving": {"api_endpoint": "${VERTEX_URL}"}}
    if platforms.datamanager:
        here["google_ads"] = {"api_endpoint": "${DATAMANAGER_URL}"}
    if platforms.meta:
        here["meta"] = {"api_endpoint": "${META_URL}"}
    if platforms.salesforce:
        here["salesforce"] = {"api_endpoint": "${SALESFORCE_URL}"}
    if platforms.mail:
        here["mail"] = {"relay": "${MAIL_HOST}", "starttls": "off"}
    own = {section: {**settings.get(section, {}), **names} for section, names in here.items()}
    return Functions(
        str(declarations.ROOT / "main.py"),
        tuple(
            Function(name, one.http is not None, origins if one.http else ())
            for name, one in declared.functions.items()
        ),
        {"PROPENSITY_SETTINGS": jsontext.text({**settings, **own})},
        tuple(declared.secrets),
        _GOOGLE_CLIENTS,
    )
