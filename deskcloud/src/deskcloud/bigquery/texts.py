"""Error texts that the gateway and the emulator share."""


def ml_inside(where: str, what: str = "BigQuery ML") -> str:
    """Return the error text for a feature inside a construct in which the local BigQuery cannot run the feature.

    `where` names the construct, e.g. "CREATE VIEW". `what` names the feature.
    """
    advice = "send the statement by itself, and keep rows that others need in a table"
    return f"{what} inside {where} is not supported by the local BigQuery: {advice}"
