"""What the trace of a link tells about a call. Pure; times in milliseconds where the name says nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hil.path.trace import Packet

RTP_CLOCK = 48_000  # of Opus (RFC 7587, section 4.1)
_BIN_SECONDS = 0.5
Series = npt.NDArray[np.float64]


def missing(packets: Sequence[Packet]) -> tuple[int, int]:
    """(packets that the sender numbered, those of them that never came to the link)."""
    expected = came = 0
    for ssrc in {p.ssrc for p in packets}:
        numbers = _unwrap([p.seq or 0 for p in packets if p.ssrc == ssrc], 1 << 16)
        expected += int(numbers.max() - numbers.min()) + 1
        came += np.unique(numbers).size
    return expected, expected - came


def clock_ppm(packets: Sequence[Packet]) -> float:
    """How much faster the sender's sampling clock runs than this machine's, parts per million.

    The slope of the RTP clock against the arrivals, through the promptest packet of each half second, so that what
    a busy machine delays does not count. NaN below five seconds.
    """
    if len(packets) < 2 or packets[-1].at - packets[0].at < 10 * _BIN_SECONDS:
        return float("nan")
    arrived, sampled = _clocks(packets)
    late = arrived - sampled
    bins = (arrived // _BIN_SECONDS).astype(int)
    prompt = np.array([np.flatnonzero(bins == b)[np.argmin(late[bins == b])] for b in np.unique(bins)])
    slope = np.polyfit(arrived[prompt], sampled[prompt], 1)[0]
    return float((slope - 1) * 1e6)


def jitter(packets: Sequence[Packet]) -> Series:
    """Interarrival jitter after each packet (RFC 3550, section 6.4.1), in milliseconds."""
    if len(packets) < 2:
        return np.zeros(0)
    arrived, sampled = _clocks(packets)
    steps = np.abs(np.diff(arrived - sampled)) * 1000
    value, out = 0.0, np.zeros(steps.size)
    for index, step in enumerate(steps):
        value += (step - value) / 16
        out[index] = value
    return out


def delivered(packets: Sequence[Packet]) -> list[Packet]:
    """Those that left the link, in that order, with the time at which they did."""
    return sorted((replace(p, at=p.left) for p in packets if p.left is not None), key=lambda p: p.at)


def loss_per_second(packets: Sequence[Packet], span: float = 1.0) -> tuple[Series, Series]:
    """(seconds, fraction) of packets that the link swallowed in each span."""
    if not packets:
        return np.zeros(0), np.zeros(0)
    at = np.array([p.at for p in packets]) - packets[0].at
    lost = np.array([p.left is None for p in packets], dtype=float)
    bins = (at // span).astype(int)
    seconds = np.unique(bins)
    return seconds * span, np.array([lost[bins == s].mean() for s in seconds])


def onset(packets: Sequence[Packet]) -> float | None:
    """When sound began after silence, told by the size of what carries it: silence costs few bytes, a tone many."""
    sizes = np.array([p.size for p in packets], dtype=float)
    if sizes.size < 10:
        return None
    quiet, loud = np.quantile(sizes, 0.1), np.quantile(sizes, 0.95)
    if loud < 1.3 * quiet:
        return None
    first = int(np.argmax(sizes > (quiet + loud) / 2))
    return packets[first].at


def turnaround(up: Sequence[Packet], down: Sequence[Packet]) -> float:
    """From a sound's first packet up to its echo's first packet down, as the link saw them; NaN without both."""
    begins, returns = onset(up), onset(down)
    if begins is None or returns is None or returns < begins:
        return float("nan")
    return (returns - begins) * 1000


def bursts(packets: Sequence[Packet], within: float = 0.005) -> int:
    """Packets that came closer than that to the one before: a small board's buffers overflow of them."""
    at = np.array([p.at for p in packets])
    return int(np.count_nonzero(np.diff(at) < within)) if at.size > 1 else 0


def _clocks(packets: Sequence[Packet]) -> tuple[Series, Series]:
    arrived = np.array([p.at for p in packets])
    sampled = _unwrap([p.timestamp or 0 for p in packets], 1 << 32) / RTP_CLOCK
    return arrived - arrived[0], sampled - sampled[0]


def _unwrap(values: Sequence[int], modulus: int) -> Series:
    return np.unwrap(np.array(values, dtype=np.float64), period=modulus)
