"""Campaign events: what happened to customers in a campaign, and the suppressions that follow."""
