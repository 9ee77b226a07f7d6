"""The values that Google Analytics exports in place of a missing value."""

PLACEHOLDERS = ["", "(not set)", "(not provided)", "(data deleted)", "not available in demo dataset", "unknown.unknown"]
