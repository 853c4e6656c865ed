"""What the client of a comparison does with a bot, and what came of it: the same steps on both sides."""

from __future__ import annotations

import asyncio
import json
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from aiortc.mediastreams import VideoStreamTrack

from tests.support.peer import FRAME, Peer, Tone, gathering_on
from tests.support.waiting import until
from tests.unchanged.sides import Side

QUESTION = Path(__file__).parents[1] / "data" / "speech" / "what_time_is_it.wav"
SECONDS: Final = 45.0
"""For one step."""
NOT_COMPARED: Final = frozenset({"metrics", "user-audio-level", "bot-audio-level", "bot-tts-text"})
"""Figures and what comes by the clock."""
_FLEETING: Final = frozenset(
    {"id", "timestamp", "time", "start_time", "duration", "tool_call_id", "user_id", "pts", "segment_id"}
)

Step = Callable[["Talk"], Awaitable[None]]


class Talk:
    """One call to one side."""

    def __init__(self, side: Side, peer: Peer) -> None:
        self.side, self.peer = side, peer
        self._number = 0
        self._seen = 0

    def say(self, kind: str, data: Any) -> None:
        """Send a message of RTVI."""
        self._number += 1
        self.peer.send(json.dumps({"label": "rtvi-ai", "type": kind, "id": str(self._number), "data": data}))

    async def told(self, kind: str) -> None:
        """Wait for a message of this type that has not been waited for."""

        def found() -> bool:
            new = [n for n, m in enumerate(self.peer.messages) if n >= self._seen and m.get("type") == kind]
            if new:
                self._seen = new[0] + 1
            return bool(new)

        await until(found, f"{self.side.name} tells {kind}", SECONDS)

    def record(self) -> list[str]:
        """What the client was told, without what never is the same twice."""
        kept = [
            m for m in self.peer.messages if m.get("type") not in NOT_COMPARED and m.get("label") == "rtvi-ai"
        ]
        return [f"{m['type']} {json.dumps(_lasting(m.get('data')), sort_keys=True)}" for m in kept]


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _lasting(v) for k, v in value.items() if k not in _FLEETING}
    return [_lasting(v) for v in value] if isinstance(value, list) else value


class Speech(Tone):
    """A recorded question, 16 kHz mono, with silence before and after it."""

    def __init__(self) -> None:
        super().__init__(0.0)
        with wave.open(str(QUESTION)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        self._samples = np.concatenate([np.zeros(64_000, np.int16), samples, np.zeros(16_000 * 60, np.int16)])

    async def recv(self) -> Any:
        frame = await super().recv()
        assert frame.pts is not None
        piece = self._samples[frame.pts : frame.pts + FRAME]
        frame.planes[0].update(np.pad(piece, (0, FRAME - len(piece))).astype(np.int16).tobytes())
        return frame


async def ready(talk: Talk) -> None:
    talk.say("client-ready", {"version": "1.0.0", "about": {"library": "unchanged"}})
    await talk.told("bot-ready")


def text(content: str) -> Step:
    async def step(talk: Talk) -> None:
        talk.say(
            "send-text", {"content": content, "options": {"run_immediately": True, "audio_response": True}}
        )

    return step


def message(kind: str, data: Any) -> Step:
    async def step(talk: Talk) -> None:
        talk.say("client-message", {"t": kind, "d": data})

    return step


def told(kind: str) -> Step:
    return lambda talk: talk.told(kind)


def says(event: str) -> Step:
    return lambda talk: until(lambda: event in talk.side.events(), f"{talk.side.name}: {event}", SECONDS)


async def hears(talk: Talk) -> None:
    await talk.peer.hears(440.0)


async def sees(talk: Talk) -> None:
    [receiver] = [t.receiver for t in talk.peer.pc.getTransceivers() if t.kind == "video"]
    for _ in range(5):
        await asyncio.wait_for(receiver.track.recv(), SECONDS)


async def hung_up(talk: Talk) -> None:
    await until(lambda: talk.peer.pc.connectionState == "closed", f"{talk.side.name} hangs up", SECONDS)


def with_video(pc: Any) -> None:
    pc.addTransceiver(VideoStreamTrack(), direction="sendrecv")


STOPPED: Final = told("bot-stopped-speaking")
SCRIPTS: Final[dict[str, tuple[Step, ...]]] = {
    "say_one_thing": (hears, says("ended"), hung_up),
    "voice": (ready, STOPPED, told("user-transcription"), STOPPED),
    "function_calling": (ready, text("How is the weather in Rome?"), STOPPED),
    "messages": (
        ready,
        told("server-message"),
        message("question", {"a": [1, "ü"]}),
        told("server-response"),
    ),
    "body_and_beside": (ready, told("server-message"), says("ended"), hung_up),
    "persistent_context": (
        *(ready, text("One."), STOPPED, text("Two."), STOPPED),
        *(message("context", None), told("server-response")),
    ),
    "mirror": (ready, hears, sees),
    "parallel": (hears, says("ended"), hung_up),
    "idle": (ready, says("idle"), says("ended"), hung_up),
    "observer": (ready, text("Hello."), STOPPED),
}


async def talk(name: str, side: Side, address: str) -> list[str]:
    """Have one bot's conversation; gives what was told to the client, and what the bot told of itself."""
    peer = Peer(side.url, request_data=None, gather=lambda: gathering_on(address))
    if name == "voice":
        peer.pc.getTransceivers()[0].sender.replaceTrack(Speech())
    if name == "mirror":
        with_video(peer.pc)
    async with peer:
        own = Talk(side, peer)
        try:
            await peer.connect()
            for step in SCRIPTS[name]:
                await step(own)
        except (AssertionError, TimeoutError) as error:
            return [*own.record(), f"failed: {error}"]
        record = own.record()
    await until(lambda: "ended" in side.events(), f"{side.name} ends", SECONDS)
    return [*record, *(f"bot: {event}" for event in side.events())]
