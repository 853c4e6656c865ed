from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rtc.codec import FRAME_BYTES, OpusEncoder, OpusSettings
from gateway.rtc.playout import VoicePlayout
from gateway.rtc.red import Redundancy
from gateway.rtc.rtp import RtpPacket


def rtp(sequence_number: int, timestamp: int, payload: bytes, played: int | None = None) -> RtpPacket:
    return RtpPacket(111, sequence_number, timestamp, 6, payload, played)


def encoded(frames: Iterable[bytes], *, expected_loss: int = 20) -> list[RtpPacket]:
    encoder = OpusEncoder(OpusSettings(expected_loss=expected_loss))
    return [rtp(index, index * 960, encoder.encode(frame)) for index, frame in enumerate(frames)]


def tone(frames: int) -> list[bytes]:
    pcm = (8000 * np.sin(2 * np.pi * 440 * np.arange(frames * 320) / 16_000)).astype("<i2").tobytes()
    return [pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm), FRAME_BYTES)]


def redundant(packets: Iterable[RtpPacket]) -> list[RtpPacket]:
    """The same as RED, which a sender starts once it hears of losses."""
    redundancy = Redundancy(111)
    redundancy.heed(1.0, 50, 0.0)
    wrapped = [(p, redundancy.wrap(p.payload, p.timestamp, 0.0)) for p in packets]
    return [rtp(p.sequence_number, p.timestamp, red or b"\x6f" + p.payload) for p, red in wrapped]


def play(
    packets: Iterable[RtpPacket],
    playout: VoicePlayout | None = None,
    *,
    until: float = 0.0,
    red_of: Collection[int] = (),
) -> list[bytes]:
    """Each packet at its own time, the deadlines in between; then the deadlines before `until`."""
    playout = playout or VoicePlayout()
    heard: list[bytes] = []
    for packet in packets:
        now = packet.timestamp / 48_000
        heard += run(playout, now)
        heard += playout.push(packet, now, red_of)
    return heard + run(playout, until)


def run(playout: VoicePlayout, until: float) -> list[bytes]:
    heard: list[bytes] = []
    while playout.deadline is not None and playout.deadline < until:
        heard += playout.poll(playout.deadline)
    return heard


def loudness(frames: list[bytes]) -> npt.NDArray[np.float64]:
    signal = np.frombuffer(b"".join(frames), "<i2").astype(np.float64).reshape(len(frames), -1)
    energy: npt.NDArray[np.float64] = np.mean(signal**2, axis=1)
    return np.sqrt(energy)


def test_each_packet_gives_its_frame_at_once() -> None:
    playout = VoicePlayout()
    for index, packet in enumerate(encoded(tone(5))):
        assert [len(frame) for frame in playout.push(packet, index * 0.02)] == [FRAME_BYTES]


def test_a_lost_packet_leaves_no_hole() -> None:
    packets = encoded(tone(50))
    heard = play(packets[:20] + packets[21:])
    assert len(heard) == 50
    assert loudness(heard)[5:].min() > 2000


def test_of_three_lost_in_a_row_red_brings_back_what_was_said(speech: list[bytes]) -> None:
    """Two as they were, and the first by the FEC in the second; without it, they are guessed."""
    packets = encoded(speech[:60])
    clean, lost = play(packets), slice(19, 22)
    kept = packets[: lost.start] + packets[lost.stop :]
    wrapped = redundant(packets)
    heard = play(wrapped[: lost.start] + wrapped[lost.stop :], red_of=[111])
    assert len(heard) == len(play(kept)) == 60
    assert likeness(heard[20:22], clean[20:22]) > 0.98
    assert likeness(heard[lost], clean[lost]) > 0.95
    assert likeness(play(kept)[lost], clean[lost]) < 0.7


def likeness(one: list[bytes], other: list[bytes]) -> float:
    a, b = (np.frombuffer(b"".join(frames), "<i2").astype(np.float64) for frames in (one, other))
    return float(np.corrcoef(a, b)[0, 1])


def test_a_malformed_red_packet_is_counted_and_costs_only_itself() -> None:
    playout = VoicePlayout()
    packets = redundant(encoded(tone(20)))
    packets[10] = rtp(10, 9600, b"\xff" * 40)
    assert len(play(packets, playout, red_of=[111])) == 20
    assert playout.stats.corrupt == 1
    assert playout.stats.jitter.red_recovered == 1


def test_when_packets_stop_the_tone_fades_to_silence() -> None:
    heard = loudness(play(encoded(tone(20)), until=2.0))
    assert heard[19] > 4000
    assert heard[21] > 1000
    assert heard[32:].max() == 0
    assert len(heard) == pytest.approx(100, abs=4)


def test_after_a_fade_speech_comes_back() -> None:
    packets = encoded(tone(80))
    heard = play(packets[:20] + packets[60:])
    assert len(heard) == 80
    assert loudness(heard)[62:].min() > 2000


def test_a_packet_of_60_ms_is_three_frames() -> None:
    encoder = OpusEncoder(OpusSettings(fec=False))
    toc_20 = encoder.encode(bytes(FRAME_BYTES))
    body = toc_20[1:]
    three = bytes([toc_20[0] | 3, 3 | 0x80, len(body), len(body)]) + 3 * body  # code 3, VBR (RFC 6716 §3.2.5)
    assert [len(frame) for frame in VoicePlayout().push(rtp(0, 0, three), 0.0)] == 3 * [FRAME_BYTES]


def test_packets_of_10_ms_are_joined_in_twos() -> None:
    toc_10 = bytes([8 << 3, 0, 0, 0, 0])  # SILK wideband, 10 ms
    playout = VoicePlayout()
    counts = [len(playout.push(rtp(index, index * 480, toc_10), index * 0.01)) for index in range(4)]
    assert counts == [0, 1, 0, 1]


def test_what_is_no_opus_is_counted_and_bridged() -> None:
    packets = encoded(tone(20))
    packets[10] = packets[10]._replace(payload=b"")
    playout = VoicePlayout()
    assert len(play(packets, playout)) == 20
    assert playout.stats.corrupt == 1


def stalled(packets: list[RtpPacket]) -> tuple[VoicePlayout, list[bytes]]:
    """From 0.2 s to 0.5 s nothing gets through, then all of it at once."""
    playout = VoicePlayout()
    heard = play(packets[:10], playout) + run(playout, 0.5)
    for packet in packets[10:25]:
        heard += playout.push(packet, 0.5)
    return playout, heard + play(packets[25:], playout)


def test_quiet_frames_repay_what_a_stall_put_ahead_of_time() -> None:
    playout, heard = stalled(encoded([*tone(20), *80 * [bytes(FRAME_BYTES)]]))
    assert playout.stats.jitter.ahead_ms < 20
    assert len(heard) == 100


def test_speech_is_never_skipped() -> None:
    playout, heard = stalled(encoded(tone(100)))
    assert playout.stats.skipped == 0
    assert len(heard) == 100 + playout.stats.jitter.filled


def test_fec_keeps_most_of_speech_at_20_percent_loss(speech: list[bytes]) -> None:
    packets = encoded(speech)
    chance = np.random.default_rng(4)
    lost = {index for index in range(1, len(packets) - 1) if chance.random() < 0.2}
    whole = loudness(play(packets))
    heard = loudness(play(packet for index, packet in enumerate(packets) if index not in lost))
    voiced = [index for index in lost if whole[index] > 500]
    kept = [index for index in voiced if abs(20 * np.log10((heard[index] + 1) / whole[index])) < 6]
    assert len(voiced) > 20
    assert len(kept) / len(voiced) > 0.85


def sparing(speech: list[bytes], pause: float) -> list[RtpPacket]:
    """What a sender with DTX sends of speech, a pause in a quiet room, and the same speech again."""
    encoder = OpusEncoder(OpusSettings(dtx=True))
    rng = np.random.default_rng(3)
    noise = [rng.normal(0, 10, 320).astype("<i2").tobytes() for _ in range(round(pause * 50))]
    frames = [*speech, *noise, *speech]
    packets = [(i, payload) for i, pcm in enumerate(frames) if len(payload := encoder.encode(pcm)) > 2]
    return [rtp(seq, 960 * index, payload) for seq, (index, payload) in enumerate(packets)]


def test_a_silence_that_nobody_listens_to_is_played_in_few_steps_and_loses_nothing(
    speech: list[bytes],
) -> None:
    packets = sparing(speech, 12.0)
    playout = VoicePlayout()
    steps: list[float] = []
    heard: list[bytes] = []
    for packet in packets:
        now = packet.timestamp / 48_000
        playout.rest(now > len(speech) / 50 + 2)
        while (deadline := playout.deadline) is not None and deadline < now:
            steps.append(deadline)
            heard += playout.poll(deadline)
        before = len(heard)
        heard += playout.push(packet, now)
        assert len(heard) > before, "what comes is heard at once"
    began = len(speech) / 50
    late = [step for step in steps if began + 3 < step < began + 11]
    assert 0 < len(late) / 8 < 8, "steps in a second"
    assert len(heard) == pytest.approx(packets[-1].timestamp / 960 + 1, abs=5)


def test_a_silence_that_somebody_listens_to_passes_in_steps_of_a_frame(speech: list[bytes]) -> None:
    playout, longest = VoicePlayout(), 0.0
    for packet in sparing(speech, 3.0):
        now = packet.timestamp / 48_000
        while (deadline := playout.deadline) is not None and deadline < now:
            longest = max(longest, 0.02 * len(playout.poll(deadline)))
        playout.push(packet, now)
    assert longest <= 0.04


@given(st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=60), st.integers(0, 50)), max_size=40))
def test_nothing_that_a_device_sends_raises(arrivals: list[tuple[int, bytes, int]]) -> None:
    playout, now = VoicePlayout(), 0.0
    for number, payload, milliseconds in arrivals:
        now += milliseconds / 1000
        red_of = [111] if number % 2 else []
        frames = run(playout, now) + playout.push(rtp(number, number * 960, payload), now, red_of)
        assert all(len(frame) == FRAME_BYTES for frame in frames)


@given(st.integers(0, 2**32), st.floats(0, 0.5))
def test_fifty_frames_go_out_a_second_whatever_is_lost(seed: int, loss: float) -> None:
    chance = np.random.default_rng(seed)
    packets = [packet for packet in encoded(tone(100)) if packet.timestamp == 0 or chance.random() >= loss]
    assert len(play(packets, until=2.0)) == pytest.approx(98, abs=4)


def test_it_knows_what_was_played_as_each_frame_was_recorded() -> None:
    """Also of one that is filled in, and of a device that drops a frame of what it plays."""
    playout = VoicePlayout()
    packets = encoded(tone(6))
    assert playout.played(1) is None
    for packet in packets[:3]:
        told = packet._replace(played=packet.timestamp + 5_000)
        assert len(playout.push(told, packet.timestamp / 48_000)) == 1
        assert playout.played(1) == packet.timestamp + 5_000
    playout.push(packets[4]._replace(played=packets[4].timestamp + 5_960), 0.08)
    assert (playout.played(2), playout.played(1)) == (3 * 960 + 5_960, 4 * 960 + 5_960)
    playout.push(packets[5], 0.1)
    assert playout.played(1) is None, "it plays nothing any more"


def test_it_knows_what_is_made_up() -> None:
    playout = VoicePlayout()
    packets = encoded(tone(6), expected_loss=0)
    for packet in packets[:3]:
        playout.push(packet, packet.timestamp / 48_000)
        assert not playout.made_up(1)
    assert len(playout.push(packets[5], 0.1)) == 3
    assert [playout.made_up(back) for back in (3, 2, 1)] == [True, True, False]
