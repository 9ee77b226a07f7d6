"""The e-mail after a checkout: whether it is sent, what it contains, and that it is sent at most once."""
