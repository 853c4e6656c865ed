"""Servers on loopback that releases are fetched from: honest ones, and ones that are not."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.certificates import Certificate

Answer = Callable[[http.server.SimpleHTTPRequestHandler], None]


@dataclass
class Served:
    """A server that runs. `answer` takes the place of the files, as soon as it is set."""

    url: str
    answer: Answer | None = None
    asked: list[str] = field(default_factory=list)


class Server(http.server.ThreadingHTTPServer):
    """Says nothing of a client that has had enough."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files, or what the test says. Logs nothing."""

    def __init__(self, *arguments: Any, served: list[Served], **options: Any) -> None:
        self.served = served
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        for served in self.served:
            served.asked.append(self.path)
            if served.answer is not None:
                served.answer(self)
                return
        super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the library's name
        del format, args


@contextmanager
def serving(directory: Path, certificate: Certificate | None = None) -> Iterator[Served]:
    """The files of a directory, over https if there is a certificate."""
    box: list[Served] = []
    with Server(("127.0.0.1", 0), partial(Handler, directory=str(directory), served=box)) as server:
        if certificate is not None:
            server.socket = certificate.server().wrap_socket(server.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        box.append(Served(f"{scheme}://127.0.0.1:{server.server_address[1]}"))
        thread = threading.Thread(target=server.serve_forever, name="releases")
        thread.start()
        try:
            yield box[0]
        finally:
            server.shutdown()
            thread.join()


def status(code: int) -> Answer:
    return lambda handler: handler.send_error(code)


def body(data: bytes, *, says: int | None = None, **headers: str) -> Answer:
    """These bytes; `says` is the length that it announces, none for -1."""

    def answer(handler: http.server.SimpleHTTPRequestHandler) -> None:
        handler.send_response(200)
        if says != -1:
            handler.send_header("Content-Length", str(len(data) if says is None else says))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def redirect(to: str) -> Answer:
    def answer(handler: http.server.SimpleHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def dribble(handler: http.server.SimpleHTTPRequestHandler) -> None:
    """A byte at a time, for as long as somebody listens."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
