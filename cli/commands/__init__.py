"""The subcommands of `propensity`. Each only parses its options, and calls the module that does the work."""
