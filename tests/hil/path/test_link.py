"""The pure channel: what it loses, holds up, doubles, and that it does so again."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.path.link import CLEAR, Channel, Impairments, Kind, Passage, kind_of

MEDIA = bytes([0x80, 111]) + bytes(78)
STUN = bytes([0, 1]) + bytes(40)
PACKETS = 4_000


def carried(how: Impairments, count: int = PACKETS, seed: str = "1", every: float = 0.02) -> list[Passage]:
    channel = Channel(how, seed, 0.0)
    return [channel.carry(i * every, MEDIA) for i in range(count)]


def fates(passages: list[Passage]) -> Counter[str]:
    return Counter(p.fate for p in passages)


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (STUN, Kind.ICE),
        (bytes([22, 254, 253]), Kind.DTLS),
        (MEDIA, Kind.RTP),
        (bytes([0x81, 200]), Kind.RTCP),
        (bytes([0x81, 111 | 0x80]), Kind.RTP),
        (b"x", Kind.OTHER),
        (b"", Kind.OTHER),
        (bytes([70, 0]), Kind.OTHER),
    ],
)
def test_packets_are_told_apart(packet: bytes, kind: Kind) -> None:
    assert kind_of(packet) is kind


def test_a_clear_path_changes_nothing() -> None:
    assert carried(CLEAR, 3) == [Passage("passed", ((i * 0.02, MEDIA),)) for i in range(3)]


@pytest.mark.parametrize("rate", [0.05, 0.2])
@pytest.mark.parametrize("burst", [1.0, 3.0])
def test_it_loses_as_much_as_it_is_told(rate: float, burst: float) -> None:
    lost = [p.fate == "lost" for p in carried(Impairments(loss=rate, burst=burst))]
    assert sum(lost) / PACKETS == pytest.approx(rate, rel=0.3)
    runs = sum(now and not before for before, now in zip([False, *lost], lost, strict=False))
    expected = burst if burst > 1 else 1 / (1 - rate)
    assert sum(lost) / runs == pytest.approx(expected, rel=0.25)


def test_the_same_seed_loses_the_same_packets_whatever_passes_beside_them() -> None:
    how = Impairments(loss=0.1, jitter_ms=5, duplicate=0.1, corrupt=0.1)
    one, other = Channel(how, "7/up", 0.0), Channel(how, "7/up", 0.0)
    alone = [one.carry(i * 0.02, MEDIA) for i in range(500)]
    beside = []
    for i in range(500):
        if i % 3 == 0:
            other.carry(i * 0.02, STUN)
        beside.append(other.carry(i * 0.02, MEDIA))
    assert [p.fate for p in alone] == [p.fate for p in beside]
    assert fates(alone) != fates(carried(how, 500, seed="8/up"))


def test_jitter_holds_up_but_keeps_the_order() -> None:
    at = [p.deliveries[0][0] for p in carried(Impairments(delay_ms=50, jitter_ms=15))]
    waits = [out - i * 0.02 for i, out in enumerate(at)]
    assert min(waits) == pytest.approx(0.050, abs=0.002)
    assert 0.055 < sum(waits) / len(waits) < 0.090
    assert at == sorted(at)


def test_only_what_is_reordered_is_overtaken() -> None:
    passages = carried(Impairments(reorder=0.1))
    assert fates(passages)["reordered"] == pytest.approx(PACKETS / 10, rel=0.2)
    late = {p.fate for i, p in enumerate(passages) if p.deliveries[0][0] > i * 0.02 + 0.04}
    assert late == {"reordered"}


def test_a_duplicate_comes_twice_and_a_corrupted_one_differs_in_a_bit() -> None:
    twice = next(p for p in carried(Impairments(duplicate=0.5)) if p.fate == "duplicated")
    assert [packet for _, packet in twice.deliveries] == [MEDIA, MEDIA]
    hurt = next(p for p in carried(Impairments(corrupt=0.5)) if p.fate == "corrupted")
    [(_, packet)] = hurt.deliveries
    assert sum((a ^ b).bit_count() for a, b in zip(packet, MEDIA, strict=True)) == 1


def test_a_bottleneck_lets_its_rate_through() -> None:
    passages = carried(Impairments(rate_kbit=24), 500, every=0.01)  # offered: 86 kbit/s with headers
    through = [p for p in passages if p.deliveries]
    seconds = through[-1].deliveries[0][0]
    assert len(through) * (len(MEDIA) + 28) * 8 / seconds == pytest.approx(24_000, rel=0.05)
    assert fates(passages)["queue full"] == 500 - len(through)
    assert max(p.deliveries[0][0] - i * 0.01 for i, p in enumerate(passages) if p.deliveries) < 0.25


def test_what_is_longer_than_the_mtu_is_gone() -> None:
    channel = Channel(Impairments(mtu=100), "1", 0.0)
    assert channel.carry(0.0, bytes(72)).fate == "passed"
    assert channel.carry(0.0, bytes(73)).fate == "too long"


def test_a_blackout_has_its_time() -> None:
    seen = [p.fate for p in carried(Impairments(blackouts=((0.05, 0.09), (0.15, 0.17))), 10)]
    assert [i for i, fate in enumerate(seen) if fate == "blackout"] == [3, 4, 8]


@given(
    st.builds(
        Impairments,
        loss=st.floats(0, 1),
        burst=st.floats(1, 20),
        delay_ms=st.floats(0, 500),
        jitter_ms=st.floats(0, 100),
        reorder=st.floats(0, 1),
        duplicate=st.floats(0, 1),
        corrupt=st.floats(0, 1),
        rate_kbit=st.floats(0, 100),
        mtu=st.integers(0, 1500),
    ),
    st.lists(st.binary(min_size=1, max_size=200), max_size=40),
)
def test_nothing_leaves_before_it_came_or_changes_its_length(how: Impairments, packets: list[bytes]) -> None:
    channel = Channel(how, "x", 0.0)
    for i, packet in enumerate(packets):
        for at, out in channel.carry(i * 0.01, packet).deliveries:
            assert at >= i * 0.01
            assert len(out) == len(packet)
