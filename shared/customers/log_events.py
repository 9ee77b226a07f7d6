"""The log events of resolve_customers; docs/logs.md lists all events."""

from shared.log import LogEvent


class CustomersFound(LogEvent, frozen=True):
    """The customers of an audience were found, with their arms and exclusions."""

    event = "customers_found"
    severity = "NOTICE"
    message = "{customers} customers are in the audience; {unmatched} visitors belong to none, {conflicts} to two"

    run_id: str
    customers: int
    unmatched: int
    conflicts: int
    refused_rows: int
