"""The `propensity` command, for a local cloud or Google Cloud; cli/commands/ declares its subcommands."""
