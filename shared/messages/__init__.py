"""The e-mail after a checkout: the rules for it, its content, and code that sends it at most once."""
