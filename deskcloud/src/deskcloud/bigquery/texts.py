"""Error texts that the gateway and the emulator share."""


def ml_inside(where: str, what: str = "BigQuery ML") -> str:
    """Return the error text for a construct that cannot contain BigQuery ML.

    `where` names the construct, e.g. "CREATE VIEW". `what` names the feature that the construct contains.
    """
    advice = "send the statement by itself, and keep rows that others need in a table"
    return f"{what} inside {where} is not supported by the local BigQuery: {advice}"
