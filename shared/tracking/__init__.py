"""What has become of those whom a campaign reaches: campaign events, and the suppressions that they cause."""
