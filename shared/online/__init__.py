"""Code that answers checkouts. To keep the cold start short, this package imports nothing from the chain."""
