"""The values that Google Analytics exports in place of a missing value."""

PLACEHOLDERS = ["", "(not set)", "(not provided)", "(data deleted)", "not available in demo dataset", "unknown.unknown"]
# Values that a shop's page sends as an order's id when it does not know the id.
NO_IDS = [*PLACEHOLDERS, "0", "null", "undefined"]
