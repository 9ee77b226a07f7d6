"""Settings for plain HTTP between services on this machine."""

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""The argument `verify` of an httpx client. It trusts no certificates, because httpx takes 30 ms to read them."""
