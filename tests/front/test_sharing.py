from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from loguru import logger

from gateway.front.sharing import WINDOW_SECONDS, Board, SharedKeys

A, B, C = Board("aa", "10.0.0.5"), Board("bb", "10.0.0.6"), Board("cc", "10.0.0.7")


class Keys:
    """The calls of one key, with a clock in the test's hand."""

    def __init__(self) -> None:
        self.clock = 1_000.0
        self.shared = SharedKeys(lambda: self.clock)

    def calls(self, *boards: Board, every: float = 20.0) -> None:
        """Each of these replaces the one before."""
        for older, newer in pairwise(boards):
            self.clock += every
            self.shared.replaced("kitchen", older, newer)

    def named(self) -> set[Board]:
        return set(self.shared.now().get("kitchen", []))


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def lines() -> Iterator[list[str]]:
    told: list[str] = []
    handler = logger.add(lambda line: told.append(line.strip()), format="{level} {message}")
    yield told
    logger.remove(handler)


def test_two_boards_are_named_once_and_when_it_is_over(keys: Keys, lines: list[str]) -> None:
    keys.calls(A, B, A, B, A, B, A, B)
    assert keys.named() == {A, B}
    assert lines == [
        "WARNING several boards use the key of kitchen: aa at 10.0.0.5 and bb at 10.0.0.6; give each its own"
    ]
    keys.clock += WINDOW_SECONDS + 1
    assert keys.named() == set()
    assert lines[1].startswith("INFO several boards use the key of kitchen: over")


def test_three_boards_are_all_named(keys: Keys) -> None:
    keys.calls(A, B, C, A, B, C)
    assert keys.named() == {A, B, C}


def test_boards_that_say_no_id_are_told_apart_by_their_addresses(keys: Keys) -> None:
    keys.calls(*[Board(None, "10.0.0.5"), Board(None, "10.0.0.6")] * 3)
    assert {board.address for board in keys.named()} == {"10.0.0.5", "10.0.0.6"}


def test_boards_behind_one_address_are_told_apart_by_their_ids(keys: Keys) -> None:
    keys.calls(*[Board("aa", "10.0.0.1"), Board("bb", "10.0.0.1")] * 3)
    assert {board.id for board in keys.named()} == {"aa", "bb"}


@pytest.mark.parametrize(
    "boards",
    [
        [A, A, A, A, A, A, A, A],
        [Board("aa", f"10.0.0.{number}") for number in range(20)],  # a new address at each restart
        [Board("aa", "10.0.0.5"), Board("aa", "10.0.9.5")] * 8,  # to and fro between two networks
        [Board(None, f"10.0.0.{number}") for number in range(20)],
        [Board(None, "10.0.0.5"), Board(None, "10.0.9.5"), Board(None, "10.0.0.5")],  # there and back
        [A, B, B, B, B, B],  # the key has moved to another board
        [A, B, A],  # tried on another board
        [A, C, B],
    ],
)
def test_one_board_that_roams_or_restarts_is_no_alarm(
    keys: Keys, boards: list[Board], lines: list[str]
) -> None:
    keys.calls(*boards)
    assert keys.named() == set()
    assert lines == []


def test_what_happens_now_and_then_is_no_alarm(keys: Keys) -> None:
    keys.calls(*[A, B] * 10, every=WINDOW_SECONDS + 1)
    assert keys.named() == set()


def test_a_key_is_not_blamed_for_anothers(keys: Keys) -> None:
    for _ in range(3):
        keys.shared.replaced("kitchen", A, B)
        keys.shared.replaced("attic", B, A)
    assert keys.shared.now() == {}
