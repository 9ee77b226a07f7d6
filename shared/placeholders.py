"""What stands for nothing in an export of Google Analytics."""

# What Google Analytics writes where it knows nothing.
PLACEHOLDERS = ["", "(not set)", "(not provided)", "(data deleted)", "not available in demo dataset", "unknown.unknown"]
