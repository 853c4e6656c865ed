"""What our commands make of whoever answers them: a gateway's guard, another program, one that listens to keys."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.cli import devices, remote
from gateway.cli.remote import Remote
from gateway.errors import ConfigError, GatewayError, Unreachable
from gateway.front import certificates
from ground import operator, pinned
from ground.trouble import Trouble
from tests.cli.test_cli import Done, run  # noqa: F401 -- its fixture
from tests.support.gateway import serving

Run = Callable[..., Done]
COMMANDS = [
    ["page"],
    ["devices", "tell", "kitchen", "reboot"],
    ["devices", "say", "kitchen", "Hello."],
    ["devices", "quiet", "kitchen"],
    ["devices", "promises", "kitchen"],
    ["devices", "promises", "kitchen", "--cancel", "1"],
    ["devices", "history", "kitchen"],
    ["devices", "history", "kitchen", "--clear"],
    ["devices", "prefer", "kitchen"],
    ["devices", "update", "kitchen"],
    ["talk"],
]
DETAIL = [{"loc": ["body"], "msg": "Field required", "type": "missing"}]


@contextlib.contextmanager
def answering(
    status: int, body: bytes, location: str = "", identity: Path | None = None
) -> Iterator[tuple[int, list[str | None]]]:
    """A server that answers everything with that; gives its port, and the keys that it was sent."""
    keys: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            keys.append(self.headers.get("authorization"))
            self.send_response(status)
            if location:
                self.send_header("location", location)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 -- http.server's

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if identity is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(identity)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port, keys
        server.shutdown()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"{}"),
        (200, b"[{}]"),
        (200, b'"x"'),
        (304, b""),
        (404, b'{"detail": "Not Found"}'),
        (422, json.dumps({"detail": DETAIL}).encode()),
        (500, b'{"code": 1, "detail": "x", "remedy": "y"}'),
        (502, b"<html>"),
    ],
)
def test_another_program_that_answers_is_said_to_be_none(
    run: Run,  # noqa: F811
    command: list[str],
    status: int,
    body: bytes,
) -> None:
    if (command[1:2], body) == (["prefer"], b"{}"):
        pytest.skip("that is what a gateway answers")
    with answering(status, body) as (port, _):
        done = run(*command, "--url", f"127.0.0.1:{port}")
    assert done.returncode == 3, done.stderr
    assert f"what answers at http://127.0.0.1:{port} is no gateway" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_one_that_is_asked_over_https_alone_is_said(run: Run, command: list[str]) -> None:  # noqa: F811
    with answering(308, b"", "https://127.0.0.1/api") as (port, _):
        done = run(*command, "--url", f"127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"give it as https://127.0.0.1:{port}" in done.stderr


def test_a_link_is_whole_and_its_key_may_be_in_the_env_file(
    run: Run,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOICEGW_KEY", "x")
    monkeypatch.delenv("VOICEGW_KEY")  # what is read from the file is forgotten afterwards
    (tmp_path / ".env").write_text("VOICEGW_KEY=vgw_mine\n")
    with answering(200, b'{"path": "/enter?ticket=x"}') as (port, keys):
        done = run("page", "--url", f"127.0.0.1:{port}/")
    assert (done.stdout, keys) == (f"http://127.0.0.1:{port}/enter?ticket=x\n", ["Bearer vgw_mine"])


async def test_one_of_ours_at_a_port_of_its_own_is_found(
    run: Run,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operator, "PORT", 9)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    async with serving(tmp_path) as gateway:
        told = await asyncio.to_thread(run, "devices", "tell", "kitchen", "reboot")
        assert "kitchen is in no call" in told.stderr
        link = await asyncio.to_thread(run, "page")
        assert link.stdout.startswith(f"http://localhost:{gateway.port}/enter")


async def test_a_gateways_problem_is_told_as_it_is() -> None:
    problem = {"code": "not_found", "detail": "there is no device", "remedy": "see: voicegw devices"}
    with (
        answering(404, json.dumps(problem).encode()) as (port, _),
        pytest.raises(GatewayError, match="there is no device") as caught,
    ):
        await Remote(f"127.0.0.1:{port}").ask(object, "GET", "/")
    assert (caught.value.code, caught.value.remedy) == ("not_found", "see: voicegw devices")


async def test_one_that_sends_elsewhere_is_not_followed() -> None:
    with (
        answering(302, b"", "http://other.example/") as (port, _),
        pytest.raises(Unreachable, match=r"elsewhere: http://other\.example/"),
    ):
        await Remote(f"127.0.0.1:{port}").ask(object, "GET", "/")


@pytest.mark.parametrize(
    "command",
    [
        ["devices", "say", "kitchen", "K\udcfcche"],
        ["devices", "say", "K\udcfcche", "x"],
        ["devices", "tell", "kitchen", "volume", "NaN"],
        ["devices", "tell", "K\udcfcche", "identify"],
    ],
    ids=ascii,
)
def test_what_cannot_be_sent_is_said_as_that(run: Run, command: list[str]) -> None:  # noqa: F811
    done = run(*command, "--url", "127.0.0.1:9")
    assert (done.returncode, "what is to be sent" in done.stderr) == (2, True), done.stderr


# -- a key, and who could read it


def test_a_key_goes_over_no_plain_http_off_this_machine() -> None:
    for url in ("http://192.0.2.1:9", "http://gateway.example", "http://localhost.example:9"):
        with pytest.raises(Trouble, match="everyone on the way") as caught:
            Remote(url, "vgw_secret")
        assert url.replace("http:", "https:") in caught.value.remedy
        assert "vgw_secret" not in f"{caught.value.message}{caught.value.remedy}"
    Remote("http://192.0.2.1:9")  # without one there is nothing to be read
    Remote("http://localhost:9", "vgw_secret")


async def test_one_elsewhere_without_a_scheme_is_asked_over_https(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ground.operator.is_here", lambda _host: False)
    own = certificates.identity(tmp_path, "cafe0001")
    monkeypatch.setenv("VOICEGW_IDENTITY", own.pin)
    with answering(200, b"{}", identity=own.path) as (port, keys):
        gateway = Remote(f"127.0.0.1:{port}", "vgw_secret")
        await gateway.ask(object, "GET", "/")
    assert (gateway.url, keys) == (f"https://127.0.0.1:{port}", ["Bearer vgw_secret"])


def test_and_where_that_speaks_none_it_gets_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ground.operator.is_here", lambda _host: False)
    with answering(200, b"{}") as (port, keys):
        with pytest.raises(Trouble, match="everyone on the way"):
            Remote(f"127.0.0.1:{port}", "vgw_secret")
        Remote(f"127.0.0.1:{port}")
    assert keys == []


def test_where_nobody_is_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ground.operator.is_here", lambda _host: False)
    with pytest.raises(pinned.NoAnswer, match="no gateway answers"):
        Remote("127.0.0.1:9", "vgw_secret")


def test_a_device_by_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="what is to be sent"):
        remote._encoded("K\udcfcche")


def test_a_value_that_is_nested_too_deep_is_a_text() -> None:
    deep = "[" * 100_000
    assert devices._value(deep) == deep
