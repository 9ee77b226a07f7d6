"""The `propensity` command, for a local cloud or Google Cloud; cli/main.py declares its subcommands."""
