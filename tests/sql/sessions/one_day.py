"""The parameters of statements that build the sessions of one day from the day-table of this day only."""

from shared.placeholders import PLACEHOLDERS


def parameters(day, time_zone="UTC"):
    suffix = f"{day:%Y%m%d}"
    return {
        "days": [day],
        "suffixes": [suffix],
        "first_suffix": suffix,
        "last_suffix": suffix,
        "placeholders": PLACEHOLDERS,
        "internal_sources": ["intranet.shop"],
        "max_hits": 400,
        "time_zone": time_zone,
    }
