"""Whether the gateway of this container can take calls: exit status 0 or 1. It reads what `serve` reads."""

from __future__ import annotations

import http.client
import sys

from gateway import settings


def main() -> int:
    """Ask it."""
    chosen = settings.load()
    host = {"::": "127.0.0.1", "0.0.0.0": "127.0.0.1"}.get(chosen.host, chosen.host)
    try:
        connection = http.client.HTTPConnection(host, chosen.port, timeout=5)  # urllib would ask a proxy
        connection.request("GET", "/healthz")
        return int(connection.getresponse().status != http.client.OK)
    except (OSError, http.client.HTTPException):
        return 1


if __name__ == "__main__":
    sys.exit(main())
