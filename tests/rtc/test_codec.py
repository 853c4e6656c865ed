from __future__ import annotations

import contextlib
import fractions

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import CodecError
from gateway.rtc import codec
from gateway.rtc.codec import (
    FRAME_BYTES,
    MAX_PACKET_BYTES,
    OpusDecoder,
    OpusEncoder,
    OpusSettings,
    has_fec,
    is_inactive,
    packet_samples,
)

LOOKAHEAD = 104  # samples that libopus at 16 kHz lags behind: 6.5 ms (RFC 6716 §4, OPUS_GET_LOOKAHEAD)


def samples(pcm: bytes) -> npt.NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def envelope(pcm: bytes) -> npt.NDArray[np.float64]:
    energy: npt.NDArray[np.float64] = np.mean(samples(pcm).reshape(-1, 320) ** 2, axis=1)
    return np.sqrt(energy)


def tone(frames: int, hertz: float = 440.0) -> list[bytes]:
    time = np.arange(frames * 320) / 16_000
    pcm = (8000 * np.sin(2 * np.pi * hertz * time)).astype("<i2").tobytes()
    return [pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm), FRAME_BYTES)]


def stock_packets(rate: int, layout: str, milliseconds: str, *, application: str = "voip") -> list[bytes]:
    """Packets as other clients send them, from FFmpeg's own use of libopus."""
    context = av.CodecContext.create("libopus", "w")
    assert isinstance(context, av.AudioCodecContext)
    context.bit_rate, context.sample_rate = 64_000, rate
    context.layout, context.format = layout, av.AudioFormat("s16")
    context.options = {"application": application, "frame_duration": milliseconds}
    context.time_base = fractions.Fraction(1, rate)
    size = int(rate * float(milliseconds) / 1000)
    noise = np.random.default_rng(1).normal(0, 3000, size * (2 if layout == "stereo" else 1)).astype("<i2")
    packets: list[bytes] = []
    for index in range(4):
        frame = av.AudioFrame.from_ndarray(noise.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate, index * size
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets


def test_speech_survives_a_round_trip(speech: list[bytes]) -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    heard = b"".join(decoder.decode(encoder.encode(frame)) for frame in speech)[2 * LOOKAHEAD :]
    said = envelope(b"".join(speech)[: len(heard) - len(heard) % FRAME_BYTES])
    assert np.corrcoef(said, envelope(heard[: said.size * FRAME_BYTES]))[0, 1] > 0.98


def test_speech_takes_at_most_65_bytes_a_packet(speech: list[bytes]) -> None:
    encoder = OpusEncoder()
    sizes = [len(encoder.encode(frame)) for frame in speech]
    assert sum(sizes) / len(sizes) <= 65


def test_a_packet_stays_under_the_cap() -> None:
    encoder = OpusEncoder(OpusSettings(bitrate=510_000))
    noise = np.random.default_rng(1).bytes(FRAME_BYTES)
    assert max(len(encoder.encode(noise)) for _ in range(10)) <= MAX_PACKET_BYTES


@pytest.mark.parametrize("size", [0, 2, 638, 642, 1280])
def test_a_frame_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(CodecError, match="640 bytes"):
        OpusEncoder().encode(bytes(size))


def test_a_setting_that_libopus_refuses_is_an_error() -> None:
    with pytest.raises(CodecError, match="invalid argument"):
        OpusEncoder(OpusSettings(complexity=11))


def test_with_dtx_silence_shrinks_to_the_toc_byte() -> None:
    encoder = OpusEncoder(OpusSettings(dtx=True))
    assert min(len(encoder.encode(bytes(FRAME_BYTES))) for _ in range(50)) == 1


def test_without_dtx_every_frame_is_sent() -> None:
    encoder = OpusEncoder()
    assert min(len(encoder.encode(bytes(FRAME_BYTES))) for _ in range(50)) > 1


@pytest.mark.parametrize(
    ("rate", "layout", "milliseconds"),
    [
        (48_000, "stereo", "20"),
        (48_000, "mono", "2.5"),
        (48_000, "stereo", "5"),
        (24_000, "mono", "10"),
        (16_000, "mono", "40"),
        (8_000, "mono", "60"),
        (16_000, "stereo", "120"),
    ],
)
def test_any_packet_decodes_to_its_own_duration(rate: int, layout: str, milliseconds: str) -> None:
    decoder = OpusDecoder()
    for packet in stock_packets(rate, layout, milliseconds):
        assert len(decoder.decode(packet)) == 2 * int(16 * float(milliseconds))


def test_the_duration_is_read_without_decoding() -> None:
    for milliseconds in ("2.5", "10", "20", "60", "120"):
        for packet in stock_packets(48_000, "stereo", milliseconds):
            assert packet_samples(packet) == int(16 * float(milliseconds))


def test_a_dtx_packet_is_a_whole_frame_of_near_silence() -> None:
    encoder, decoder = OpusEncoder(OpusSettings(dtx=True)), OpusDecoder()
    packets = [encoder.encode(bytes(FRAME_BYTES)) for _ in range(50)]
    heard = [decoder.decode(packet) for packet in packets][-1]
    assert len(packets[-1]) == 1
    assert len(heard) == FRAME_BYTES
    assert np.abs(samples(heard)).max() < 10


def test_fec_restores_a_lost_frame(speech: list[bytes]) -> None:
    encoder = OpusEncoder(OpusSettings(expected_loss=20))
    packets = [encoder.encode(frame) for frame in speech]
    whole, lossy = OpusDecoder(), OpusDecoder()
    reference = b"".join(whole.decode(packet) for packet in packets)
    lost = {index for index in range(5, len(packets) - 1, 5) if has_fec(packets[index + 1])}
    heard = b"".join(
        lossy.decode_fec(packets[index + 1]) if index in lost else lossy.decode(packet)
        for index, packet in enumerate(packets)
    )
    loudness, restored = envelope(reference), envelope(heard)
    voiced = [index for index in lost if loudness[index] > 300]
    close = [index for index in voiced if abs(20 * np.log10(restored[index] / loudness[index])) < 3]
    assert len(voiced) > 10
    assert len(close) / len(voiced) > 0.9


def test_the_fec_flag_says_which_packets_carry_redundancy() -> None:
    with_fec = OpusEncoder(OpusSettings(expected_loss=20))
    without = OpusEncoder(OpusSettings(fec=False))
    assert any(has_fec(with_fec.encode(frame)) for frame in tone(10))
    assert not any(has_fec(without.encode(frame)) for frame in tone(10))


def test_the_fec_flag_is_libopus_own(speech: list[bytes]) -> None:
    theirs = getattr(codec.library(), "opus_packet_has_lbrr", None)
    if theirs is None:
        pytest.skip("libopus before 1.5")
    encoder = OpusEncoder(OpusSettings(expected_loss=20))
    for packet in map(encoder.encode, speech):
        assert has_fec(packet) == theirs(packet, len(packet))


def test_what_is_not_sent_in_silence_follows_a_packet_without_voice(speech: list[bytes]) -> None:
    encoder = OpusEncoder(OpusSettings(dtx=True))
    rng = np.random.default_rng(3)
    noise = [rng.normal(0, 10, 320).astype("<i2").tobytes() for _ in range(150)]
    packets = [encoder.encode(frame) for frame in (*speech, *noise)]
    unsent = [index for index, packet in enumerate(packets) if len(packet) <= 2]
    assert len(unsent) > 90
    assert all(is_inactive(packets[index - 1]) for index in unsent)
    assert sum(is_inactive(packet) for packet in packets[: len(speech)]) < 0.5 * len(speech)


def test_expected_loss_can_change_in_mid_stream() -> None:
    encoder = OpusEncoder(OpusSettings(expected_loss=0))
    before = [has_fec(encoder.encode(frame)) for frame in tone(10)]
    encoder.set_expected_loss(25)
    after = [has_fec(encoder.encode(frame)) for frame in tone(10)]
    assert (any(before), any(after)) == (False, True)


def test_concealment_carries_a_tone_on() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    for frame in tone(20):
        heard = decoder.decode(encoder.encode(frame))
    concealed = decoder.conceal(320)
    assert len(concealed) == FRAME_BYTES
    assert envelope(concealed)[0] > envelope(heard)[0] / 2


@pytest.mark.parametrize("count", [0, -40, 1, 41, 1960])
def test_concealment_is_in_steps_of_two_and_a_half_milliseconds(count: int) -> None:
    with pytest.raises(CodecError, match=r"2\.5 ms"):
        OpusDecoder().conceal(count)


@given(st.binary(max_size=1500))
def test_garbage_either_decodes_or_raises_our_error(packet: bytes) -> None:
    decoder = OpusDecoder()
    for attempt in (decoder.decode, decoder.decode_fec):
        try:
            assert len(attempt(packet)) % 80 == 0
        except CodecError:
            continue


@given(st.binary(max_size=400))
def test_a_packet_that_decodes_is_as_long_as_announced(packet: bytes) -> None:
    try:
        heard = OpusDecoder().decode(packet)
    except CodecError:
        return
    assert len(heard) == 2 * packet_samples(packet)


@given(st.binary(max_size=200))
def test_a_decoder_works_on_after_garbage(packet: bytes) -> None:
    decoder = OpusDecoder()
    with contextlib.suppress(CodecError):
        decoder.decode(packet)
    assert len(decoder.decode(OpusEncoder().encode(bytes(FRAME_BYTES)))) == FRAME_BYTES


@pytest.mark.parametrize("packet", [b"", b"\x03", b"\x03\x00", b"\xff\x3f"])
def test_a_malformed_header_has_no_duration(packet: bytes) -> None:
    with pytest.raises(CodecError):
        packet_samples(packet)


def test_a_missing_libopus_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_candidates", lambda: iter(["/nowhere/libopus.so"]))
    codec.library.cache_clear()
    try:
        with pytest.raises(CodecError) as caught:
            OpusEncoder()
    finally:
        codec.library.cache_clear()
    assert "libopus0" in caught.value.remedy
