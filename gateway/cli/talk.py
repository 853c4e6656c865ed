"""A reference WebRTC client: asks a gateway a recorded question in real time and keeps what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
import wave
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import soxr
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

from gateway.cli.answers import Answer
from gateway.cli.common import Exit
from gateway.cli.remote import Remote
from gateway.errors import BadRequest, BotFailed, ConfigError, GatewayError, Unreachable
from gateway.rtc import stock
from gateway.rtc.codec import FRAME_BYTES, SAMPLE_RATE, OpusSettings
from gateway.rtc.receiver import DeviceReceiver
from gateway.rtc.sender import DeviceSender
from gateway.wire.route import unmapped
from ground import folders
from ground.trouble import reason

FRAME_SECONDS: Final = 0.02
_SLOWEST, _FASTEST = 4_000, 384_000  # samples a second, of a recording
LOUD: Final = 200.0
"""RMS of 16-bit samples above which a frame is sound: -44 dBFS, over the noise floor of Opus's silence."""
ANSWER_SECONDS: Final = 15.0
"""How long an answer may take to begin."""
END_SECONDS: Final = 1.2
"""Silence after which the answer is over."""
START_SECONDS: Final = 120.0

Show = Callable[[str], None]


@dataclass
class Result:
    """What was heard and said; `audio` is 16 kHz mono 16-bit PCM from the first sound on."""

    heard: str = ""
    said: str = ""
    first_audio_ms: float | None = None
    connect_ms: float = 0.0
    audio: bytes = b""

    @property
    def answered(self) -> bool:
        """Whether words and sound came back."""
        return bool(self.heard and self.said and self.first_audio_ms is not None)

    def as_dict(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "heard": self.heard,
            "said": self.said,
            "first_audio_ms": self.first_audio_ms,
            "connect_ms": self.connect_ms,
            "audio_seconds": round(len(self.audio) / 2 / SAMPLE_RATE, 2),
        }

    def last_line(self) -> str:
        """The summary that `make talk` ends with."""
        first = "none" if self.first_audio_ms is None else f"{self.first_audio_ms:.0f}"
        return f"heard={json.dumps(self.heard)} said={json.dumps(self.said)} first_audio_ms={first}"


def read_question(path: Path | None) -> bytes:
    """Read a WAV file as 16 kHz mono 16-bit PCM; the bundled question where there is no path.

    Raises:
        BadRequest: no such file, or not 16-bit PCM.
    """
    try:
        source = resources.files("gateway") / "data" / "question.wav" if path is None else path
        with source.open("rb") as file, wave.open(file, "rb") as wav:
            if wav.getsampwidth() != 2:
                raise BadRequest(f"{path} is not 16-bit PCM", remedy="convert it: sox IN -b 16 OUT.wav")
            channels, rate = wav.getnchannels(), wav.getframerate()
            if not _SLOWEST <= rate <= _FASTEST:
                raise BadRequest(
                    f"{path} has {rate} samples a second", remedy="convert it: sox IN -r 16000 -b 16 OUT.wav"
                )
            frames = wav.readframes(wav.getnframes())
            whole = len(frames) - len(frames) % (2 * channels)  # of a file that was cut short
            samples = np.frombuffer(frames[:whole], np.int16).reshape(-1, channels)
    except (OSError, wave.Error, EOFError) as error:
        raise BadRequest(f"cannot read {path}: {error}", remedy="give a WAV file of 16-bit PCM") from error
    mono = samples.mean(axis=1).astype(np.int16) if channels > 1 else samples[:, 0]
    resampled: bytes = soxr.resample(mono, rate, SAMPLE_RATE).astype(np.int16).tobytes()
    return resampled


def place_of(path: Path) -> Path:
    """Where the answer is to be kept, as far as can be told before there is one.

    Raises:
        ConfigError: nothing can be kept there.
    """
    path = folders.expanded(path)
    if folders.is_folder(path) or not os.access(path if folders.is_there(path) else path.parent, os.W_OK):
        raise ConfigError(f"--save {path} cannot be written", remedy="give a file in a folder that is there")
    return path


def write_wav(path: Path, pcm: bytes) -> None:
    """Write 16 kHz mono 16-bit PCM to a WAV file.

    Raises:
        BadRequest: it cannot be written there.
    """
    try:
        with path.open("wb") as file, wave.open(file, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(SAMPLE_RATE)
            wav.writeframes(pcm)
    except OSError as error:
        raise BadRequest(f"cannot write {path}: {reason(error)}", remedy="give another file") from error


def is_loud(frame: bytes) -> bool:
    """Whether 20 ms of PCM are sound rather than silence."""
    samples = np.frombuffer(frame, np.int16).astype(np.float64)
    return bool(samples.size) and float(np.sqrt(np.mean(samples**2))) > LOUD


class _Microphone:
    """Speaks a recording in real time, up to its last sound."""

    def __init__(self, pcm: bytes) -> None:
        frames = [pcm[i : i + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for i in range(0, len(pcm), FRAME_BYTES)]
        loud = [i for i, frame in enumerate(frames) if is_loud(frame)]
        self._frames = frames[: loud[-1] + 1] if loud else []
        self.ended_at: float | None = None

    async def speak(self, sender: DeviceSender) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number, frame in enumerate(self._frames, 1):
            sender.write(frame)
            await asyncio.sleep(began + number * FRAME_SECONDS - loop.time())
        self.ended_at = time.monotonic()


class _Ear:
    """Keeps the answer, from its first sound on, and knows when it is over."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.first_at: float | None = None
        self.last_at: float | None = None

    def hear(self, frame: bytes) -> None:
        now = time.monotonic()
        if is_loud(frame):
            self.first_at = self.first_at or now
            self.last_at = now
        if self.first_at is not None:
            self.frames.append(frame)

    @property
    def over(self) -> bool:
        return self.last_at is not None and time.monotonic() - self.last_at > END_SECONDS


@dataclass
class _Words:
    """The two sides' words, from RTVI messages."""

    show: Show
    heard: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    failure: str | None = None

    def take(self, text: str) -> None:
        message = json.loads(text)
        data = message.get("data") or {}
        match message.get("type"):
            case "user-transcription" if data.get("final"):
                self.heard.append(data["text"].strip())
                self.show(f"you: {self.heard[-1]}")
            case "bot-transcription":
                self.said.append(data["text"].strip())
                self.show(f"bot: {self.said[-1]}")
            case "error":
                self.failure = str(data.get("error") or data.get("message"))


async def ask(pcm: bytes, *, url: str | None, key: str | None, start: bool, show: Show) -> Result:
    """Ask one question.

    Args:
        pcm: the question, 16 kHz mono 16-bit.
        url: the gateway's; this machine's by default.
        key: sent as a bearer token, if there is one.
        start: start a gateway on a free port of loopback for this question, instead of `url`.
        show: is given lines for a person.

    Raises:
        Unreachable: no gateway there. BotFailed: the call ended with an error. Trouble: that is no URL.
    """
    if not start:
        return await _ask(pcm, Remote(url, key), show)
    async with own_gateway(show) as own:
        return await _ask(pcm, Remote(own), show)


@contextlib.asynccontextmanager
async def own_gateway(show: Show) -> AsyncIterator[str]:
    """A gateway on a free port of loopback, as a process of its own; gives its URL."""
    show("starting a gateway ...")
    options = ["--host", "127.0.0.1", "--port", "0", "--alone", "--log-level", "WARNING", "--json"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "gateway", "serve", *options, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        try:
            line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        except TimeoutError:
            raise Unreachable(
                f"the gateway was not ready within {START_SECONDS:g} s",
                remedy="try again once this machine has less to do",
            ) from None
        if not line:
            failure = ConfigError if await process.wait() == Exit.USAGE else Unreachable
            raise failure("the gateway did not start", remedy="what it said stands above")
        yield json.loads(line)["url"]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _ask(pcm: bytes, gateway: Remote, show: Show) -> Result:
    microphone, ear, words = _Microphone(pcm), _Ear(), _Words(show)
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    result = Result()
    began = time.monotonic()
    tasks: list[asyncio.Task[None]] = []
    try:
        sender, channel = await _connect(pc, gateway, ear.hear)
        channel.on("message", words.take)
        await _until(lambda: pc.connectionState == "connected" and channel.readyState == "open", 10)
        result.connect_ms = round(1000 * (time.monotonic() - began), 1)
        tasks = [
            asyncio.create_task(_ping(channel), name="ping"),
        ]
        channel.send(json.dumps(_CLIENT_READY))
        tasks.append(asyncio.create_task(microphone.speak(sender), name="microphone"))
        await _until(
            lambda: ear.over or words.failure is not None, ANSWER_SECONDS + len(pcm) / 2 / SAMPLE_RATE
        )
    except TimeoutError:
        pass  # what came is told all the same
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await pc.close()
    if words.failure is not None:
        raise BotFailed(f"the call ended: {words.failure}", remedy="see the gateway's log")
    if ear.first_at is not None and microphone.ended_at is not None:
        result.first_audio_ms = round(1000 * (ear.first_at - microphone.ended_at), 1)
    result.heard, result.said, result.audio = (
        " ".join(words.heard),
        " ".join(words.said),
        b"".join(ear.frames),
    )
    return result


_CLIENT_READY: Final = {
    "label": "rtvi-ai",
    "type": "client-ready",
    "id": "talk",
    "data": {"version": "1.0.0", "about": {"library": "voicegw-talk"}},
}


async def _connect(
    pc: RTCPeerConnection, gateway: Remote, hear: Callable[[bytes], None]
) -> tuple[DeviceSender, RTCDataChannel]:
    transceiver = pc.addTransceiver("audio", direction="sendrecv")
    channel = pc.createDataChannel("rtvi-ai")
    parts = urlsplit(gateway.url)
    with contextlib.suppress(GatewayError):  # a name, and not an address: gather on all
        if unmapped(parts.hostname or "").is_loopback:
            stock.gather_on(pc, ["127.0.0.1"])
    await pc.setLocalDescription(await pc.createOffer())
    answer = await _post(gateway, pc.localDescription.sdp)
    sender = DeviceSender(transceiver.sender, OpusSettings())
    receiver = DeviceReceiver(transceiver.receiver, sender.reports, lambda heard: hear(heard.pcm))
    stock.use_media(transceiver, sender, receiver)
    await pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
    return sender, channel


async def _post(gateway: Remote, sdp: str) -> Answer:
    body = {"sdp": sdp, "type": "offer", "request_data": {"device": {"board": "talk"}}}
    return await gateway.ask(Answer, "POST", "/api/offer", body)


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- several things of others, none of which can be awaited
            await asyncio.sleep(FRAME_SECONDS)


async def _ping(channel: RTCDataChannel) -> None:
    while channel.readyState == "open":
        channel.send("ping")
        await asyncio.sleep(1)
