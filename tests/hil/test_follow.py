from __future__ import annotations

import multiprocessing
from pathlib import Path

from hil.backends.follow import Follower


def test_what_is_appended_is_forwarded(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one")
    queue = multiprocessing.get_context("spawn").Queue()
    follower = Follower(queue, str(log))
    follower.start()
    try:
        assert queue.get(timeout=30) == b"one"
        with log.open("ab") as file:
            file.write(b"two")
        assert queue.get(timeout=30) == b"two"
    finally:
        follower.terminate()
        follower.join(30)
