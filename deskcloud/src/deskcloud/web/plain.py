"""Plain HTTP between services of this machine."""

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For `verify` of an httpx client. It trusts no certificate; httpx otherwise reads them all, 30 ms a client."""
