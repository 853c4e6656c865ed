"""A network of our own: what is compared reaches nobody else. As root; without, the machine's is used."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.lan import ip

ADDRESS: Final = "10.98.0.1"
"""Ours, on a LAN with nobody else, which aiortc and browsers gather candidates on."""
GATEWAY: Final = "10.98.1.1"
CLIENT: Final = "10.98.1.2"
_CLONE_NEWNET: Final = 0x40000000  # linux/sched.h
_CLONE_NEWNS: Final = 0x00020000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000  # linux/mount.h


class NotRoot(SystemExit):
    """Namespaces can't be made."""


def enter() -> None:
    """Have this process, and all that it starts, in a network and with mounts of its own.

    Raises:
        NotRoot: it may not.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET | _CLONE_NEWNS) != 0:
        raise NotRoot("error: `make unchanged` makes network namespaces\nrun it as root")
    libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
    ip("link", "set", "lo", "up")


@contextlib.contextmanager
def leading_here(names: Sequence[str], folder: Path) -> Iterator[None]:
    """Have these names lead to loopback, for this process and what it starts."""
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {' '.join(names)}\n")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(bytes(hosts), b"/etc/hosts", None, _MS_BIND, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    try:
        yield
    finally:
        libc.umount(b"/etc/hosts")


@contextlib.contextmanager
def on_a_lan() -> Iterator[None]:
    """Give us an address."""
    ip("link", "add", "lan0", "type", "veth", "peer", "name", "nobody")
    ip("address", "add", f"{ADDRESS}/24", "dev", "lan0")
    for device in ("lan0", "nobody"):
        ip("link", "set", device, "up")
    try:
        yield
    finally:
        ip("link", "delete", "lan0")


@dataclass(frozen=True, slots=True)
class Apart:
    """The gateway's machine on a LAN with us, with a switch between that a cable can be pulled from."""

    machine: str
    switch: str

    @property
    def prefix(self) -> list[str]:
        """What to put before a command that shall run there."""
        return ["ip", "netns", "exec", self.machine]

    def cut(self) -> None:
        """Let nothing pass: neither end sees a link go down, as on Wi-Fi."""
        ip("-n", self.switch, "link", "set", "port1", "nomaster")

    def join(self) -> None:
        """Undo that."""
        ip("-n", self.switch, "link", "set", "port1", "master", "bridge")


@contextlib.contextmanager
def apart() -> Iterator[Apart]:
    """Make both for the length of the block."""
    made = Apart(f"unchanged-gw-{os.getpid()}", f"unchanged-sw-{os.getpid()}")
    names = (made.machine, made.switch)
    for name in names:
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
    try:
        ip("-n", made.switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", made.switch, "link", "set", "bridge", "up")
        _plug(made, "port0", ["-n", made.machine], "eth0", GATEWAY)
        _plug(made, "port1", [], "eth0", CLIENT)
        yield made
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):  # it has not come that far
            ip("link", "delete", "eth0")  # else it stays until the kernel has cleaned up behind a namespace
        for name in names:
            ip("netns", "delete", name)


def _plug(made: Apart, port: str, where: list[str], device: str, address: str) -> None:
    ip(*where, "link", "add", device, "type", "veth", "peer", "name", port, "netns", made.switch)
    ip("-n", made.switch, "link", "set", port, "master", "bridge", "up")
    ip(*where, "address", "add", f"{address}/24", "dev", device)
    ip(*where, "link", "set", device, "up")
