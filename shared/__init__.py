"""What functions share: settings, events, the handler, the ledger, Google's services, and the model's own scorer."""
