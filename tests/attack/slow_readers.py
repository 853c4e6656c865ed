"""slow_readers.py HERE THERE PORT COUNT: asks for pages on many connections, and reads nothing until its stdin ends."""

from __future__ import annotations

import contextlib
import resource
import socket
import sys

ASK = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40


def connect(here: str, there: str, port: int) -> socket.socket:
    """One that has room for little."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    sock.setblocking(False)
    sock.bind((here, 0))
    with contextlib.suppress(BlockingIOError):
        sock.connect((there, port))
    return sock


def main() -> None:
    """Do it."""
    here, there, port, count = sys.argv[1:]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    opened = [connect(here, there, int(port)) for _ in range(int(count))]
    for sock in opened:
        with contextlib.suppress(OSError):
            sock.send(ASK)
    print(len(opened), flush=True)  # noqa: T201
    sys.stdin.read()


if __name__ == "__main__":
    main()
