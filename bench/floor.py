"""The least that a call's media cost on this machine: a C program with the same codec and its settings."""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.rtc.codec import OpusSettings, library

_SOURCE: Final = Path(__file__).parent / "floor.c"


def measured(packets: Sequence[bytes], sessions: int, seconds: float) -> float:
    """CPU seconds of a session's second, of so many sessions that say these packets over and over.

    Raises `CalledProcessError` where the compiler or the libraries that `make test` sets up are missing.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        said = folder / "packets"
        said.write_bytes(b"".join(struct.pack("!H", len(packet)) + packet for packet in packets))
        program = built(folder)
        opus = OpusSettings()
        settings = (opus.bitrate, opus.complexity, int(opus.fec), opus.expected_loss)
        done = subprocess.run(
            [str(program), str(said), str(sessions), str(max(1, round(seconds))), *map(str, settings)],
            env=os.environ | {"LD_PRELOAD": library()._name},  # noqa: SLF001 -- the gateway's own libopus
            check=True,
            capture_output=True,
            text=True,
        )
    return float(done.stdout)


def built(folder: Path) -> Path:
    """The program, made with the system's compiler."""
    program = folder / "floor"
    warnings = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
    command = ["cc", "-std=gnu11", "-O2", *warnings, str(_SOURCE), "-o", str(program), "-lopus", "-lsrtp2"]
    subprocess.run(command, check=True)
    return program
