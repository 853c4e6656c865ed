"""A recorded test, done again."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest

from hil import replay
from hil.board import Board
from hil.errors import Refused
from hil.gateway import Gateway
from hil.network import Link
from hil.path.link import CLEAR
from hil.record import journal
from hil.record.journal import Step


def test_what_was_recorded(live: Board, link: Link, gateway: Gateway, request: pytest.FixtureRequest) -> None:
    def to_gateway(step: Step) -> None:
        if step.line in {"stop", "die", "start"}:
            getattr(gateway, step.line)()
        else:
            link.point_at(request.getfixturevalue(step.line).url, step.line)

    doers: dict[str, Callable[[Step], Any]] = {
        "console": lambda step: ask(live, step.line),
        "link": lambda step: link.impair(step.up or CLEAR, step.down or CLEAR, seed=step.seed),
        "reset": lambda _: live.reset(),
        "power": lambda step: live.power(step.line == "on"),
        "gateway": to_gateway,
    }
    for wait, step in steps(journal.read(request.config.option.recorded)[1]):
        time.sleep(wait)
        if step.what in doers:
            doers[step.what](step)
    live.live(60)


def steps(recorded: list[Step]) -> list[tuple[float, Step]]:
    """Those of the test itself, each with how long after the one before it came."""
    own = replay.own(recorded)
    waits = [max(0.0, b.at - a.at) for a, b in itertools.pairwise(own)]
    return list(zip([0.0, *waits], own, strict=True))


def ask(board: Board, line: str) -> None:
    if "***" in line:
        return  # a secret, which is not kept
    try:
        board.ask(line)
    except Refused as refused:
        print(refused)  # noqa: T201 -- then as now, perhaps
