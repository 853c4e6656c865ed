"""A machine of its own on LANs of its own: a network namespace, joined to this one by veth pairs."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

NUMBERS = (1, 2)


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


@dataclass(frozen=True, slots=True)
class Machine:
    """The namespace. On LAN `n`, which is 1 or 2, it has `.2` and we have `.1`; `net` keeps other runs apart."""

    name: str
    net: int

    @property
    def prefix(self) -> list[str]:
        """What to put before a command that shall run there."""
        return ["ip", "netns", "exec", self.name]

    def there(self, lan: int, *, v6: bool = False) -> str:
        """Its address."""
        return f"fd{self.net:02x}:{lan}::2" if v6 else f"10.{self.net}.{lan}.2"

    def here(self, lan: int, *, v6: bool = False) -> str:
        """Ours."""
        return f"fd{self.net:02x}:{lan}::1" if v6 else f"10.{self.net}.{lan}.1"

    def add_address(self, lan: int) -> str:
        """Give it a further address; gives that."""
        address = f"10.{self.net}.{lan}.77"
        ip("-n", self.name, "address", "add", f"{address}/24", "dev", f"there{lan}")
        return address


def _free_net() -> int:
    """A number for which this machine has no 10.number.0.0/16."""
    used = " " + ip("-4", "address") + ip("-4", "route")
    return random.choice([n for n in range(64, 200) if f" 10.{n}." not in used])  # noqa: S311 -- no secret


@contextlib.contextmanager
def machine() -> Iterator[Machine]:
    """Make one for the length of the block."""
    made = Machine(f"voicegw-{os.getpid()}", _free_net())
    ip("netns", "add", made.name)
    links = []
    try:
        ip("-n", made.name, "link", "set", "lo", "up")
        for lan in NUMBERS:
            link = f"vg{lan}-{os.getpid()}"[:15]
            ip("link", "add", link, "type", "veth", "peer", "name", f"there{lan}", "netns", made.name)
            links.append(link)
            for where, dev, v4, v6 in (
                ([], link, made.here(lan), made.here(lan, v6=True)),
                (["-n", made.name], f"there{lan}", made.there(lan), made.there(lan, v6=True)),
            ):
                ip(*where, "address", "add", f"{v4}/24", "dev", dev)
                ip(*where, "-6", "address", "add", f"{v6}/64", "dev", dev, "nodad")
                ip(*where, "link", "set", dev, "up")
        yield made
    finally:
        for link in links:
            ip("link", "delete", link)
        ip("netns", "delete", made.name)
