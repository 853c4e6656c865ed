"""A provider of telephone calls: its webhook's request, signed, and its media stream, written from what each publishes.

Twilio: Media Streams, WebSocket messages. Telnyx: Media streaming over WebSockets. Plivo: Audio streaming, stream
events. Exotel: Stream and Voicebot applet.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import httpx
import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.gateway import ANYONE
from tests.support.waiting import until

HOST: Final = "voice.example.com"
URL: Final = f"https://{HOST}"
TOKEN: Final = "0123456789abcdef"
LOGIN: Final = "stream:sesame"
RATE: Final = 8_000
FRAME: Final = RATE // 50
TELNYX_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PROVIDERS: Final = ("twilio", "telnyx", "plivo", "exotel")
ENVIRONMENT: Final = {
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TELNYX_API_KEY": "KEY1",
    "TELNYX_PUBLIC_KEY": base64.b64encode(
        TELNYX_KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    ).decode(),
    "PLIVO_AUTH_ID": "MA1",
    "PLIVO_AUTH_TOKEN": TOKEN,
    "EXOTEL_STREAM_LOGIN": LOGIN,
}
"""What the gateway and Pipecat's serializers look for."""
FORM: Final = {"CallSid": "CA1", "From": "+12025550101", "To": "+12025550102", "Direction": "inbound"}
_CALLER: Final = {"from": FORM["From"], "to": FORM["To"]}


def mark(digest: str, text: str) -> str:
    """An HMAC of this text under the account's token, as headers carry it."""
    made = hmac.new(TOKEN.encode(), text.encode(), getattr(hashlib, digest))
    return base64.b64encode(made.digest()).decode()


def signed(provider: str, target: str = "/", form: Mapping[str, str] = FORM) -> dict[str, str]:
    """The headers with which it signs its webhook's request."""
    fields = "".join(name + value for name, value in sorted(form.items()))
    match provider:
        case "twilio":
            return {"X-Twilio-Signature": mark("sha1", f"{URL}{target}{fields}")}
        case "plivo":
            given = mark("sha256", f"{URL}{target}?{fields}.nonce1")
            return {"X-Plivo-Signature-V3": given, "X-Plivo-Signature-V3-Nonce": "nonce1"}
        case "telnyx":
            stamp = str(int(time.time()))
            body = httpx.Request("POST", URL, data=dict(form)).content
            signature = TELNYX_KEY.sign(f"{stamp}|".encode() + body)
            return {
                "Telnyx-Timestamp": stamp,
                "Telnyx-Signature-Ed25519": base64.b64encode(signature).decode(),
            }
    return {}


def handshake(provider: str) -> dict[str, str]:
    """The headers with which it signs a media stream to `/ws`, where it does that."""
    stream = f"wss://{HOST}/ws"
    match provider:
        case "twilio":
            return {"X-Twilio-Signature": mark("sha1", stream)}
        case "plivo":
            return {
                "X-Plivo-Signature-V3": mark("sha256", f"{stream}.nonce2"),
                "X-Plivo-Signature-V3-Nonce": "nonce2",
            }
        case "exotel":
            return {"Authorization": f"Basic {base64.b64encode(LOGIN.encode()).decode()}"}
    return {}


def stream_of(answer: str) -> str:
    """Where the answer of a webhook sends the media stream."""
    found = re.search(r"wss://[^\"<\s]+", answer)
    assert found is not None, answer
    return found[0]


def opening(provider: str) -> list[dict[str, Any]]:
    """What it says first."""
    media = {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1}
    match provider:
        case "twilio":
            start = {"streamSid": "MZ1", "accountSid": "AC1", "callSid": "CA1", "tracks": ["inbound"]}
            own = {"customParameters": {"from_number": _CALLER["from"]}, "mediaFormat": media}
            return [
                {"event": "connected", "protocol": "Call", "version": "1.0.0"},
                {"event": "start", "sequenceNumber": "1", "start": {**start, **own}, "streamSid": "MZ1"},
            ]
        case "telnyx":
            form = {"encoding": "PCMU", "sample_rate": RATE, "channels": 1}
            start = {"user_id": "u1", "call_control_id": "v2:1", "call_session_id": "s1", **_CALLER}
            return [
                {"event": "connected", "version": "1.0.0"},
                {
                    "event": "start",
                    "sequence_number": "1",
                    "start": {**start, "media_format": form},
                    "stream_id": "st1",
                },
            ]
        case "plivo":
            start = {"callId": "c1", "streamId": "st1", "accountId": "MA1", "tracks": ["inbound"]}
            return [
                {
                    "sequenceNumber": 0,
                    "event": "start",
                    "start": {**start, "mediaFormat": media},
                    "extra_headers": "{}",
                }
            ]
    start = {"stream_sid": "st1", "call_sid": "c1", "account_sid": "AC1", **_CALLER}
    form = {"encoding": "base64", "sample_rate": str(RATE), "bit_rate": "128kbps"}
    return [
        {"event": "connected"},
        {
            "event": "start",
            "sequence_number": 1,
            "stream_sid": "st1",
            "start": {**start, "custom_parameters": {}, "media_format": form},
        },
    ]


def media(provider: str, number: int, payload: str) -> dict[str, Any]:
    """One block of sound."""
    sound = {
        "track": "inbound",
        "chunk": str(number + 1),
        "timestamp": str(number * 20),
        "payload": payload,
    }
    match provider:
        case "twilio":
            return {"event": "media", "sequenceNumber": str(number + 2), "media": sound, "streamSid": "MZ1"}
        case "telnyx":
            return {"event": "media", "sequence_number": str(number + 2), "media": sound, "stream_id": "st1"}
        case "plivo":
            return {"sequenceNumber": number + 1, "streamId": "st1", "event": "media", "media": sound}
    return {"event": "media", "sequence_number": number + 2, "stream_sid": "st1", "media": sound}


def stop(provider: str) -> dict[str, Any]:
    """What it says when the caller hangs up, before it closes the stream."""
    own = {"twilio": {"streamSid": "MZ1"}, "exotel": {"stream_sid": "st1"}}.get(
        provider, {"stream_id": "st1"}
    )
    return {"event": "stop", **own}


def ulaw(samples: npt.NDArray[np.int16]) -> bytes:
    """G.711 mu-law (ITU-T G.711, table 2a)."""
    wide = samples.astype(np.int32)
    size = np.minimum(np.abs(wide), 32_635) + 132
    exponent = np.floor(np.log2(size)).astype(np.int32) - 7
    mantissa = (size >> (exponent + 3)) & 0x0F
    return bytes((~(np.where(wide < 0, 0x80, 0) | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8))


def linear(data: bytes) -> npt.NDArray[np.int16]:
    """Its inverse."""
    code = ~np.frombuffer(data, np.uint8).astype(np.int32) & 0xFF
    size = (((code & 0x0F) << 3) + 132 << ((code >> 4) & 7)) - 132
    return np.where(code & 0x80, -size, size).astype(np.int16)


@dataclass
class Caller:
    """A call of somebody who hums, at one provider; `messages` is what came back."""

    provider: str
    socket: ClientConnection
    hertz: float = 440.0
    messages: list[dict[str, Any]] = field(default_factory=list)
    code: int | None = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def begin(self) -> Self:
        self.tasks = [asyncio.create_task(each, name="caller") for each in (self._say(), self._listen())]
        return self

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _say(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in opening(self.provider):
                await self.socket.send(json.dumps(message))
            began = time.monotonic()
            for number in itertools.count():
                at = (np.arange(FRAME) + number * FRAME) / RATE
                samples = (10_000 * np.sin(2 * np.pi * self.hertz * at)).astype(np.int16)
                sound = samples.tobytes() if self.provider == "exotel" else ulaw(samples)
                payload = base64.b64encode(sound).decode()
                await self.socket.send(json.dumps(media(self.provider, number, payload)))
                await asyncio.sleep(max(0.0, began + (number + 1) / 50 - time.monotonic()))

    async def _listen(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self.socket:
                self.messages.append(json.loads(message))
        self.code = self.socket.close_code

    def heard(self) -> npt.NDArray[np.int16]:
        """What came back, as samples."""
        payloads = [
            base64.b64decode(m["media"]["payload"])
            for m in self.messages
            if m.get("event") in {"media", "playAudio"}
        ]
        sound = b"".join(payloads)
        return np.frombuffer(sound, np.int16) if self.provider == "exotel" else linear(sound)

    async def hears(self, hertz: float, seconds: float = 0.5) -> None:
        """Wait until the newest sound is this tone."""

        def is_heard() -> bool:
            newest = self.heard()[-int(seconds * RATE) :].astype(np.float64)
            if len(newest) < seconds * RATE or float(np.sqrt(np.mean(newest**2))) < 500:
                return False
            spectrum = np.abs(np.fft.rfft(newest * np.hanning(len(newest))))
            return abs(float(np.argmax(spectrum[1:]) + 1) * RATE / len(newest) - hertz) < 10

        await until(is_heard, f"{self.provider}'s caller hears {hertz:g} Hz")

    async def presses(self, digit: str) -> None:
        """Press a key, as Twilio tells it."""
        told = {"track": "inbound_track", "digit": digit}
        await self.socket.send(json.dumps({"event": "dtmf", "streamSid": "MZ1", "dtmf": told}))

    async def hangs_up(self) -> None:
        """Say so, and close the stream."""
        self.tasks[0].cancel()
        await asyncio.gather(self.tasks[0], return_exceptions=True)
        with contextlib.suppress(ConnectionClosed):
            await self.socket.send(json.dumps(stop(self.provider)))
        await self.socket.close()

    async def hung_up_on(self) -> None:
        """Wait until the other end has closed the stream."""
        await until(lambda: self.code is not None, f"{self.provider}'s stream is closed")


@contextlib.asynccontextmanager
async def calling(
    provider: str, stream: str, address: str, port: int, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Caller]:
    """Connect a media stream to `stream`, at this address; raises InvalidStatus where it is refused."""
    options: dict[str, Any] = {"ssl": ANYONE} if stream.startswith("wss:") else {}
    async with connect(
        stream, host=address, port=port, additional_headers=headers, proxy=None, **options
    ) as socket:
        caller = Caller(provider, socket).begin()
        try:
            yield caller
        finally:
            await caller.end()
