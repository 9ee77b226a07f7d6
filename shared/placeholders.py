"""The values that Google Analytics exports in place of a missing value."""

PLACEHOLDERS = ["", "(not set)", "(not provided)", "(data deleted)", "not available in demo dataset", "unknown.unknown"]
# Values in place of an order's id. A shop's page may also send such a value if the page does not have the id.
NO_IDS = [*PLACEHOLDERS, "0", "null", "undefined"]
