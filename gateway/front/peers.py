"""Whose the other end of a connection on this machine is, as far as Linux tells (proc_net_tcp in its documentation)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def is_own_account(peer_port: int, our_port: int) -> bool:
    """Whether a connection of loopback comes from a program of the account that the gateway runs as.

    A proxy here speaks for others, and mostly runs as a user of its own. Where the system does not tell, nobody's is.
    """
    owners = {uid for local, remote, uid in _connections() if (local, remote) == (peer_port, our_port)}
    return owners == {os.getuid()} if owners else not any(table.exists() for table in _TABLES)


def _connections() -> Iterator[tuple[int, int, int]]:
    """The port here, the port there, and the owner of each connection between two ends of loopback."""
    for table in _TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, remote, _, _, _, _, uid, *_ = line.split()
            yield int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16), int(uid)
