"""LANs for tests: a machine on two of them that nobody else sees, and loopback's multicast to oneself."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NUMBERS = (1, 2)
FOREIGN = (
    ("docker0", "172.17.0.1/16", "bridge"),
    ("virbr0", "192.168.122.1/24", "bridge"),
    ("tun0", "10.8.0.6/24", "tun"),
)
_CLONE_NEWNET = 0x40000000  # linux/sched.h; Python has it from 3.12 on


def ip(*arguments: str) -> str:
    """Run `ip`; gives its output."""
    done = subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def possible() -> bool:
    """Whether network namespaces can be made here."""
    name = f"voicegw-try-{os.getpid()}"
    try:
        ip("netns", "add", name)
        ip("netns", "delete", name)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@contextlib.contextmanager
def alone_on_loopback() -> Iterator[None]:
    """Wait until no other test announces anything on loopback, where each hears all the others."""
    with (Path(tempfile.gettempdir()) / f"voicegw-mdns-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, slots=True)
class Machine:
    """The namespace. On LAN `n`, which is 1 or 2, it has `.2` and we have `.1`."""

    name: str

    @property
    def prefix(self) -> list[str]:
        """What to put before a command that shall run there."""
        return ["ip", "netns", "exec", self.name]

    def there(self, lan: int, *, v6: bool = False) -> str:
        """Its address."""
        return f"fd99:{lan}::2" if v6 else f"10.99.{lan}.2"

    def here(self, lan: int, *, v6: bool = False) -> str:
        """Ours."""
        return f"fd99:{lan}::1" if v6 else f"10.99.{lan}.1"

    def add_address(self, lan: int) -> str:
        """Give it a further address; gives that."""
        address = f"10.99.{lan}.77"
        ip("-n", self.name, "address", "add", f"{address}/24", "dev", f"there{lan}")
        return address

    def add_foreign(self) -> None:
        """Give it what a developer's machine has, with addresses that nobody else reaches."""
        for name, address, kind in FOREIGN:
            if kind == "tun":
                ip("-n", self.name, "tuntap", "add", "dev", name, "mode", "tun")
            else:
                ip("-n", self.name, "link", "add", name, "type", kind)
            ip("-n", self.name, "address", "add", address, "dev", name)
            ip("-n", self.name, "link", "set", name, "up")

    def leave(self, lan: int) -> None:
        """Take its interface on a LAN away."""
        ip("-n", self.name, "link", "delete", f"there{lan}")

    def join(self, lan: int) -> None:
        """Give it one again."""
        _join(self, lan)


@contextlib.contextmanager
def _network_of_our_own() -> Iterator[None]:
    """Have this thread, and what it starts, in a network namespace of its own.

    Interfaces that came and went in the machine's would be gathered as candidates by the calls of other tests.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as before:
        if libc.unshare(_CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            yield
        finally:
            if libc.setns(before.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def entered(name: str) -> Iterator[None]:
    """Have this thread in a namespace meanwhile: a socket stays in the one that it was made in."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as before, Path(f"/run/netns/{name}").open() as there:
        if libc.setns(there.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            if libc.setns(before.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def machine() -> Iterator[Machine]:
    """Make one for the length of the block, in which this thread is on its LANs and on no other."""
    made = Machine(f"voicegw-{os.getpid()}")
    with _network_of_our_own():
        ip("netns", "add", made.name)
        try:
            for where in ([], ["-n", made.name]):
                ip(*where, "link", "set", "lo", "up")
            for lan in NUMBERS:
                _join(made, lan)
            yield made
        finally:
            ip("netns", "delete", made.name)


def _join(made: Machine, lan: int) -> None:
    ip("link", "add", f"here{lan}", "type", "veth", "peer", "name", f"there{lan}", "netns", made.name)
    for where, dev, v4, v6 in (
        ([], f"here{lan}", made.here(lan), made.here(lan, v6=True)),
        (["-n", made.name], f"there{lan}", made.there(lan), made.there(lan, v6=True)),
    ):
        ip(*where, "address", "add", f"{v4}/24", "dev", dev)
        ip(*where, "-6", "address", "add", f"{v6}/64", "dev", dev, "nodad")
        ip(*where, "link", "set", dev, "up")
