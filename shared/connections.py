"""Connections of urllib3 that use the environment's proxy, as Google's clients do."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import urllib3


class Connections(urllib3.PoolManager):
    """Sends https requests through the proxy that HTTPS_PROXY names, except to hosts in NO_PROXY. Thread-safe.

    Plain http never uses a proxy: it is for local services and for Google's metadata server.
    """

    def __init__(self, count: int) -> None:
        """Keep `count` connections to each host."""
        super().__init__(maxsize=count)
        proxy = getproxies().get("https")
        self._proxied = _through(proxy, count) if proxy else None

    def connection_from_host(
        self,
        host: str | None,
        port: int | None = None,
        scheme: str | None = "http",
        pool_kwargs: dict[str, Any] | None = None,
    ) -> urllib3.HTTPConnectionPool:
        """Return the connection pool of a host, through the proxy if the environment names one for the request."""
        if self._proxied and scheme == "https" and not (host and proxy_bypass(host)):
            return self._proxied.connection_from_host(host, port, scheme, pool_kwargs)
        return super().connection_from_host(host, port, scheme, pool_kwargs)


def _through(proxy: str, count: int) -> urllib3.ProxyManager:
    url = proxy if "://" in proxy else f"http://{proxy}"
    auth = urllib3.util.parse_url(url).auth
    headers = urllib3.make_headers(proxy_basic_auth=unquote(auth) if auth else None)
    return urllib3.ProxyManager(url, maxsize=count, proxy_headers=headers)
