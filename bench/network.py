"""Where the two sides run: network namespaces joined by a veth pair where root allows, else this machine."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Network:
    """The server's address, what to put before each side's command, and how to call it in a report."""

    address: str
    server: tuple[str, ...]
    client: tuple[str, ...]
    name: str


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """Two namespaces of our own, removed at the end; without root both sides use this machine's address."""
    if os.geteuid() != 0:
        yield Network(_own_address(), (), (), "this machine's own address")
        return
    server, client = f"bench-s{os.getpid()}", f"bench-c{os.getpid()}"
    try:
        _ip("netns", "add", server)
        _ip("netns", "add", client)
        _ip("link", "add", "v0", "netns", server, "type", "veth", "peer", "v0", "netns", client)
        for name, address in ((server, "10.77.0.1/24"), (client, "10.77.0.2/24")):
            _ip("-n", name, "addr", "add", address, "dev", "v0")
            _ip("-n", name, "link", "set", "v0", "up")
            _ip("-n", name, "link", "set", "lo", "up")
        enter = ("ip", "netns", "exec")
        yield Network("10.77.0.1", (*enter, server), (*enter, client), "two network namespaces")
    finally:
        for name in (server, client):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise SystemExit("error: there is no ip; install it: apt-get install iproute2") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(
            f"error: root can make no network namespaces here: {error.stderr.strip()}; allow it "
            "(CAP_SYS_ADMIN and CAP_NET_ADMIN), or run this as another user"
        ) from None


def _own_address() -> str:
    """An address of this machine that aioice gathers; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            raise SystemExit(
                "error: this machine has no network; connect it, or run this as root, in namespaces of its own"
            ) from None
        return str(probe.getsockname()[0])
