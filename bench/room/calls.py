"""What only a real call shows: how long an answer takes, and what a device costs that sleeps."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from bench.room.rooms import Samples, at_level, pcm
from bench.room.voices import Speak
from bench.servers import Server
from bench.signals import write_wav

_ROOT: Final = Path(__file__).parents[2]
_DEVICE: Final = _ROOT / "firmware" / "build" / "host" / "voicesim"
_PORT: Final = 7866
_START_SECONDS: Final = 90.0
QUESTIONS: Final = (
    "what time is it",
    "what's twelve times seven",
    "how loud are you",
    "tell me today's date",
    "what can you do",
    "thirty minus thirteen",
    "who are you",
    "thank you very much",
)


@contextlib.contextmanager
def gateway(folder: Path, settings: dict[str, str]) -> Iterator[Server]:
    """Our gateway as it ships, with these settings as the environment has them."""
    log = folder / "gateway.log"
    environment = os.environ | {
        "PYTHONPATH": str(_ROOT),
        "VOICEGW_ANNOUNCE": "false",
        "VOICEGW_DATA_DIR": str(folder / "data"),
        **settings,
    }
    command = [
        sys.executable,
        "-m",
        "gateway",
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        str(_PORT),
        "--no-browser",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait(log, process)
            yield Server(f"http://127.0.0.1:{_PORT}", process.pid)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)


def _wait(log: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while "listening" not in log.read_text(errors="replace").lower():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the gateway does not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.2)


def first_audio(
    voices: Sequence[tuple[str, Speak]], count: int, settings: dict[str, str], *, after: str = ""
) -> list[float]:
    """Milliseconds from the end of a question to the first sound of its answer, at a simulated device's speaker.

    `after` is said before each: a wake word, where the settings want one.
    """
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with gateway(folder, settings) as server:
            for number in range(count + 1):
                _, speak = voices[number % len(voices)]
                asked = folder / "question.wav"
                write_wav(asked, pcm(at_level(speak(after + QUESTIONS[number % len(QUESTIONS)]), -26)))
                said = _device(server, folder, "--ask", str(asked))
                if number and (ms := re.search(r"first_audio_ms=(\d+)", said)):  # the first one warms up
                    found.append(float(ms[1]))
    return found


def _device(server: Server, folder: Path, *arguments: str, seconds: float = 60.0) -> str:
    command = [_DEVICE, "--gateway", server.url, "--store", folder / "store", "--interface", "lo", *arguments]
    done = subprocess.run(
        [*map(str, command)], cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
    )
    return done.stdout


def asleep(noise: Samples | None, seconds: float) -> float:
    """CPU seconds a second that one device adds that sleeps, in this noise or in silence."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_wav(folder / "room.wav", pcm(np.zeros(16_000) if noise is None else noise))
        settings = {"VOICEGW_WAKE": json.dumps(["okay nabu"])}
        with gateway(folder, settings) as server:
            time.sleep(3.0)
            alone = _cost(server, seconds / 2)
            with _sleeper(server, folder):
                time.sleep(6.0)
                return max(0.0, _cost(server, seconds) - alone)


def _cost(server: Server, seconds: float) -> float:
    before, began = server.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    return (server.cpu_seconds() - before) / (time.monotonic() - began)


@contextlib.contextmanager
def _sleeper(server: Server, folder: Path) -> Iterator[None]:
    command = [_DEVICE, "--gateway", server.url, "--store", folder / "sleeper", "--interface", "lo"]
    process = subprocess.Popen(
        [*map(str, command), "--mic", str(folder / "room.wav")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)
