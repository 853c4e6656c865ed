"""Files that clients send for a bot's model, kept as Pipecat's `LocalFileStorage`, which bots get, keeps them."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
import time
import uuid
from collections import defaultdict
from pathlib import Path, PurePath
from typing import Any, Final

from loguru import logger

from gateway.wire.calls import SessionEvent

MAX_BYTES: Final = 50 << 20
"""Of one file, as Pipecat's runner has it."""
_OURS: Final = re.compile("[0-9a-f]{32}")
"""What a file is called that was sent: whatever else lies in the folder is somebody's own."""


class Uploads:
    """A folder of them; those of a session go with it.

    Args:
        folder: where; made when the first comes.
        most: how many are kept, the oldest going first; 0 for any number.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._of_sessions: dict[str, list[Path]] = defaultdict(list)

    async def save(
        self, name: str, content: bytes, kind: str | None, session_id: str | None
    ) -> dict[str, Any]:
        """Keep a file; gives what a client passes on in RTVI's `send-file`.

        Args:
            name: what it is called; its end says what it is.
            content: of it.
            kind: its media type, where the name does not tell.
            session_id: whose it is; nobody's stays until it is one too many.

        Raises:
            OSError: it cannot be kept.
        """
        number = uuid.uuid4().hex
        await asyncio.to_thread(self._write, self._folder / number, content)
        if session_id is not None:
            self._of_sessions[session_id].append(self._folder / number)
        short = PurePath(name).name
        media_type = mimetypes.guess_type(short, strict=False)[0] or kind or "application/octet-stream"
        return {
            "name": short,
            "source": {"type": "url", "url": f"pipecat:{number}"},
            "format": media_type,
        }

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(now := time.time_ns(), now))  # the kernel's own may be coarser than they come
        ours = (p for p in self._folder.iterdir() if _OURS.fullmatch(p.name) and p.is_file())
        kept = sorted(ours, key=lambda p: p.stat().st_mtime_ns)
        for old in kept[: -self._most] if self._most else ():
            old.unlink(missing_ok=True)

    def take(self, event: SessionEvent) -> None:
        """Let go what a session that has ended had sent; its bot may have already."""
        if event.kind != "ended":
            return
        for path in self._of_sessions.pop(event.session_id, ()):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                logger.warning("{} of session {} stays: {}", path, event.session_id, error)
