"""The values that Google Analytics exports in place of a missing value."""

PLACEHOLDERS = ["", "(not set)", "(not provided)", "(data deleted)", "not available in demo dataset", "unknown.unknown"]
# What stands in the place of an order's id that the shop's page did not know.
NO_IDS = [*PLACEHOLDERS, "0", "null", "undefined"]
