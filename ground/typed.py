"""What people type: the address of a gateway, and a key."""

from __future__ import annotations

import ipaddress
import math
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from ground import text
from ground.trouble import Trouble

PORT = 7860
"""Where a gateway listens that was told nothing else."""
_FORM = f"give it as http://HOST:{PORT}"
_KEY = re.compile(r"[!-~]+")


def gateway_url(given: str) -> str:
    """The URL of a gateway, as it can be asked: without a slash at its end, its host in ASCII.

    An address or a name alone is taken for `http://` and the gateway's own port.

    Raises:
        Trouble: no request can be sent there; says why, and never repeats a password.
    """
    written = given.strip()
    shown = repr(re.sub(r"^(\w+://)?.*@", r"\1…@", written, flags=re.DOTALL)[:200])
    if "://" not in written:
        written = f"http://{_with_port(written)}"
    try:
        parts = _split(written)
        port = parts.port
        host = _host(parts)
    except ValueError:
        raise Trouble(f"{shown} is no address of a gateway", remedy=_FORM) from None
    if parts.scheme not in {"http", "https"}:
        raise Trouble(f"a gateway is not asked over {parts.scheme}: {shown}", remedy=_FORM)
    if "@" in written:  # a password with a slash in it ends the host
        raise Trouble(f"{shown} has a name or password in it", remedy=f"{_FORM}; a key goes into a file")
    if parts.query or parts.fragment:
        raise Trouble(f"{shown} has more than an address in it", remedy=_FORM)
    place = host if port is None else f"{host}:{port}"
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}"


def _split(written: str) -> SplitResult:
    """Raises ValueError where there is something in it that urlsplit would pass on, or leave out."""
    if re.search(r"[\s\x00-\x1f\x7f]", written):
        raise ValueError(written)
    return urlsplit(written)


def _with_port(written: str) -> str:
    address, slash, path = written.partition("/")
    try:
        if ipaddress.ip_address(address.strip("[]")).version == 6:
            address = f"[{address.strip('[]')}]"
    except ValueError:
        pass
    has_one = re.search(r":\d+$", address.rpartition("]")[2] if address.startswith("[") else address)
    return f"{address}{'' if has_one else f':{PORT}'}{slash}{path}"


def _host(parts: SplitResult) -> str:
    """Raises ValueError where it is none that could be looked up."""
    host = parts.hostname or ""
    if not host or not parts.path.isascii():
        raise ValueError(host)
    if ":" in host:
        return f"[{ipaddress.ip_address(host)}]"
    return host.encode("idna").decode()


def seconds(given: float, option: str) -> float:
    """A length of time that can be waited for. Raises Trouble for one that is none, or never ends."""
    if 0 <= given < math.inf:
        return given
    raise Trouble(
        f"{option} {given:g} is no time to wait", remedy="give a number of seconds from 0 on, such as 5"
    )


def key(written: str, where: str) -> str:
    """A key, as it can be sent in a header; spaces and line ends around it are left out.

    Args:
        written: as it stands there.
        where: a file's or a variable's name, to be named.

    Raises:
        Trouble: it has a line break or something else inside that no key has; never repeats it.
    """
    found = written.strip()
    if _KEY.fullmatch(found):
        return found
    fault = "is empty" if not found else "holds more than one word" if found.split()[1:] else "is not ASCII"
    raise Trouble(
        f"the key in {where} {fault}", remedy="put it there alone, as voicegw devices add printed it"
    )


def key_in(path: Path) -> str:
    """The key that a file holds, alone.

    Raises:
        Trouble: the file cannot be read, or holds something else.
    """
    return key(text.read(path), str(path))
