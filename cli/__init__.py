"""The `propensity` command: what a person asks of the chain, here or on Google Cloud."""
