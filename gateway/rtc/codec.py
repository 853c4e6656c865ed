"""Opus at 16 kHz mono, straight from libopus: no resampler, no stereo, FEC and PLC at hand.

PyAV's codec contexts were measured and left: they decode to 48 kHz only and expose neither FEC nor PLC,
and their frame objects cost more than the call. The libopus that PyAV's wheel bundles is opened instead,
so the codec is pinned by the lock file and no system package is needed. A ctypes call releases the GIL.
An encoder or a decoder belongs to one thread at a time.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from gateway.errors import CodecError

SAMPLE_RATE: Final = 16_000
FRAME_SAMPLES: Final = 320
FRAME_BYTES: Final = 2 * FRAME_SAMPLES
MAX_PACKET_BYTES: Final = 400  # 160 kbit/s at 20 ms: a hard cap that voice never meets

_MAX_DURATION: Final = 1920  # samples: no Opus packet is longer than 120 ms (RFC 6716 §3.2.5)
_MAX_FRAME_BYTES: Final = 1275  # RFC 6716 §3.4 [R2]
_MAX_DATAGRAM: Final = 48 * _MAX_FRAME_BYTES  # 48 frames of 2.5 ms [R5]
_PLC_STEP: Final = 40  # samples: libopus conceals in multiples of 2.5 ms
_INSTALL: Final = "reinstall the `av` package from its wheel, or install libopus (apt install libopus0)"

# opus_defines.h
_SET_BITRATE, _SET_COMPLEXITY, _SET_INBAND_FEC, _SET_PACKET_LOSS = 4002, 4010, 4012, 4014
_SET_DTX, _SET_SIGNAL, _SIGNAL_VOICE = 4016, 4024, 3001
_APPLICATION: Final = {"voip": 2048, "audio": 2049}


@dataclass(frozen=True, slots=True)
class OpusSettings:
    """What the encoder aims at.

    `bitrate` is in bit/s, `complexity` 0-10, `expected_loss` in percent: libopus spends bits on in-band FEC
    at 24 kbit/s only from about 10 % on, and a device that sends no RTCP can never ask for it. At complexity 0
    it sends none below 20 %; 1 costs a third of 5 and loses hardly any intelligibility (docs/performance.md).
    `dtx` is libopus' own, which takes a steady tone for silence as well; `send_silence` is the sender's: whether
    packets go out while there is nothing to say.
    """

    bitrate: int = 24_000
    complexity: int = 1
    fec: bool = True
    dtx: bool = False
    send_silence: bool = True
    expected_loss: int = 10
    application: Literal["voip", "audio"] = "voip"


class OpusEncoder:
    """PCM to Opus, one 20 ms packet at a time.

    Raises `CodecError` where libopus is missing or refuses a setting.
    """

    __slots__ = ("_lib", "_out", "_out_address", "_state")

    def __init__(self, settings: OpusSettings | None = None) -> None:
        settings = settings or OpusSettings()
        self._lib = library()
        self._state = ctypes.create_string_buffer(self._lib.opus_encoder_get_size(1))
        _check(
            self._lib,
            self._lib.opus_encoder_init(self._state, SAMPLE_RATE, 1, _APPLICATION[settings.application]),
        )
        self._out = ctypes.create_string_buffer(MAX_PACKET_BYTES)
        self._out_address = ctypes.addressof(self._out)
        self._set(_SET_SIGNAL, _SIGNAL_VOICE)
        self._set(_SET_BITRATE, settings.bitrate)
        self._set(_SET_COMPLEXITY, settings.complexity)
        self._set(_SET_INBAND_FEC, int(settings.fec))
        self._set(_SET_DTX, int(settings.dtx))
        self.set_expected_loss(settings.expected_loss)

    def encode(self, pcm: bytes) -> bytes:
        """Encode 640 bytes (20 ms, 16-bit little-endian mono) to one packet of at most 400 bytes.

        With DTX on, a packet of one byte says that nothing need be sent (RFC 6716 §2.1.9).
        """
        if len(pcm) != FRAME_BYTES:
            raise CodecError(f"a frame is {FRAME_BYTES} bytes of PCM, not {len(pcm)}")
        size = self._lib.opus_encode(self._state, pcm, FRAME_SAMPLES, self._out_address, MAX_PACKET_BYTES)
        return ctypes.string_at(self._out_address, _check(self._lib, size))

    def set_expected_loss(self, percent: int) -> None:
        """Tell the encoder what loss the far end sees, 0-100 %: it decides how much FEC to send."""
        self._set(_SET_PACKET_LOSS, min(max(percent, 0), 100))

    def _set(self, request: int, value: int) -> None:
        _check(self._lib, self._lib.opus_encoder_ctl(self._state, request, ctypes.c_int(value)))


class OpusDecoder:
    """Any Opus packet (mono or stereo, any bandwidth, 2.5-120 ms) to 16 kHz mono 16-bit PCM.

    Every method returns little-endian PCM and raises `CodecError` on what libopus refuses; the decoder
    stays usable after that.
    """

    __slots__ = ("_lib", "_out", "_out_address", "_state")

    def __init__(self) -> None:
        self._lib = library()
        self._state = ctypes.create_string_buffer(self._lib.opus_decoder_get_size(1))
        _check(self._lib, self._lib.opus_decoder_init(self._state, SAMPLE_RATE, 1))
        self._out = ctypes.create_string_buffer(2 * _MAX_DURATION)
        self._out_address = ctypes.addressof(self._out)

    def decode(self, packet: bytes) -> bytes:
        """The audio of a packet, as long as the packet says it is; a DTX packet is comfort noise."""
        if not packet:
            raise CodecError("an empty Opus packet")
        return self._decode(packet, len(packet), _MAX_DURATION, fec=0)

    def decode_fec(self, next_packet: bytes, samples: int = FRAME_SAMPLES) -> bytes:
        """The `samples` before `next_packet`, from the redundancy in it (RFC 6716 §2.1.7).

        Where it carries none this conceals. Decode `next_packet` itself afterwards.
        """
        if not next_packet:
            raise CodecError("an empty Opus packet")
        return self._decode(next_packet, len(next_packet), _concealable(samples), fec=1)

    def conceal(self, samples: int = FRAME_SAMPLES) -> bytes:
        """`samples` extrapolated from what was decoded last (RFC 6716 §4.4)."""
        return self._decode(None, 0, _concealable(samples), fec=0)

    def _decode(self, packet: bytes | None, size: int, samples: int, fec: int) -> bytes:
        if size > _MAX_DATAGRAM:
            raise CodecError(f"{size} bytes are no Opus packet")
        count = self._lib.opus_decode(self._state, packet, size, self._out_address, samples, fec)
        return ctypes.string_at(self._out_address, 2 * _check(self._lib, count))


def packet_samples(packet: bytes) -> int:
    """How many 16 kHz samples a packet holds, from its TOC byte and frame count (RFC 6716 §3.1, §3.2).

    Raises `CodecError` on an empty packet, a missing frame count, or more than 120 ms.
    """
    if not packet:
        raise CodecError("an empty Opus packet")
    return _SAMPLES[packet[0]] or _counted_samples(packet)


def _counted_samples(packet: bytes) -> int:
    if len(packet) < 2:
        raise CodecError("an Opus packet without its frame count")
    samples = (packet[1] & 0x3F) * _FRAME_SAMPLES_BY_CONFIG[packet[0] >> 3]
    if not 0 < samples <= _MAX_DURATION:
        raise CodecError(f"an Opus packet of {samples} samples")
    return samples


def has_fec(packet: bytes) -> bool:
    """Whether a packet of one Opus frame carries the redundancy of the frame before it.

    The flag follows the voice activity bits that head the SILK layer (RFC 6716 §4.2.3, §4.2.4), each coded
    with an even chance, so both stand in plain sight. Packets of several Opus frames are taken to carry none.
    """
    return len(packet) > 1 and bool(packet[1] & _REDUNDANCY_BITS[packet[0]])


def is_inactive(packet: bytes) -> bool:
    """Whether the encoder heard no voice in any frame of a packet of one Opus frame (RFC 6716 §4.2.3).

    What it does not send after such a one is silence (DTX), and no loss. Packets without a SILK layer don't tell.
    """
    if len(packet) < 2:
        return bool(packet)
    bits = _ACTIVITY_BITS[packet[0]]
    return bits != 0 and not packet[1] & bits


_CELT_ONLY: Final = 0x80  # configurations 16-31 (RFC 6716 §3.1, table 2)
_FRAME_SAMPLES_BY_CONFIG: Final = (160, 320, 640, 960) * 3 + (160, 320) * 2 + (40, 80, 160, 320) * 4


def _silk_bits(toc: int) -> tuple[int, int]:
    """Which bits of a packet's second byte tell of voice, and which of redundancy: mid's, then side's where stereo."""
    if toc >= _CELT_ONLY or toc & 3:
        return 0, 0
    frames = max(1, _FRAME_SAMPLES_BY_CONFIG[toc >> 3] // FRAME_SAMPLES)
    of_one = (1 << frames) - 1
    activity, redundancy = of_one << (8 - frames), 1 << (7 - frames)
    if toc & 4:
        activity, redundancy = activity | of_one << (7 - 2 * frames), redundancy | 1 << (6 - 2 * frames)
    return activity, redundancy


_ACTIVITY_BITS, _REDUNDANCY_BITS = zip(*map(_silk_bits, range(256)), strict=True)
_SAMPLES: Final = tuple((1, 2, 2, 0)[toc & 3] * _FRAME_SAMPLES_BY_CONFIG[toc >> 3] for toc in range(256))
"""By a packet's first byte; 0 where its second says how many frames there are."""


@functools.cache
def library() -> ctypes.CDLL:
    """The libopus in use: PyAV's, else the system's. Raises `CodecError` if there is none."""
    for name in _candidates():
        try:
            return _declare(ctypes.CDLL(name))
        except (OSError, AttributeError):
            continue
    raise CodecError("libopus was not found", remedy=_INSTALL)


def _candidates() -> Iterator[str]:
    spec = importlib.util.find_spec("av")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        # where auditwheel and delvewheel, then delocate, put what a wheel bundles
        for folder in (package.parent / "av.libs", package / ".dylibs"):
            yield from (str(path) for path in sorted(folder.glob("*opus*")))
    system = ctypes.util.find_library("opus")
    if system:
        yield system


def _declare(lib: ctypes.CDLL) -> ctypes.CDLL:
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    lib.opus_strerror.restype = ctypes.c_char_p
    lib.opus_strerror.argtypes = [integer]
    lib.opus_encoder_init.argtypes = [pointer, integer, integer, integer]
    lib.opus_encode.argtypes = [pointer, ctypes.c_char_p, integer, pointer, integer]
    # variadic: only the fixed arguments may be declared, or arm64 macOS passes the rest wrongly
    lib.opus_encoder_ctl.argtypes = [pointer, integer]
    lib.opus_decoder_init.argtypes = [pointer, integer, integer]
    lib.opus_decode.argtypes = [pointer, ctypes.c_char_p, integer, pointer, integer, integer]
    return lib


def _check(lib: ctypes.CDLL, result: int) -> int:
    if result < 0:
        raise CodecError(f"Opus: {lib.opus_strerror(result).decode()}")
    return result


def _concealable(samples: int) -> int:
    if not 0 < samples <= _MAX_DURATION or samples % _PLC_STEP:
        raise CodecError(f"{samples} samples are not a multiple of 2.5 ms up to 120 ms")
    return samples
