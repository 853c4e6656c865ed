"""What is kept of a test, so that a failure can be understood and done again."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hil.board import Board
from hil.gateway import Gateway
from hil.network import Link
from hil.record.journal import Journal

_HANG_UP_SECONDS: Final = 3.0


@dataclass(slots=True)
class Evidence:
    """One folder a test: board and gateway log, both descriptions, packet trace, both sides' audio, journal."""

    folder: Path
    journal: Journal = field(default_factory=Journal)
    board: Board | None = None
    link: Link | None = None
    gateway: Gateway | None = None
    recordings: Path | None = None
    log_from: int = 0
    began: float = field(default_factory=time.monotonic)

    def heard_so_far(self) -> list[Path]:
        """What the gateway's side has recorded of calls that ended in this test, the oldest first."""
        if self.recordings is None:
            return []
        files = [p for p in self.recordings.glob("*.wav") if float(p.stem) >= self.began]
        return sorted(files, key=lambda p: float(p.stem))

    def collect(self, **facts: Any) -> None:
        """Bring everything together, once the board has hung up."""
        self.journal.write(self.folder / "journal.json", **facts)
        if self.board is not None and self.board.log.exists():
            shutil.copyfile(self.board.log, self.folder / "board.log")
        if self.link is not None:
            self._keep_calls(self.link)
        if self.gateway is not None:
            self._keep_gateway(self.gateway)

    def _keep_calls(self, link: Link) -> None:
        link.trace.write(self.folder / "trace.jsonl")
        for call in link.calls[-9:]:
            (self.folder / f"offer-{call.number}.sdp").write_text(call.offer["sdp"])
            (self.folder / f"offer-{call.number}.json").write_text(json.dumps(call.offer.get("request_data")))
            if "sdp" in call.answer:
                (self.folder / f"answer-{call.number}.sdp").write_text(call.answer["sdp"])

    def _keep_gateway(self, gateway: Gateway) -> None:
        log = gateway.log_file.read_bytes()[self.log_from :]
        (self.folder / "gateway.log").write_bytes(log)
        if self.link is not None and self.link.calls:
            deadline = time.monotonic() + _HANG_UP_SECONDS
            while not self.heard_so_far() and time.monotonic() < deadline:
                time.sleep(0.05)
        for number, path in enumerate(self.heard_so_far()[-3:], 1):
            shutil.copyfile(path, self.folder / f"gateway-heard-{number}.wav")
