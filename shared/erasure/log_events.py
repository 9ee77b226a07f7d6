"""The log events of erase_subject; docs/logs.md lists all events."""

from shared.log import LogEvent


class ErasureAccepted(LogEvent, frozen=True):
    """A request to erase a person was accepted. From now on, queries leave the person out."""

    event = "erasure_accepted"
    severity = "NOTICE"
    message = "erasure {erasure} was accepted"

    erasure: str


class ErasureAdvanced(LogEvent, frozen=True):
    """A run has deleted a person's data, as far as it found them. The certificate in the bucket has the details."""

    event = "erasure_advanced"
    severity = "NOTICE"
    message = "erasure {erasure}: {rows} rows and {objects} objects deleted; pending: {pending}"

    run_id: str
    erasure: str
    rows: int
    objects: int
    pending: list[str]


class ErasureOverdue(LogEvent, frozen=True):
    """More than three days after an erasure was accepted, destinations have not confirmed the removal of the person."""

    event = "erasure_overdue"
    severity = "WARNING"
    message = "erasure {erasure} has waited for {pending} for {days} days"

    run_id: str
    erasure: str
    pending: list[str]
    days: int
