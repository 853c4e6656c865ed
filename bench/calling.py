"""What the client's plans share: calls that begin and end, and how late what comes back is."""

from __future__ import annotations

import asyncio
import json
import time
import wave
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx
import numpy as np

from bench.asking import is_sound
from bench.device import Arrival, Device

SETTLE: Final = 3.0
PER_SECOND: Final = 50
_LATE: Final = 0.020
_CONNECT_EVERY: Final = 0.15
_CONNECT_SECONDS: Final = 30.0  # at most
_STAGGER: Final = 97  # packets
_TICKS: Final = 960  # of a packet
_PARTS: Final = 4  # of what is measured, for its span


def say(**event: Any) -> None:
    """One line for the process that started this one."""
    print(json.dumps(event), flush=True)  # noqa: T201


async def measured(seconds: float, sessions: int) -> tuple[float, float]:
    """Say `begin` now, and where a part of the time is over; when it began and ended. Who calls this says `end`."""
    say(event="begin", sessions=sessions)
    begin = time.monotonic()
    for part in range(1, _PARTS + 1):
        await asyncio.sleep(begin + seconds * part / _PARTS - time.monotonic())
        if part < _PARTS:
            say(event="part")
    return begin, time.monotonic()


def offset(index: int) -> int:
    """Where in what all say over and over this one begins."""
    return _STAGGER * index


async def join(device: Device, packets: Sequence[bytes | None], index: int) -> asyncio.Task[None]:
    """Call and talk, until the task that this gives is cancelled."""
    async with asyncio.timeout(_CONNECT_SECONDS):
        await device.connect()
    await asyncio.sleep(_CONNECT_EVERY)
    return asyncio.create_task(device.speak(packets, 3600.0, offset=offset(index)), name=f"talk-{index}")


async def fill(
    devices: list[Device],
    talks: list[asyncio.Task[None]],
    call: Callable[[int], tuple[Device, Sequence[bytes | None]]],
    count: int,
) -> None:
    """More calls until there are so many, or until the server says that it is full."""
    while len(devices) < count:
        device, packets = call(len(devices))
        try:
            talks.append(await join(device, packets, len(devices)))
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                raise
            return
        devices.append(device)


async def leave(devices: Sequence[Device], talks: Sequence[asyncio.Task[None]]) -> None:
    """All fall silent, then hang up."""
    for talk in talks:
        talk.cancel()
    await asyncio.gather(*talks, return_exceptions=True)
    await asyncio.gather(*(device.close() for device in devices))


def late(devices: Sequence[Device], begin: float, end: float) -> float:
    """The fraction of the packets due that came over 20 ms later than the prompt ones, or not at all."""
    due = PER_SECOND * (end - begin) * len(devices)
    on_time = sum(_prompt([a for a in device.arrivals if begin <= a.when < end]) for device in devices)
    return float(max(0.0, 1 - on_time / due))


def late_in_speech(devices: Sequence[Device], begin: float, end: float) -> float:
    """The same of the packets with sound that came, those of each sentence by themselves."""
    came = on_time = 0
    for device in devices:
        for spurt in spurts([a for a in device.arrivals if begin <= a.when < end and is_sound(a)]):
            came += len(spurt)
            on_time += _prompt(spurt)
    return 1 - on_time / came if came else 0.0  # whether anything should have come, this does not know


def spurts(arrivals: Sequence[Arrival]) -> list[list[Arrival]]:
    """Packets that were meant to be played one right after the other."""
    found: list[list[Arrival]] = []
    for arrival in arrivals:
        follows = found and (arrival.timestamp - found[-1][-1].timestamp) % 2**32 == _TICKS
        if follows:
            found[-1].append(arrival)
        else:
            found.append([arrival])
    return found


def _prompt(arrivals: Sequence[Arrival]) -> int:
    if not arrivals:
        return 0
    first = arrivals[0].timestamp
    media = [((arrival.timestamp - first + 2**31) % 2**32 - 2**31) / 48_000 for arrival in arrivals]
    transit = np.array([arrival.when for arrival in arrivals]) - np.array(media)
    return int(np.count_nonzero(transit <= np.quantile(transit, 0.05) + _LATE))


def payload(devices: Sequence[Device], begin: float, end: float) -> float:
    """Bytes of a packet that came, on the mean."""
    sizes = [len(a.payload) for device in devices for a in device.arrivals if begin <= a.when < end]
    return float(np.mean(sizes)) if sizes else float("nan")


def read(path: str) -> bytes:
    """The PCM of a WAV file."""
    with wave.open(path) as file:
        return bytes(file.readframes(file.getnframes()))
