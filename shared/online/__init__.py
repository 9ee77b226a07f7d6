"""Code that answers checkouts. To keep the cold start short, it imports nothing of the chain."""
