"""What a device says, as 20 ms frames: the playout buffer and the decoder joined. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from gateway.errors import CodecError
from gateway.rtc import red
from gateway.rtc.codec import FRAME_BYTES, SAMPLE_RATE, OpusDecoder, has_fec, is_inactive, packet_samples
from gateway.rtc.jitter import (
    CLOCK_RATE,
    AudioPacket,
    Conceal,
    Fec,
    JitterBuffer,
    JitterStats,
    Packet,
    Playout,
)
from gateway.rtc.lateness import QUIET, peak
from gateway.rtc.rtp import RtpPacket

_TICKS_PER_SAMPLE: Final = CLOCK_RATE // SAMPLE_RATE
_FULL: Final = 60 * SAMPLE_RATE // 1000  # samples of concealment at full level,
_GONE: Final = 200 * SAMPLE_RATE // 1000  # and when it has faded out: what is longer is a hum, not speech
_FADE_IN: Final = 5 * SAMPLE_RATE // 1000
_SKIP_EVERY: Final = 3  # packets: skipping more would hide the pause itself from the VAD


class Heard(NamedTuple):
    """20 ms of what a device says, 640 bytes of PCM (16 kHz, mono, 16 bit).

    `played`: the RTP timestamp of what its speaker played as that was recorded, where it says; `made_up`: it, or a part
    of it, was lost on the way or never sent.
    """

    pcm: bytes
    played: int | None = None
    made_up: bool = False


@dataclass(frozen=True, slots=True)
class PlayoutStats:
    """`frames`: of 20 ms, handed on; `corrupt`: packets that are no Opus; `skipped`: quiet ones dropped."""

    jitter: JitterStats
    frames: int
    corrupt: int
    skipped: int


class VoicePlayout:
    """A device's RTP to 16 kHz mono 16-bit frames of 640 bytes, 50 for each second that passes.

    `push` every packet, and `poll` when `deadline` comes; both give the frames that are due, mostly one or
    none. Nothing that a device sends raises.
    """

    def __init__(self) -> None:
        self._buffer = JitterBuffer()
        self._decoder = OpusDecoder()
        self._rest, self._rest_made_up = b"", False
        self._made_up: list[bool] = []  # of the frames that were handed on last
        self._lead: int | None = None  # from what is recorded to what is played meanwhile, in RTP time
        self._level = 1.0  # of the last sample handed on: below 1 while concealment fades
        self._inactive = False  # what was played last: silence follows it, and no loss
        self._since_skip = 0
        self._frames = self._corrupt = self._skipped = 0

    def push(self, packet: RtpPacket, now: float, red_of: Collection[int] = ()) -> list[bytes]:
        """Take an RTP packet that arrived at `now`, in seconds of a monotonic clock; gives the frames due.

        `red_of`: the payload is RED (RFC 2198), with Opus under these payload types; by default it is Opus.
        """
        self._lead = None if packet.played is None else packet.played - packet.timestamp
        try:
            primary, older = red.split(packet.payload, red_of) if red_of else (packet.payload, [])
            newest = _audio(packet, primary)
        except CodecError:
            self._corrupt += 1
            return self.poll(now)
        copies = [_audio(packet, block.payload, back, block.offset) for back, block in enumerate(older, 1)]
        self._buffer.push(newest, now, copies)
        return self.poll(now)

    def poll(self, now: float) -> list[bytes]:
        """The frames due by `now`."""
        playouts = self._buffer.poll(now)
        if not playouts:
            return []
        frames: list[bytes] = []
        self._made_up = []
        for playout in playouts:
            pcm, made_up = self._render(playout), isinstance(playout, Conceal)
            if len(pcm) == FRAME_BYTES and not self._rest:  # as it nearly always is
                frames.append(pcm)
                self._made_up.append(made_up)
                continue
            pcm = self._rest + pcm
            whole = len(pcm) - len(pcm) % FRAME_BYTES
            for start in range(0, whole, FRAME_BYTES):
                frames.append(pcm[start : start + FRAME_BYTES])
                self._made_up.append(made_up or self._rest_made_up)
                self._rest_made_up = False
            self._rest = pcm[whole:]
            self._rest_made_up = bool(self._rest) and (made_up or self._rest_made_up)
        self._frames += len(frames)
        return frames

    def played(self, back: int) -> int | None:
        """What the speaker was at as a frame was recorded, `back` frames before the end of what was given."""
        position = self._buffer.position
        if self._lead is None or position is None:
            return None
        samples = back * FRAME_BYTES // 2 + len(self._rest) // 2
        return (position - samples * _TICKS_PER_SAMPLE + self._lead) % 2**32

    def made_up(self, back: int) -> bool:
        """Whether the frame `back` frames before the end of what was given is not what was sent, or not all of it."""
        return self._made_up[-back]

    def rest(self, resting: bool) -> None:
        """Whether nobody listens just now: then what is filled may come in larger steps. What arrives comes at once."""
        self._buffer.rest(resting)

    @property
    def deadline(self) -> float | None:
        """When to `poll` if nothing arrives before; None until the first packet."""
        return self._buffer.deadline

    @property
    def stats(self) -> PlayoutStats:
        """A snapshot."""
        return PlayoutStats(self._buffer.stats, self._frames, self._corrupt, self._skipped)

    def _render(self, playout: Playout) -> bytes:
        if isinstance(playout, Conceal):
            return self._conceal(playout)
        return self._skip_if_ahead(self._fade_in(self._decode(playout)))

    def _decode(self, playout: Packet | Fec) -> bytes:
        try:
            if isinstance(playout, Fec):
                self._inactive = False
                return self._decoder.decode_fec(playout.payload, playout.samples)
            self._inactive = is_inactive(playout.payload)
            return self._decoder.decode(playout.payload)
        except CodecError:
            self._corrupt += 1
            samples = playout.samples if isinstance(playout, Fec) else packet_samples(playout.payload)
            return self._decoder.conceal(samples)

    def _conceal(self, playout: Conceal) -> bytes:
        start = 0.0 if self._inactive else _level(playout.run)
        end = 0.0 if self._inactive else _level(playout.run + playout.samples)
        self._level = end
        if start == 0.0:
            return bytes(2 * playout.samples)
        return _ramp(self._decoder.conceal(playout.samples), start, end, playout.samples)

    def _fade_in(self, pcm: bytes) -> bytes:
        level, self._level = self._level, 1.0
        return pcm if level == 1.0 else _ramp(pcm, level, 1.0, _FADE_IN)

    def _skip_if_ahead(self, pcm: bytes) -> bytes:
        """Drop a quiet packet while the audio is ahead of time (see `rtc.jitter`)."""
        samples = len(pcm) // 2
        self._since_skip += 1
        if self._since_skip < _SKIP_EVERY or self._buffer.ahead_samples < samples or peak(pcm) > QUIET:
            return pcm
        self._since_skip = 0
        self._skipped += 1
        self._buffer.repay(samples)
        return b""


def _audio(packet: RtpPacket, payload: bytes, back: int = 0, offset: int = 0) -> AudioPacket:
    """Of the packet's Opus, or of that `back` packets and `offset` ticks before it."""
    return AudioPacket(
        packet.ssrc,
        packet.sequence_number - back & 0xFFFF,
        packet.timestamp - offset & 0xFFFFFFFF,
        packet_samples(payload) * _TICKS_PER_SAMPLE,
        payload,
        has_fec(payload),
    )


def _level(run: int) -> float:
    return min(max((_GONE - run) / (_GONE - _FULL), 0.0), 1.0)


def _ramp(pcm: bytes, start: float, end: float, samples: int) -> bytes:
    if start == end == 1.0:
        return pcm
    signal = np.frombuffer(pcm, "<i2").astype(np.float32)
    samples = min(samples, signal.size)
    signal[:samples] *= np.linspace(start, end, samples, dtype=np.float32)
    return signal.astype("<i2").tobytes()
