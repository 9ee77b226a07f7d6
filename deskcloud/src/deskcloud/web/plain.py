"""Settings for plain HTTP between services on this machine."""

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""The argument `verify` of an httpx client; it trusts no certificate. By default, httpx takes 30 ms to read all."""
