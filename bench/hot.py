"""The hot paths of the media, packet by packet, for callgrind to count: `python -m bench.hot LIBRARY`.

Each is the product's own code between real ends: a call over loopback with aiortc's DTLS, a socket pair, a wake word's
model. Once the call stands its clock is stopped and moved by hand, so that every run does the same.
"""

from __future__ import annotations

import asyncio
import ctypes
import socket
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Final

from bench.device import Device, encode
from bench.signals import noise
from gateway.media.ear import Around
from gateway.media.ears import Ears
from gateway.rtc import stock
from gateway.rtc.codec import OpusSettings
from gateway.rtc.connection import MediaConnection
from gateway.settings import Settings
from gateway.wire.frames import Frame, Kind
from gateway.wire.pair import Pair

PACKETS: Final = 100
"""Of 20 ms each, which every path is given."""
_FIRST: Final = 10
"""Packets that go over the socket, since the first of an SSRC go aiortc's own way."""
_WARM: Final = 50
"""That are not counted, until the playout has settled."""
_QUIET: Final = 500
"""Of a room, until what it sounds like is known."""
_UP_SECONDS: Final = 120.0
_FRAME: Final = 640
_TICKS: Final = 960


class SteppedLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be stopped, and goes on by hand then; `now` is in seconds."""

    now: float | None = None

    def time(self) -> float:
        return super().time() if self.now is None else self.now

    def step(self) -> None:
        """20 ms pass."""
        self.now = self.time() + 0.020


class Counter:
    """Has callgrind count what runs in it, and write it down under a name."""

    def __init__(self, library: str) -> None:
        self._library = ctypes.CDLL(library)

    @contextmanager
    def counting(self, name: str) -> Iterator[None]:
        """Count this, of `PACKETS`."""
        self._library.count_from_here()
        yield
        self._library.count_up_to_here(name.encode())


def speech() -> list[bytes]:
    """What `voicegw talk` asks, in frames of 20 ms."""
    with (resources.files("gateway") / "data" / "question.wav").open("rb") as file, wave.open(file) as sound:
        pcm = sound.readframes(sound.getnframes())
    frames = [pcm[start : start + _FRAME] for start in range(0, len(pcm) - _FRAME + 1, _FRAME)]
    return [frames[n % len(frames)] for n in range(_WARM + PACKETS)]


async def media(count: Counter) -> None:
    """A call's sound: from the datagram to the PCM, and from PCM to the datagram."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppedLoop)
    heard: list[bytes] = []
    device = Device("")
    connection = await called(device, heard)
    frames = speech()
    packets = encode(b"".join(frames))
    await device.speak(packets, _FIRST * 0.020)
    (transport,) = stock.dtls_transports(connection.pc)
    pair = transport.transport._connection._nominated[1]  # noqa: SLF001 -- as in stock
    datagrams = [
        device.protected(111, packet, (device.first_timestamp + (_FIRST + n) * _TICKS) % 2**32)
        for n, packet in enumerate(packets)
    ]

    def hear(some: list[bytes]) -> None:
        for datagram in some:
            loop.step()
            pair.protocol.datagram_received(datagram, pair.remote_addr)

    def say(some: list[bytes]) -> None:
        for frame in some:
            loop.step()
            connection.say(frame, 16_000)

    loop.now = loop.time()
    hear(datagrams[:_WARM])
    heard.clear()
    with count.counting("heard"):
        hear(datagrams[_WARM:])
    say(frames[:_WARM])
    device.arrivals.clear()
    with count.counting("said"):
        say(frames[_WARM:])
    loop.now = None
    assert len(heard) > 0.9 * PACKETS
    async with asyncio.timeout(_UP_SECONDS):
        while len(device.arrivals) < 0.9 * PACKETS:  # noqa: ASYNC110 -- which the kernel has still
            await asyncio.sleep(0.02)
    await device.close()
    await connection.disconnect()  # type: ignore[no-untyped-call]  # Pipecat's


async def called(device: Device, heard: list[bytes]) -> MediaConnection:
    """A connection of a call, up, which puts there what it hears."""
    connection = MediaConnection(
        addresses=stock.host_addresses(),
        small=True,
        opus=OpusSettings(),
        hear=lambda sound: heard.append(sound.pcm),
    )
    await connection.initialize(await device.offer(), "offer")
    await connection.connect()  # type: ignore[no-untyped-call]  # Pipecat's
    answer = connection.get_answer()  # type: ignore[no-untyped-call]
    assert answer is not None
    await asyncio.wait_for(device.accept(answer["sdp"]), _UP_SECONDS)
    async with asyncio.timeout(_UP_SECONDS):
        while not connection.connected:  # noqa: ASYNC110 -- aiortc's own state
            await asyncio.sleep(0.02)
    return connection


async def between(count: Counter) -> None:
    """What a client says, from the media to its bot's process."""
    taken: list[Frame] = []
    ends = socket.socketpair()
    ours = Pair(ends[0], taken.append, lambda _: None)
    theirs = Pair(ends[1], taken.append, lambda _: None)
    frame = speech()[0]
    with count.counting("between"):
        for _ in range(PACKETS):
            ours.sound(Kind.HEARD, frame, 16_000)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    assert len(taken) >= PACKETS - 1
    ours.close()
    theirs.close()


def asleep(count: Counter) -> None:
    """A silent room, in which a wake word is waited for."""
    around = Around(
        hand_on=lambda _: None,
        rest=lambda: None,
        speaks=lambda: False,
        rings=lambda: False,
        hush=lambda: None,
        tell=lambda *_: None,
    )
    ear = Ears(Settings(wake=("okay nabu",))).of("device", around)
    sound = noise((_QUIET + PACKETS) * 0.020)
    frames = [sound[start : start + _FRAME] for start in range(0, len(sound), _FRAME)]
    for frame in frames[:_QUIET]:
        ear.hear(frame)
    with count.counting("asleep"):
        for frame in frames[_QUIET:]:
            ear.hear(frame)
    ear.close()


def main() -> None:
    """Run them all, one after the other."""
    count = Counter(sys.argv[1])
    loop = SteppedLoop()
    loop.run_until_complete(media(count))
    loop.run_until_complete(between(count))
    asleep(count)


if __name__ == "__main__":
    main()
