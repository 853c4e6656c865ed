"""The client's plans with as many calls as a server carries, and more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
import numpy as np

from bench.asking import ANSWERED_SECONDS, answered, asked_at, is_sound
from bench.calling import PER_SECOND, SETTLE, join, late, late_in_speech, leave, offset, read, say
from bench.device import Device, encode, encode_with_dtx, listen
from bench.signals import LONGEST_ECHO, chirps, echo_delays

_BAD: Final = 0.01  # of the packets late
_ANSWERED: Final = 0.95  # of the questions
_FIRST_ANSWER: Final = 90.0  # seconds
_LOOP_SECONDS: Final = 12.0
_STAY_SECONDS: Final = 10.0  # once all have come
_GONE: Final = 2.0  # seconds without a packet
_LOOK_AT_EACH: Final = 3  # of the chirps


@dataclass(frozen=True, slots=True)
class Steps:
    """How a ramp grows: from how many, to how many at most, and which part of them comes next, or one."""

    first: int
    limit: int
    part: int

    def more(self, sessions: int) -> int:
        """How many come next."""
        return max(1, sessions // self.part) if sessions else self.first


Judge = Callable[[Sequence[Device], float, float], dict[str, Any]]


async def ramp(url: str, plateau: float, first: int, limit: int, speech: str) -> None:
    """More and more calls, until more than 1 % of packets are later than 20 ms, twice in a row."""

    def judge(devices: Sequence[Device], begin: float, end: float) -> dict[str, Any]:
        share = late(devices, begin, end)
        return {"late": share, "good": share < _BAD}

    await _climb(lambda: Device(url), encode(read(speech)), plateau, Steps(first, limit, 6), judge)


async def ramp_asking(  # noqa: PLR0913, PLR0917 -- a plan
    url: str, plateau: float, first: int, limit: int, speech: str, ends: list[int], dtx: bool
) -> None:
    """The same of calls that ask something now and then; a question in twenty may stay without an answer."""
    pcm = read(speech)
    packets = encode_with_dtx(pcm) if dtx else encode(pcm)

    def judge(devices: Sequence[Device], begin: float, end: float) -> dict[str, Any]:
        share = late_in_speech(devices, begin, end)
        answers = heard_answers(devices, ends, len(packets), begin, end)
        good = share < _BAD and np.mean(answers or [True]) >= _ANSWERED
        return {"late": share, "asked": len(answers), "answered": sum(answers), "good": bool(good)}

    async def warmed(device: Device) -> None:
        async with asyncio.timeout(_FIRST_ANSWER):  # the baseline loads its engines when it is first called
            while not any(map(is_sound, device.arrivals)):  # noqa: ASYNC110 -- arrivals are a list, and no event
                await asyncio.sleep(1.0)

    await _climb(lambda: Device(url, dtx=dtx), packets, plateau, Steps(first, limit, 3), judge, warmed)


def heard_answers(
    devices: Sequence[Device], ends: Sequence[int], packets: int, begin: float, end: float
) -> list[bool]:
    """Whether each question was answered whose time for that ended between two times."""
    found: list[bool] = []
    window = (begin - ANSWERED_SECONDS, end - ANSWERED_SECONDS)
    for index, device in enumerate(devices):
        asked = asked_at(ends, packets, offset(index), device.speaking_since, *window)
        found += answered(asked, device.arrivals)
    return found


async def _climb(  # noqa: PLR0913, PLR0917 -- what a ramp is made of
    call: Callable[[], Device],
    packets: Sequence[bytes | None],
    plateau: float,
    steps: Steps,
    judge: Judge,
    warmed: Callable[[Device], Awaitable[None]] | None = None,
) -> None:
    devices: list[Device] = []
    talks: list[asyncio.Task[None]] = []
    failed = 0
    while failed < 2 and len(devices) < steps.limit:
        for _ in range(steps.more(len(devices))):
            device = call()
            try:
                talks.append(await join(device, packets, len(devices)))
            except (OSError, httpx.HTTPError) as error:
                say(event="refused", sessions=len(devices), error=repr(error))
                failed = 2
                break
            devices.append(device)
        if warmed is not None and devices:
            await warmed(devices[0])
        await asyncio.sleep(SETTLE)
        begin, cpu = time.monotonic(), time.process_time()
        await asyncio.sleep(plateau)
        end = time.monotonic()
        found = judge(devices, begin, end)
        failed = 0 if found["good"] else failed + 1
        load = (time.process_time() - cpu) / (end - begin)
        say(event="plateau", sessions=len(devices), client_load=load, begin=begin, end=end, **found)
    await leave(devices, talks)


async def overload(url: str, count: int, seconds: float) -> None:
    """So many calls arrive in so many seconds, and all echo chirps; what became of those of the first half."""
    pcm, starts = chirps(_LOOP_SECONDS)
    packets = encode(pcm)
    say(event="begin")
    await asyncio.sleep(SETTLE)
    arriving = [_arrive(url, packets, seconds * number / count) for number in range(count)]
    came = await asyncio.gather(*arriving)
    await asyncio.sleep(_STAY_SECONDS)
    end = time.monotonic()
    calls = [(one.device, one.talk) for one in came if one.device is not None and one.talk is not None]
    await leave([device for device, _ in calls], [talk for _, talk in calls])
    say(event="left")
    first = came[: count // 2]
    held = [one.device for one in first if one.device is not None]
    lost = sum(not device.arrivals or device.arrivals[-1].when < end - _GONE for device in held)
    delays = [delay for device in held for delay in _delays(device, starts, end)]
    say(
        event="crowd",
        count=count,
        refused=sum(one.refused for one in came),
        refused_first=sum(one.refused for one in first),
        failed_first=sum(one.device is None and not one.refused for one in first),
        lost=lost,
        worst_ms=1000 * float(np.max(np.nan_to_num(delays, nan=LONGEST_ECHO), initial=0.0)),
        p99_ms=1000 * float(np.percentile(np.nan_to_num(delays, nan=LONGEST_ECHO), 99)) if delays else None,
    )


class _Came:
    """One of a crowd: its call, or that it was refused, or neither."""

    def __init__(self, device: Device | None, talk: asyncio.Task[None] | None, *, refused: bool) -> None:
        self.device, self.talk, self.refused = device, talk, refused


async def _arrive(url: str, packets: Sequence[bytes], after: float) -> _Came:
    await asyncio.sleep(after)
    device = Device(url)
    try:
        return _Came(device, await join(device, packets, 0), refused=False)
    except httpx.HTTPStatusError as error:
        return _Came(None, None, refused=error.response.status_code == httpx.codes.SERVICE_UNAVAILABLE)
    except (OSError, httpx.HTTPError):
        return _Came(None, None, refused=False)


def _delays(device: Device, starts: Sequence[float], end: float) -> list[float]:
    """Of each third chirp that was said once the call had settled, and long enough before its end."""
    if not device.arrivals:
        return [float("nan")]
    said = said_at(starts, device.speaking_since, end - LONGEST_ECHO)
    return echo_delays(
        listen(device.arrivals), [when for when in said if when > device.speaking_since + SETTLE]
    )


def said_at(starts: Sequence[float], since: float, end: float) -> list[float]:
    """When each third chirp was said, of who says a loop of them over and over from its beginning."""
    loop = int(_LOOP_SECONDS * PER_SECOND) / PER_SECOND
    rounds = range(int((end - since) / loop) + 1)
    every = [since + number * loop + start for number in rounds for start in starts]
    return [when for when in every if when < end][::_LOOK_AT_EACH]
