"""What functions share: events, the handler, the ledger, the warehouse, the registry and the rules."""
