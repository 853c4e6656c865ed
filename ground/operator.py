"""The secret that makes an operator of who runs the gateway: a file that only that account can read, one for each port.

The ports of another network namespace are others, so it stands in the name, where there are any.

It lies where it goes with the machine's uptime, so that a command finds it by the URL alone, whatever the settings say.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ground import folders
from ground.trouble import Trouble
from ground.typed import PORT

_SERVICES: Final = Path("/run/voicegw")
"""What systemd makes for our unit (RuntimeDirectory=), for that account alone."""
_SECRET: Final = re.compile("[!-~]+")
"""What can be sent in a header."""


def keep(port: int, secret: str) -> Path:
    """Write the secret of the gateway that listens on a port; gives where to.

    Raises:
        OSError: it cannot be kept anywhere.
    """
    folder = _made()
    path = folder / _name(port)
    folders.keep(path, secret.encode())
    return path


def secret_for(url: str) -> str | None:
    """The secret of the gateway at a URL of this machine, if this account runs one there."""
    parts = urlsplit(url)
    if not is_here(parts.hostname or ""):
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    for folder in _folders():
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if _is_ours(folder):
                found = (folder / _name(port)).read_text(encoding="ascii").strip()
                return found if _SECRET.fullmatch(found) else None
    return None


def here(host: str = "127.0.0.1") -> str:
    """The URL of this machine's gateway: where this account runs one, else at the port of all by default.

    Args:
        host: this machine, as the URL is to have it.

    Raises:
        Trouble: it runs several, none of them at that port.
    """
    ours = [port for port in _ports() if _listens(port)]
    if len(ours) > 1 and PORT not in ours:
        named = ", ".join(f"http://{host}:{port}" for port in ours)
        raise Trouble(f"several gateways run here: {named}", remedy="say which one, by its URL")
    return f"http://{host}:{ours[0] if len(ours) == 1 else PORT}"


def is_here(host: str) -> bool:
    """Whether a URL's host is this machine, and can be no other."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def leads_here(url: str) -> bool:
    """Whether a URL leads to this machine, and can lead to no other: no board can use it."""
    return is_here(urlsplit(url).hostname or "")


def _ports() -> list[int]:
    """Of this account's gateways; those of some that run no more are left among them."""
    ports: set[int] = set()
    for folder in _folders():
        with contextlib.suppress(OSError):
            found = folder.glob("operator-*") if _is_ours(folder) else ()
            written = {path.name: path.name.split("-")[1] for path in found}
            ports |= {
                int(port) for name, port in written.items() if port.isdecimal() and name == _name(int(port))
            }
    return sorted(ports)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _name(port: int) -> str:
    try:
        return f"operator-{port}-{Path('/proc/thread-self/ns/net').stat().st_ino}"
    except OSError:
        return f"operator-{port}"


def _folders() -> Iterator[Path]:
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        if found := os.environ.get(name):
            yield Path(found.split(":")[0]) if name == "RUNTIME_DIRECTORY" else Path(found) / "voicegw"
    yield _SERVICES
    yield folders.temporary() / f"voicegw-{_account()}"


def _made() -> Path:
    failure: OSError | None = None  # the last: of the folder that is there everywhere
    for folder in _folders():
        try:
            if folder != _SERVICES:
                folder.mkdir(mode=0o700, exist_ok=True)
            if _is_ours(folder) and os.access(folder, os.W_OK | os.X_OK):
                return folder
        except OSError as error:
            failure = error
    raise failure or PermissionError("no folder is this account's alone")


def _is_ours(folder: Path) -> bool:
    """Whether nobody else can have put something there: the folder for temporary files is everyone's."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return False
    return not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o077)


def _account() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
