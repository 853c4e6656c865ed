"""The gateway as a process, as a user runs it."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from ground import operator

ROOT = Path(__file__).parents[2]
_START_SECONDS = 60
_STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that answers at `url`."""

    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def link(self) -> str:
        """What lets a browser in as an operator's, once."""
        answer = self.ask("POST", "/api/link")
        return f"{self.url}{answer.json()['path']}"

    def ask(self, method: str, path: str) -> httpx.Response:
        """Ask it something as our own commands do."""
        headers = {"Authorization": f"Bearer {operator.secret_for(self.url)}"}
        return httpx.request(method, self.url + path, headers=headers, trust_env=False)

    def stop(self) -> int:
        """Ask it to stop, as systemd would; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_SECONDS)


@contextmanager
def running(directory: Path, *, port: int = 0, bot: str = "assistant") -> Iterator[Running]:
    """Run a gateway on loopback with its data in `directory`; its log is `gateway.log` there."""
    config = directory / "voicegw.toml"
    releases = str(directory / "releases")
    settings = {"data_dir": str(directory / "data"), "bot": bot, "releases": releases}
    config.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
    command = [sys.executable, "-m", "gateway", "serve", "--host", "127.0.0.1", "--port", str(port), "--json"]
    with (directory / "gateway.log").open("a") as log:
        process = subprocess.Popen(
            [*command, "--config", str(config)],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield Running(_url(process, directory), process)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _url(process: subprocess.Popen[str], directory: Path) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        ready = selector.select(_START_SECONDS)
    line = process.stdout.readline() if ready else ""
    if not line:
        log = (directory / "gateway.log").read_text()
        raise RuntimeError(f"the gateway said nothing within {_START_SECONDS} s; its log:\n{log}")
    event = json.loads(line)
    assert event["event"] == "listening", event
    url: str = event["url"]
    return url
