"""Estimate the monthly usage of an environment, by purpose and price."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain

from cli.cost import statements
from cli.cost.prices import assumptions
from cli.cost.statements import Reading
from cli.cost.volumes import Inputs, Volumes
from cli.declarations import Declarations, watched
from deskcloud.scheduler import cron
from functions import resume_runs
from shared import destination_settings
from shared.settings import Settings

DAYS = 365 / 12
HOURS = DAYS * 24
GIB, TIB = 2**30, 2**40
MILLION = 1_000_000
# Minimum billed size of a published or pushed message.
LEAST_MESSAGE_BYTES = 1000
# Cloud Run rounds billed time up to a multiple of this number of seconds.
BILLED_SECONDS = 0.1
# The objects that score_checkout reads regularly: pointer, recommendations, and products out of stock.
WATCHED_OBJECTS = 3
# Number of deployed versions, with one node each: the champion and the former champion.
DEPLOYED = 2
# Number of conditions in the alerts on the checkout's service level: infra/availability.tf.
BURN_CONDITIONS = 4
MEMORY = {"Mi": 1 / 1024, "Gi": 1}
# The price of an endpoint's node has a name that consists of this prefix and the machine type.
NODE = "vertex_node_"


@dataclass(frozen=True)
class Usage:
    """A monthly quantity, in the unit of the price named `price`, with the `purpose` for which it is used."""

    purpose: str
    price: str
    quantity: float


@dataclass(frozen=True)
class Environment:
    """The traffic, settings and declarations of the environment to estimate."""

    inputs: Inputs
    settings: Settings
    declared: Declarations

    @property
    def volumes(self) -> Volumes:
        """The numbers of rows and bytes of the environment's tables."""
        return Volumes(self.inputs, self.settings, self.declared.tables)

    @property
    def runs(self) -> float:
        """Runs per month."""
        return self.inputs.runs_per_day * DAYS

    @property
    def trainings(self) -> float:
        """Runs per month that train."""
        return self.volumes.trainings_per_day * DAYS

    @property
    def recommendations(self) -> float:
        """Number of times per month that recommendations are built."""
        return self.volumes.recommendations_per_day * DAYS

    @property
    def scorings(self) -> float:
        """Number of times per month that all visitors are scored: after each run, and by the schedule."""
        daily = self.ticks("scoring") if self.inputs.runs_per_day else 0
        return self.runs + daily

    def ticks(self, schedule: str) -> float:
        """Return the number of a schedule's messages per month."""
        return _fires(self.declared.schedules[schedule].cron) / 12


@cache
def _fires(expression: str) -> int:
    """Return the number of times per year that a cron expression fires."""
    fires = cron.parse(expression)
    first = datetime(2026, 1, 1, min(fires.hours), min(fires.minutes), tzinfo=UTC)
    days = sum(fires.matches(first + timedelta(day)) for day in range(365))
    return days * len(fires.hours) * len(fires.minutes)


def usage(environment: Environment) -> list[Usage]:
    """Return the monthly usage of everything that has a price."""
    return list(
        chain(
            _standing(environment),
            _ticks(environment),
            _runs(environment),
            _checkouts(environment),
            _campaigns(environment),
            _kept(environment),
        )
    )


def _standing(environment: Environment) -> Iterator[Usage]:
    """Yield the usage that does not depend on traffic."""
    assumed, declared = assumptions(), environment.declared
    machine = environment.settings.serving.machine_type
    deployed = len(declared.functions)
    yield Usage("standing", f"{NODE}{machine}", DEPLOYED * HOURS)
    yield Usage("standing", "scheduler", len(declared.schedules))
    yield Usage("standing", "secrets", len(declared.secrets))
    yield Usage("standing", "images", deployed * assumed.image_gib)
    yield Usage("standing", "alert_conditions", len(watched().alerts) + BURN_CONDITIONS)
    minutes = assumed.deployments_per_month * deployed * assumed.build_minutes_per_function
    yield Usage("standing", "builds", minutes)
    for name, function in declared.functions.items():
        seconds = function.min_instances * HOURS * 3600
        yield from _seconds(environment, "standing", name, seconds)


def _ticks(environment: Environment) -> Iterator[Usage]:
    """Yield the usage of the scheduled messages, as if each message found nothing to do."""
    assumed = assumptions()
    readings = statements.ticks(environment.volumes)
    for name, schedule in environment.declared.schedules.items():
        count = environment.ticks(name)
        yield from _queries("standing", readings[name], count, environment.volumes)
        for function, about in environment.declared.functions.items():
            if schedule.topic in about.topics:
                yield from _delivered(environment, "standing", function, count, assumed.tick_seconds)
    looks = environment.ticks("resume")
    looked_at = min(environment.inputs.runs_per_day * environment.inputs.history_days, resume_runs.MOST_RUNS)
    waited = looks * looked_at * (1 + assumed.records_per_run) * assumed.object_seconds
    yield from _seconds(environment, "standing", "resume_runs", waited)
    yield Usage("standing", "bucket_writes", looks * (1 + looked_at) / 1000)
    yield Usage("standing", "bucket_reads", looks * looked_at * assumed.records_per_run / 1000)


def _runs(environment: Environment) -> Iterator[Usage]:
    """Yield the usage of runs: refresh, training, scoring and recommendations."""
    assumed, volumes, settings = assumptions(), environment.volumes, environment.settings
    runs, scorings, trainings = environment.runs, environment.scorings, environment.trainings
    built = environment.recommendations
    yield from _queries("refresh", statements.refresh(volumes, settings), runs, volumes)
    yield from _queries("training", statements.training(volumes, settings), trainings, volumes)
    yield from _queries("scoring", statements.scoring(volumes, settings), scorings, volumes)
    yield from _queries("scoring", statements.customers(volumes, settings), scorings, volumes)
    yield from _queries("scoring", statements.delivery(volumes, settings), scorings, volumes)
    monitored = environment.ticks("monitoring")
    yield from _queries("monitoring", statements.monitoring(volumes, settings), monitored, volumes)
    measured = environment.ticks("campaigns")
    yield from _queries("campaigns", statements.campaigns(volumes), measured, volumes)
    yield from _queries("recommendations", statements.recommendations(volumes, settings), built, volumes)
    valued = environment.ticks("value") if environment.inputs.runs_per_day else 0
    yield from _queries("value", statements.value(volumes, settings), valued, volumes)
    # Two models are trained to judge the method on held-out time, and two on all orders.
    yield Usage("value", "vertex_training_hour", valued * 4 * assumed.boosted_trees_hours)
    # One delivery from train_models, and one per candidate from the log sink.
    told = 1 + len(settings.training.candidates)
    for purpose, function, deliveries, times in (
        ("refresh", "build_features", 1, runs),
        ("training", "train_models", 1, trainings),
        ("training", "evaluate_models", told, trainings),
        ("training", "deploy_model", math.ceil(assumed.seconds["deploy_model"] / settings.wait_seconds), trainings),
        ("scoring", "score_visitors", 1, scorings),
        ("scoring", "publish_audience", 1, scorings),
        ("monitoring", "monitor_model", 1, monitored),
        ("campaigns", "measure_campaign", 1, measured),
        ("campaigns", "write_report", 1, measured),
        ("scoring", "write_report", 1, scorings),
        ("scoring", "resolve_customers", 1, scorings),
        *(("scoring", f"send_to_{name}", 1, scorings) for name in destination_settings.switched_on(settings)),
        ("value", "value_customers", math.ceil(assumed.seconds["value_customers"] / settings.wait_seconds), valued),
        ("recommendations", "build_recommendations", 1, built),
        ("recommendations", "write_report", 1, built),
    ):
        seconds = assumed.seconds[function] / deliveries
        yield from _delivered(environment, purpose, function, deliveries * times, seconds)
    prices = [Reading(f"models/{candidate}").price for candidate in settings.training.candidates]
    if trees := prices.count(statements.CREATE_EXTERNAL_MODEL):
        yield Usage("training", "vertex_training_hour", trainings * trees * assumed.boosted_trees_hours)
    yield Usage("training", f"{NODE}{settings.serving.machine_type}", trainings * assumed.canary_hours)
    yield Usage("training", "bucket_writes", trainings * assumed.run_writes / 1000)
    yield Usage("training", "bucket_reads", trainings * assumed.run_reads / 1000)


def _checkouts(environment: Environment) -> Iterator[Usage]:
    """Yield the usage of answering checkouts, as if an instance handled one request at a time.

    Concurrent requests would cost less.
    """
    assumed, count = assumptions(), environment.inputs.checkouts_per_day * DAYS
    yield Usage("checkout", "gateway", count / MILLION)
    yield Usage("checkout", "functions_requests", count / MILLION)
    yield from _seconds(environment, "checkout", "score_checkout", count * _billed(assumed.seconds["score_checkout"]))
    log = count * assumed.checkout_log_bytes / GIB
    yield Usage("checkout", "logging", log)
    yield Usage("checkout", "bigquery_streaming", log)
    looks = min(count, HOURS * 3600 / environment.settings.online.refresh_seconds)
    yield Usage("checkout", "bucket_reads", looks * WATCHED_OBJECTS / 1000)
    if environment.settings.mail.mode == "on":
        yield from _messages(environment, count)


def _messages(environment: Environment, count: float) -> Iterator[Usage]:
    """Yield the usage of the e-mail after a checkout, as if each checkout sent one."""
    volumes, settings = environment.volumes, environment.settings
    yield from _queries("checkout", statements.message(volumes, settings), count, volumes)
    yield from _delivered(environment, "checkout", "message_customer", count, assumptions().seconds["message_customer"])
    # Each message is a campaign event.
    yield from _queries("checkout", statements.tracking(volumes, settings)[:1], count, volumes)
    yield from _delivered(environment, "checkout", "track_campaign", count, assumptions().seconds["track_campaign"])
    # The customer's intents are read and written before and after the message is sent.
    yield Usage("checkout", "bucket_writes", 2 * count / 1000)
    yield Usage("checkout", "bucket_reads", 2 * count / 1000)


def _campaigns(environment: Environment) -> Iterator[Usage]:
    """Yield the usage of campaign events, and of sending changed suppressions and consents to the destinations."""
    assumed, volumes, settings = assumptions(), environment.volumes, environment.settings
    destinations = destination_settings.switched_on(settings)
    if not environment.inputs.runs_per_day or not (destinations or settings.mail.mode == "on"):
        return
    messages, changes = volumes.messages_of_campaigns * DAYS, assumed.changes_per_day * DAYS
    yield from _queries("campaigns", statements.tracking(volumes, settings), messages, volumes)
    yield from _queries("campaigns", statements.customers(volumes, settings), changes, volumes)
    yield from _queries("campaigns", statements.delivery(volumes, settings), changes, volumes)
    for function, times in (
        ("track_campaign", messages),
        ("resolve_customers", changes),
        *((f"send_to_{name}", changes) for name in destinations),
        # Each of these runs has a report.
        ("write_report", changes * (1 + len(destinations))),
    ):
        yield from _delivered(environment, "campaigns", function, times, assumed.seconds[function])


def _kept(environment: Environment) -> Iterator[Usage]:
    """Yield the storage at the end of a history of `history_days`: tables, runs' folders and audience files."""
    volumes, inputs = environment.volumes, environment.inputs
    kept = [volumes.stored(table) for table in volumes.tables]
    yield Usage("storage", "bigquery_active_storage", sum(active for active, _ in kept) / GIB)
    yield Usage("storage", "bigquery_long_term_storage", sum(older for _, older in kept) / GIB)
    trainings = volumes.trainings_per_day * inputs.history_days
    audiences = environment.scorings / DAYS * inputs.history_days * volumes.partition_bytes("audience")
    yield Usage("storage", "bucket_storage", (trainings * assumptions().run_bytes + audiences) / GIB)


def _queries(purpose: str, readings: Sequence[Reading], times: float, volumes: Volumes) -> Iterator[Usage]:
    for reading in readings:
        yield Usage(purpose, reading.price, times * reading.bytes(volumes) / TIB)


def _delivered(
    environment: Environment, purpose: str, function: str, deliveries: float, seconds: float
) -> Iterator[Usage]:
    """Yield the usage of messages that are published, pushed, and handled in `seconds` each."""
    yield Usage(purpose, "functions_requests", deliveries / MILLION)
    yield Usage(purpose, "pubsub", 2 * deliveries * LEAST_MESSAGE_BYTES / TIB)
    yield from _seconds(environment, purpose, function, deliveries * _billed(seconds))


def _seconds(environment: Environment, purpose: str, function: str, seconds: float) -> Iterator[Usage]:
    about = environment.declared.functions[function]
    processors = about.cpu or assumptions().vcpu_by_memory[about.memory]
    yield Usage(purpose, "functions_vcpu", seconds * processors)
    yield Usage(purpose, "functions_memory", seconds * int(about.memory[:-2]) * MEMORY[about.memory[-2:]])


def _billed(seconds: float) -> float:
    # Round before ceil, because floats cannot represent 0.1 exactly.
    return math.ceil(round(seconds / BILLED_SECONDS, 6)) * BILLED_SECONDS
