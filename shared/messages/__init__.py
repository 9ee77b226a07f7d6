"""The e-mail that follows a checkout: whether it is sent, what it says, and that it is sent once."""
