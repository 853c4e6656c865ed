"""What the service manager that started us is told."""

from __future__ import annotations

import contextlib
import socket

from gateway import environment


def tell(state: str) -> None:
    """Tell systemd how the service stands, as `READY=1` (sd_notify(3)); nothing where it did not ask."""
    address = environment.notify_socket()
    if address is None:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
        sock.sendto(state.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)
