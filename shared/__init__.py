"""Code that the functions share: settings, events, the message handler, the ledger, Google's clients, the scorer."""
