"""What answers at the checkout. Its imports are its cold start, so nothing of the chain is among them."""
