"""Errors of the log reach a Sentry on loopback, through Sentry's own SDK, and no secrets with them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import Settings
from tests.media.running import begin, running
from tests.support.gateway import environment, voicegw

_ERRORS = """
from loguru import logger
from gateway.logs import set_up
from gateway.settings import Settings

set_up(Settings(), worker=2)
logger.info("nothing to report")
logger.bind(session="s1").error("the bot of {} failed", "kitchen")
def fails(api_key):
    raise ValueError("no such voice")
try:
    fails("sk-secret")
except ValueError:
    logger.exception("a call failed")
import sentry_sdk
sentry_sdk.flush(10)
"""


@pytest.fixture
def events() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A DSN, and what comes there."""
    found: list[dict[str, Any]] = []

    class Envelopes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            lines = (gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body).split(
                b"\n"
            )
            found.extend(json.loads(line) for line in lines if b'"event_id"' in line and b'"level"' in line)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Envelopes)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://public@127.0.0.1:{server.server_port}/1", found
    server.shutdown()
    thread.join()
    server.server_close()


def test_errors_reach_it_with_their_session_and_without_values(
    events: tuple[str, list[dict[str, Any]]],
) -> None:
    dsn, found = events
    run = subprocess.run(
        [sys.executable, "-c", _ERRORS],
        env=environment({"SENTRY_DSN": dsn}),
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    assert "no such voice" in run.stderr, "the log has it as well, trace and all"
    assert "in fails" in run.stderr
    [told, raised] = sorted(found, key=lambda event: "exception" in event)
    assert told["message"] == "the bot of kitchen failed"
    assert told["tags"] == {"session": "s1", "worker": "2"}
    [value] = raised["exception"]["values"]
    assert (value["type"], value["value"]) == ("ValueError", "no such voice")
    assert "sk-secret" not in json.dumps(found)


async def test_what_ends_a_bot_reaches_the_sentry_that_its_import_has_set_up(
    events: tuple[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    dsn, found = events
    bot = tmp_path / "reports.py"
    bot.write_text(
        f"import sentry_sdk\nsentry_sdk.init({dsn!r})\nasync def bot(runner_args): raise ValueError('no voice')\n"
    )
    async with running(Settings(bot=str(bot))) as bots:
        process = await begin(bots, "call", bot=str(bot), file=str(bot))
        assert (await process.ended).detail == "ValueError: no voice"
        process.sock.close()
    assert any("no voice" in json.dumps(event) for event in found)


def test_what_is_no_dsn_is_named_at_start_up() -> None:
    ended = voicegw("serve", "--host", "127.0.0.1", "--port", "0", extra={"SENTRY_DSN": "nonsense"})
    assert ended.returncode == 2
    assert "SENTRY_DSN is none" in ended.stderr + ended.stdout
