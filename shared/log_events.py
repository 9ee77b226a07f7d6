"""The registry of all events that the functions log. No function imports it.

    python -m shared.log_events > docs/logs.md

writes the page that lists them.
"""

import inspect

from shared import dead_letters, push
from shared.chain import log_events as of_the_chain
from shared.log import LogEvent
from shared.online import log_events as of_the_checkout

_MODULES = (dead_letters, push, of_the_chain, of_the_checkout)

FIELDS = {
    "attempt": "number of the delivery or of the training, from 1; null where Pub/Sub does not count deliveries",
    "candidate": "name of the candidate, a file of `sql/models`",
    "check": "name of the check, a file of `sql/checks`",
    "error": "class of the exception",
    "field": "JSON pointer to the field of the request",
    "found": "what the check found",
    "function": "name of the function or the subscription",
    "known": "types of model that the functions can score",
    "message_id": "Pub/Sub's id of the message",
    "model_type": "type of the model, as BigQuery names it",
    "prediction": "the score and what it was made of, as the view `online_predictions` has it",
    "quality": "the word for the candidate's ROC AUC: good, fair, decent, not great, poor",
    "reason": "why, in words",
    "reasons": "why, a list of sentences",
    "request_id": "id of the request, as the answer's `X-Request-Id`",
    "rule": "the rule of the contract that the request breaks",
    "run_id": "id of the run",
    "seconds": "from the step's begin to its record, in seconds",
    "status": "HTTP status of the answer",
    "step": "name of the function that takes the step",
    "topic": "topic of the event that follows",
}
"""What each field holds; one name means one thing in all events."""

_PAGE = """# What the functions log

Each line is one JSON object on standard output, which Cloud Logging reads as `jsonPayload`. `event` names what
happened, `message` says it in words, and the other fields are listed here. An event with a severity of ERROR may have
`stack_trace` too, by which Error Reporting groups. This page is written by `python -m shared.log_events`.

| event | severity | when | fields |
|---|---|---|---|
{events}

| field | what it holds |
|---|---|
{fields}
"""


def registered() -> list[type[LogEvent]]:
    """Return all events, by name."""
    found = {
        one
        for module in _MODULES
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, LogEvent) and one is not LogEvent
    }
    return sorted(found, key=lambda one: one.event)


def page() -> str:
    """Return docs/logs.md."""
    events = [
        f"| `{one.event}` | {one.severity} | {inspect.cleandoc(one.__doc__ or '')} | "
        f"{', '.join(f'`{name}`' for name in one.__struct_fields__)} |"
        for one in registered()
    ]
    fields = [f"| `{name}` | {meaning} |" for name, meaning in FIELDS.items()]
    return _PAGE.format(events="\n".join(events), fields="\n".join(fields))


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is what the command is for
