"""The gateway as a user runs it: a process with a settings file. Nothing of it is imported here."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ground import operator
from hil.errors import Unusable
from hil.record.journal import Journal
from tools.releases import maker, signing

ROOT: Final = Path(__file__).parents[1]
BOT: Final = Path(__file__).parent / "bots" / "lab.py"
_START_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 15.0


class Gateway:
    """A process on loopback that can be stopped and started again on the same port. A context manager.

    Args:
        folder: for its settings, data and log.
        settings: beside the rig's own.
        recordings: where the rig's bot writes what it hears and says.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any] | None = None, recordings: Path | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._recordings = folder, recordings or folder / "recordings"
        self.log_file = folder / "gateway.log"
        self.url = ""
        self.identity = ""
        """What devices pin; the key is in `identity_file`."""
        self.identity_file = folder / "data" / "identity.pem"
        self._port = 0
        self.journal: Journal | None = None  # of the test that is on
        self._process: subprocess.Popen[bytes] | None = None
        self._maker = Ed25519PrivateKey.generate()
        self.releases = folder / "releases"
        self.releases.mkdir(exist_ok=True)
        own = {
            "releases": str(self.releases),
            "bot": str(BOT),
            "host": "127.0.0.1",
            "announce": False,
            "data_dir": str(folder / "data"),
            "limits": {"offers_per_minute": 6000},
        }
        (folder / "voicegw.toml").write_text(_toml({**own, **(settings or {})}))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, on the port that it had before; returns when it listens.

        Raises:
            Unusable: it does not start; says the end of its log.
        """
        self._note("start")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("VOICEGW_")}
        self._recordings.mkdir(parents=True, exist_ok=True)
        out = self.folder / "out"
        with out.open("wb") as stdout, self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *[sys.executable, "-m", "gateway", "serve", "--json", "--port", str(self._port)],
                    *["--config", str(self.folder / "voicegw.toml")],
                ],
                cwd=ROOT,
                env={**environment, "PYTHONUNBUFFERED": "1", "HIL_RECORDINGS": str(self._recordings)},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=log,
            )
        listening = self._first_line(out)
        self.url, self.identity = str(listening["url"]), str(listening["identity"])
        self._port = int(self.url.rsplit(":", 1)[1])

    def _first_line(self, out: Path) -> dict[str, Any]:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while b"\n" not in out.read_bytes():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Unusable(f"the gateway does not start: {self.log()[-600:]}")
            time.sleep(0.02)
        found: dict[str, Any] = json.loads(out.read_text().split("\n")[0])
        return found

    def die(self) -> None:
        """As with its machine's power: of one whose front alone is killed the calls go on."""
        if self._process is None:
            return
        self._note("die")
        for pid in _with_children(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """End it; kills it if it takes longer than a user would wait."""
        if self._process is None:
            return
        self._note("stop")
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _note(self, what: str) -> None:
        if self.journal is not None:
            self.journal.note("gateway", line=what)

    def log(self) -> str:
        """All that it has logged."""
        return self.log_file.read_text(errors="replace")

    @property
    def secure_url(self) -> str:
        """Where a device reaches it."""
        return self.url.replace("http:", "https:", 1)

    def be(self, other: Gateway) -> None:
        """Have the identity of another gateway, from the next start on."""
        self.identity_file.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(other.identity_file, self.identity_file)

    @property
    def operator_secret(self) -> str:
        """What makes an operator of who runs it."""
        return operator.secret_for(self.url) or ""

    def get(self, path: str) -> Any:
        """The JSON at a path, as an operator on this machine."""
        return self._ask("GET", path).json()

    def _ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """As our own commands do, with the secret that this account can read."""
        headers = {"Authorization": f"Bearer {self.operator_secret}"}
        answer = httpx.request(
            method, self.url + path, json=body, headers=headers, timeout=30, trust_env=False
        )
        return answer.raise_for_status()

    def enrol(self, name: str) -> str:
        """A key for a device of this name."""
        body = {"name": name, "role": "device"}
        key: str = self._ask("POST", "/api/devices", body).json()["key"]
        return key

    @property
    def firmware_key(self) -> str:
        """What a board takes as `firmware_key`, to take what is offered here."""
        return maker.public(self._maker)

    def offer_release(self, release: Path) -> Path:
        """Put a copy of a release, signed, where the gateway hands them out; gives the copy."""
        copy = Path(shutil.copytree(release, self.releases / release.name, dirs_exist_ok=True))
        signing.sign(copy, [self._maker])
        return copy

    def update(self, device: str, version: str, *, older: bool = False) -> None:
        """Tell a device that is in a call to update itself."""
        self._ask("POST", f"/api/devices/{device}/update", {"version": version, "older": older})

    def revoke(self, name: str) -> None:
        """Let it in no more."""
        self._ask("DELETE", f"/api/devices/{name}")


def _toml(value: Any, *, top: bool = True) -> str:
    if not isinstance(value, Mapping):
        return json.dumps(value)
    items = [f"{json.dumps(k)} = {_toml(v, top=False)}" for k, v in value.items()]
    return "\n".join(items) + "\n" if top else "{" + ", ".join(items) + "}"


def _with_children(pid: int) -> list[int]:
    """A process and all that it started (proc(5), children)."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += _with_children(int(child))
    return found
