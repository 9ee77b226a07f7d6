"""Campaign events, which platforms report about customers in a campaign, and the suppressions that follow."""
