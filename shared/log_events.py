"""List all events that the functions log. No function imports this module.

    python -m shared.log_events > docs/logs.md

writes the page that lists them.
"""

import inspect

from shared import dead_letters, push
from shared.campaign import log_events as of_the_campaigns
from shared.chain import log_events as of_the_chain
from shared.customers import log_events as of_the_customers
from shared.destinations import log_events as of_the_destinations
from shared.erasure import log_events as of_the_erasure
from shared.log import LogEvent
from shared.messages import log_events as of_the_messages
from shared.online import log_events as of_the_checkout
from shared.tracking import log_events as of_campaign_events

_MODULES = (
    dead_letters,
    push,
    of_campaign_events,
    of_the_campaigns,
    of_the_chain,
    of_the_checkout,
    of_the_customers,
    of_the_destinations,
    of_the_erasure,
    of_the_messages,
)

FIELDS = {
    "attempt": "number of the delivery or of the training attempt, from 1; null if Pub/Sub does not count deliveries",
    "bytes": "size of the page, in bytes",
    "campaign": "name of the campaign; null for the holdout of all campaigns",
    "candidate": "name of the candidate, a file of `sql/models`",
    "champion": "which one: champion, or best_champion, the best so far",
    "check": "name of the check, a file of `sql/checks`",
    "comparison": "control: with the campaign's control group; holdout: with the holdout of all campaigns",
    "conflicts": "number of visitors whom two customers claim",
    "customers": "number of customers in the audience",
    "decision": "too early, mismatch, gain, loss or undecided: docs/measuring.md",
    "destination": "name of the destination, e.g. google_ads",
    "effect_on": "outcome of a customer on which the effect is: conversion, revenue or profit",
    "erasure": "id of the erasure request",
    "error": "class of the exception",
    "events": "number of campaign events that were taken",
    "field": "JSON pointer to the field of the request",
    "found": "the finding, in words",
    "from_version": "version of the registered model that was champion",
    "function": "name of the function or the subscription",
    "in_a_row": "how many evaluated runs in a row the gate has rejected, this one included; at most 10 are counted",
    "known": "model types that the embedded scorer supports",
    "message_id": "Pub/Sub's id of the message",
    "model_type": "type of the model, in BigQuery's words",
    "model_version": "version of the champion; empty if no champion is known",
    "outcome": "refused, or unconfirmed: nobody knows whether the relay has the message",
    "days": "number of days since the request was accepted",
    "objects": "number of objects of the bucket that were deleted or rewritten",
    "outcomes": "number of members that were not refused, by outcome",
    "pending": "destinations that have not confirmed the removal",
    "planned": "number of members by kind of change",
    "prediction": "the score and its inputs, with the columns of the view `online_predictions`",
    "quality": "the word for the candidate's ROC AUC: good, fair, decent, not great, poor",
    "reason": "the reason, in words",
    "reasons": "the reasons, a list of sentences",
    "refused": "number of members that were refused, by reason",
    "refused_events": "number of campaign events that break the contract",
    "refused_rows": "number of rows of crm_customers that break a rule",
    "request_id": "id of the request, as in the answer's header `X-Request-Id`",
    "rows": "number of rows that were deleted",
    "rule": "the rule of the contract that the request breaks",
    "run_id": "id of the run",
    "seconds": "duration of the step, in seconds",
    "status": "HTTP status of the answer",
    "state": "fine, warn or act",
    "step": "name of the step's function",
    "suppressing": "number of events after which the customer may not be reached",
    "to_version": "version of the registered model that is champion again",
    "topic": "topic of the next event",
    "unmatched": "number of visitors who belong to no customer",
}
"""The meaning of each field; a name has the same meaning in all events."""

_PAGE = """# What the functions log

Each line is one JSON object on standard output, which Cloud Logging stores as `jsonPayload`. `event` is the event's
name, and `message` describes it in words; the other fields are listed below. An event with the severity ERROR may also
have `stack_trace`, which Error Reporting uses to group errors. `python -m shared.log_events` writes this page.

| event | severity | when | fields |
|---|---|---|---|
{events}

| field | what it holds |
|---|---|
{fields}
"""


def registered() -> list[type[LogEvent]]:
    """Return the classes of all events, sorted by the event's name."""
    found = {
        one
        for module in _MODULES
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, LogEvent) and one is not LogEvent
    }
    return sorted(found, key=lambda one: one.event)


def page() -> str:
    """Return the text of docs/logs.md."""
    events = [
        f"| `{one.event}` | {one.severity} | {inspect.cleandoc(one.__doc__ or '')} | "
        f"{', '.join(f'`{name}`' for name in one.__struct_fields__)} |"
        for one in registered()
    ]
    fields = [f"| `{name}` | {meaning} |" for name, meaning in FIELDS.items()]
    return _PAGE.format(events="\n".join(events), fields="\n".join(fields))


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is the command's output
