"""The template of the bots, a process: `python -m gateway.bot.main FD`, FD being one end of a socket pair.

`--child FD` is one of its children, where a fork is not to be had. What they are to do comes over the socket, so that
nothing secret stands in argv.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

from gateway.bot import system
from gateway.bot.child import Life, live
from gateway.bot.template import Template
from gateway.wire.template import Birth, Lines
from ground import priority


def main() -> None:
    """Be a template until the media process closes its end, or a child until it is done."""
    parent = os.getppid()
    priority.step_back()
    *flags, fd = sys.argv[1:]
    sock = socket.socket(fileno=int(fd))
    sock.set_inheritable(False)  # it crossed one exec, and should no other
    if flags == ["--child"]:
        live(Life.of(_birth(sock)), sock, parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the front's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # which media may have had ignored
    system.end_with(parent, signal.SIGTERM)
    system.adopt_orphans()
    Template(sock).run()


def _birth(sock: socket.socket) -> Birth:
    """The first message, and not a byte of what comes after it."""
    line = b""
    while not line.endswith(b"\n"):
        byte = sock.recv(1)
        if not byte:
            sys.exit(0)
        line += byte
    (message,) = Lines().take(line)
    assert isinstance(message, Birth)
    return message


if __name__ == "__main__":
    main()
