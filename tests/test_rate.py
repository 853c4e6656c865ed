from __future__ import annotations

from gateway.rate import Buckets


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def taken(buckets: Buckets, key: str = "a", most: int = 10_000) -> int:
    """Take until there is none left; gives how many there were."""
    return next((count for count in range(most) if buckets.take(key)), most)


def test_a_bucket_is_full_at_first_and_fills_up_again() -> None:
    clock = Clock()
    buckets = Buckets(5, 2, clock)
    assert taken(buckets) == 5
    clock.now += 1
    assert taken(buckets) == 2
    clock.now += 3_600
    assert taken(buckets) == 5


def test_the_wait_is_told() -> None:
    clock = Clock()
    buckets = Buckets(1, 2, clock)
    assert buckets.take("a") == 0
    assert buckets.take("a") == 0.5
    clock.now += 0.25
    assert buckets.take("a") == 0.25


def test_asking_in_vain_costs_nothing() -> None:
    clock = Clock()
    buckets = Buckets(1, 1, clock)
    taken(buckets)
    for _ in range(100):
        assert taken(buckets) == 0
        clock.now += 0.009
    clock.now += 0.11
    assert taken(buckets) == 1


def test_each_key_has_its_own() -> None:
    buckets = Buckets(5, 1, Clock())
    taken(buckets, "a")
    assert taken(buckets, "b") == 5


def test_memory_is_bounded() -> None:
    buckets = Buckets(5, 1, Clock())
    for i in range(5_000):
        buckets.take(str(i))
    assert len(buckets._kept) <= 1_024
