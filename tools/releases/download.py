"""Downloads: https, or http on loopback; of a bounded size, in a bounded time."""

from __future__ import annotations

import time

import httpx

from ground import operator
from ground.trouble import reason
from tools.errors import ImageError

SECONDS = 300.0
"""For a whole file: four megabytes at 15 kB a second."""
_SILENCE_SECONDS = 20.0
_REDIRECTS = 5
_PORTS = range(1, 65_536)
_ONLINE = "look at the address, and whether you are online"


def fetch(url: str | httpx.URL, limit: int, *, seconds: float = SECONDS) -> bytes:
    """What a URL holds, if it is at most `limit` bytes and comes within `seconds`. A proxy is the environment's.

    Raises:
        ImageError: anything else, with its cause.
    """
    try:
        address = httpx.URL(url)
        # Compressed on the way, a few bytes could become very many here.
        with httpx.Client(timeout=_SILENCE_SECONDS, headers={"Accept-Encoding": "identity"}) as client:
            return _get(client, address, limit, time.monotonic() + seconds)
    except httpx.HTTPStatusError as error:
        raise _failed(url, _status(error.response), _remedy(error.response)) from None
    except httpx.TimeoutException:
        raise _failed(url, f"nothing came for {_SILENCE_SECONDS:.0f} s", _ONLINE) from None
    except httpx.RemoteProtocolError:
        raise _failed(url, "it broke off", "try again") from None
    except httpx.ProxyError as error:
        raise _failed(url, f"the proxy says: {error}", "look at HTTPS_PROXY") from None
    except (
        OSError
    ) as error:  # httpx wraps what the network does: this is of the certificates that are trusted
        why = f"SSL_CERT_FILE cannot be used: {reason(error)}"
        raise _failed(url, why, "give the file of your authority's certificates, or unset it") from None
    except httpx.HTTPError as error:
        raise _failed(url, str(error) or type(error).__name__, _ONLINE) from None
    except (
        httpx.InvalidURL,
        ValueError,
        ImportError,
    ) as error:  # of the URL, or of a proxy in the environment
        raise _failed(url, str(error), "look at the address, and at HTTPS_PROXY") from None


def _get(client: httpx.Client, address: httpx.URL, limit: int, until: float) -> bytes:
    first = address
    for _ in range(_REDIRECTS + 1):
        _must_be_allowed(first, address)
        with client.stream("GET", address) as response:
            if response.next_request is None:
                response.raise_for_status()
                return _body(response, limit, until)
            address = response.next_request.url
    raise _failed(first, "it leads on and on", _ONLINE)


def _must_be_allowed(first: httpx.URL, address: httpx.URL) -> None:
    if (
        address.port is not None and address.port not in _PORTS
    ):  # of another the system would take the low 16 bits
        raise _failed(first, f"there is no port {address.port}", "look at the address")
    if address.scheme == "https":
        return
    if first is not address and first.scheme == "https":
        raise _failed(first, f"it leads away from https, to {address.host}", "take it from elsewhere")
    if address.scheme != "http" or not operator.is_here(address.host):
        raise _failed(first, "firmware comes over https only", "give a URL that begins with https://")


def _body(response: httpx.Response, limit: int, until: float) -> bytes:
    data = bytearray()
    for block in response.iter_raw():
        data += block
        if len(data) > limit:
            raise _failed(response.url, f"it is longer than {limit} bytes", "build or download it again")
        if time.monotonic() > until:
            raise _failed(response.url, "it comes too slowly", "try again, or from another network")
    return bytes(data)


def _status(response: httpx.Response) -> str:
    return (
        "it is not there (404)" if response.status_code == 404 else f"the server says {response.status_code}"
    )


def _remedy(response: httpx.Response) -> str:
    return "look at the address" if response.is_client_error else "try again later"


def _failed(url: str | httpx.URL, why: str, remedy: str) -> ImageError:
    """A URL may hold a password or a token: neither is shown."""
    try:
        shown = str(httpx.URL(url).copy_with(userinfo=b"", query=None))
    except httpx.InvalidURL:
        shown = "the URL"
    return ImageError(f"{shown} cannot be fetched: {why}", remedy=remedy)
