"""The subcommands of `propensity`. Their functions only parse the options, and call the module that does the work."""
