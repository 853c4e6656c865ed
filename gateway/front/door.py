"""The way in: connections off the listening socket, TLS and plain HTTP told apart by their first byte, all bounded.

A byte is looked at and left where it is, so that nothing is copied: whichever protocol it is then reads it itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import resource
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from gateway.front import proxied
from gateway.recurring import Recurring
from gateway.wire.route import unmapped

MOST: Final = 512
"""Connections in all; fewer where the system gives fewer descriptors."""
MOST_OF_ONE: Final = 64
"""Of one address, or of one network of IPv6: a page needs a dozen, and a machine with devices of its own some more."""
WANTED_DESCRIPTORS: Final = 8_192
FIRST_SECONDS: Final = 10.0
"""For a first byte to come, and then for a handshake."""
REQUEST_SECONDS: Final = 20.0
"""For a whole request to come, once a connection is there, or `FURTHER` of it."""
FURTHER: Final = 128_000
"""Bytes, which only a file has: what a poor Wi-Fi brings in that time."""
STALLED_SECONDS: Final = 20.0
"""For what was written to be taken: some of it."""
_CLOSING_SECONDS: Final = 900.0
"""For TLS to end, when all that was written is taken: longer than any update. Who stands still is dropped before."""
_LOOK_SECONDS: Final = 1.0
_TLS_HANDSHAKE: Final = 0x16
"""The type of a TLS record (RFC 8446, section 5.1); no method of HTTP begins with it."""
_AT_ONCE: Final = 64
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Guest(asyncio.Protocol):
    """A connection as the HTTP server has it."""

    on_lost: Callable[[], None]
    """To be called when it is over."""
    served = 0
    """Requests that were answered."""
    received = 0
    """Bytes of requests that were not answered yet."""
    source: tuple[str, int] | None = None
    """Whom a proxy that is trusted connects for."""

    def is_waiting(self) -> bool:
        """Whether the other end has a request to send still, or the rest of one."""
        raise NotImplementedError

    def unsent(self) -> int:
        """Bytes that the other end has not taken yet."""
        raise NotImplementedError

    def drop(self) -> bool:
        """Close it at once; false where nothing is there to close yet."""
        raise NotImplementedError


@dataclass(eq=False, slots=True)
class _Visit:
    group: str
    since: float
    """When it last got further."""
    sock: socket.socket | None
    guest: Guest | None = None
    task: asyncio.Task[None] | None = None
    unsent: int = 0
    served: int = 0
    received: int = 0
    """Then."""
    proxy: str | None = None
    """A trusted one's address, until it has said whom it connects for."""
    source: tuple[str, int] | None = None

    def is_waiting(self) -> bool:
        """Whether it is the other end's turn."""
        return self.guest is None or self.guest.is_waiting() or self.guest.unsent() > 0

    def is_overdue(self, now: float) -> bool:
        """Whether the other end has let its time go by."""
        if self.guest is None:
            return now > self.since + FIRST_SECONDS
        unsent, served = self.guest.unsent(), self.guest.served
        taken = unsent < self.unsent if self.unsent else unsent > 0
        came = self.guest.received - self.received >= FURTHER
        if taken or came or served != self.served or not (unsent or self.guest.is_waiting()):
            self.since, self.received = now, self.guest.received
        self.unsent, self.served = unsent, served
        return now > self.since + (STALLED_SECONDS if unsent else REQUEST_SECONDS)


def raise_descriptors() -> int:
    """Have as many descriptors as the system lets us, up to what we can use; gives how many there are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, WANTED_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return WANTED_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def group_of(address: str) -> str:
    """Whom an address is counted with: of IPv6 anyone has a whole network (RFC 4291, section 2.5.4)."""
    found = unmapped(address)
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


class Door:
    """Takes connections and hands them to guests. Has the two methods that uvicorn wants of a server.

    Args:
        sock: listens.
        context: gives the TLS context for a connection that comes now.
        descriptors: that this process may have; half of them are kept for all else.
        trusts: whether an address is that of a proxy whose word on its clients counts.
    """

    def __init__(
        self,
        sock: socket.socket,
        context: Callable[[], ssl.SSLContext],
        descriptors: int,
        trusts: Callable[[str], bool],
    ) -> None:
        self._sock = sock
        self._trusts = trusts
        self._context = context
        self._descriptors = descriptors
        self._visits: set[_Visit] = set()
        self._trouble = Recurring("no more connections can be taken", and_now="those that wait are let go")
        self._make: Callable[[], Guest] | None = None

    def begin(self, make: Callable[[], Guest]) -> None:
        """Take connections; each connection's guest is made anew, and is an `asyncio.Protocol`."""
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._sock.setblocking(False)
        self._loop.add_reader(self._sock.fileno(), self._accept)
        self._sweeper = self._loop.create_task(self._sweep(), name="door")

    def close(self) -> None:
        """Take no more, and let those go whose guest has not been handed them yet."""
        if self._make is None:
            return
        self._make = None
        self._loop.remove_reader(self._sock.fileno())
        self._sweeper.cancel()
        for visit in [v for v in self._visits if v.task is None or not v.task.done()]:
            self._drop(visit)

    @property
    def _most(self) -> int:
        return min(MOST, self._descriptors // 2)

    async def wait_closed(self) -> None:
        """Until nothing of it is under way."""
        greeting = [v.task for v in self._visits if v.task is not None]
        await asyncio.gather(self._sweeper, *greeting, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                conn, where = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _NO_ROOM:
                    self._trouble.met(str(error))
                    self._evict()
                return
            conn.setblocking(False)
            self._admit(conn, where[0])

    def _admit(self, conn: socket.socket, address: str) -> None:
        group = group_of(address)
        full = len(self._visits) >= self._most
        alike = sum(v.group == group for v in self._visits)
        if alike >= MOST_OF_ONE and not self._is_here(group) and not self._evict(group):
            conn.close()
            return
        if full and not self._evict():
            self._trouble.met(f"there are {len(self._visits)}")
            conn.close()
            return
        proxy = address if self._trusts(address) else None
        visit = _Visit(group, self._loop.time(), conn, proxy=proxy)
        self._visits.add(visit)
        self._loop.add_reader(conn.fileno(), self._greet, visit)

    @staticmethod
    def _is_here(group: str) -> bool:
        """Whether it is this machine, where a proxy may speak for many."""
        return group == "::/64" or group.startswith("127.")

    def _evict(self, group: str | None = None) -> bool:
        """Let the one go that has waited longest: of this group, or of the one that has the most."""
        waiting = [v for v in self._visits if v.is_waiting() and group in {None, v.group}]
        if not waiting:
            return False
        counts = Counter(v.group for v in waiting)
        most = max(counts.values())
        self._drop(min((v for v in waiting if counts[v.group] == most), key=lambda v: v.since))
        return True

    def _greet(self, visit: _Visit) -> None:
        """See by its first byte what it speaks."""
        assert visit.sock is not None
        try:
            first = visit.sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            first = b""
        if visit.proxy is not None and proxied.begins(first):
            self._learn(visit, visit.sock)
            if visit.proxy is None or visit.sock is None:
                return  # what the client says comes next, or nothing
        self._loop.remove_reader(visit.sock.fileno())
        if not first or self._make is None:
            self._drop(visit)
            return
        conn, visit.sock = visit.sock, None
        visit.guest, visit.since = self._make(), self._loop.time()
        visit.guest.source = visit.source
        visit.guest.on_lost = lambda: self._visits.discard(visit)
        visit.task = self._loop.create_task(self._hand_over(visit, conn, visit.guest, first[0]), name="greet")

    def _learn(self, visit: _Visit, sock: socket.socket) -> None:
        """Have a proxy say whom it connects for, if it does."""
        try:
            begun = sock.recv(proxied.MOST, socket.MSG_PEEK)
            if not proxied.begins(begun):
                return
            header = proxied.read(begun)
            sock.recv(header.length)
        except (OSError, ValueError):
            self._drop(visit)
            return
        visit.proxy, visit.source = None, header.source
        if header.source is not None:
            visit.group = group_of(header.source[0])

    async def _hand_over(self, visit: _Visit, conn: socket.socket, guest: Guest, first: int) -> None:
        secure: dict[str, Any] = (
            {
                "ssl": self._context(),
                "ssl_handshake_timeout": FIRST_SECONDS,
                "ssl_shutdown_timeout": _CLOSING_SECONDS,
            }
            if first == _TLS_HANDSHAKE
            else {}
        )
        try:
            await self._loop.connect_accepted_socket(lambda: guest, conn, **secure)
        except (OSError, TimeoutError):  # it left, or spoke no TLS after all; asyncio closes it
            self._visits.discard(visit)

    def _drop(self, visit: _Visit) -> None:
        self._visits.discard(visit)
        if visit.sock is not None:
            self._loop.remove_reader(visit.sock.fileno())
            visit.sock.close()
            visit.sock = None
        if visit.guest is not None and not visit.guest.drop() and visit.task is not None:
            visit.task.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = self._loop.time()
            for visit in [v for v in self._visits if v.is_overdue(now)]:
                self._drop(visit)
            if len(self._visits) < self._most // 2:
                self._trouble.over()
