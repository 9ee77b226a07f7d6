"""Texts of errors that both the gateway and the emulator return."""


def ml_inside(where: str, what: str = "BigQuery ML") -> str:
    """Return the text for BigQuery ML, or another feature of the gateway, inside a construct that cannot hold it."""
    advice = "send the statement by itself, and keep rows that others need in a table"
    return f"{what} inside {where} is not supported by the local BigQuery: {advice}"
