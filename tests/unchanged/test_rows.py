"""The comparison's own promise: a row without a result is told, and counts as not the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.unchanged.rows import NotRunError, Row, Table
from tests.unchanged.sides import differences


async def same(_: Path) -> list[str]:
    return []


async def raises(_: Path) -> list[str]:
    raise RuntimeError("no room\nat all")


async def never_ends(_: Path) -> list[str]:
    await asyncio.Event().wait()
    return []


async def lacks(_: Path) -> list[str]:
    raise NotRunError("no such module")


def table(*rows: Row) -> tuple[Table, list[str]]:
    said: list[str] = []
    return Table(rows, lambda *lines: said.append(" ".join(" ".join(lines).split()))), said


async def test_what_raises_has_no_result_and_the_others_go_on(tmp_path: Path) -> None:
    own, said = table(Row("bot", "a", raises), Row("bot", "b", same), Row("client", "c", same))
    await own.fill(tmp_path)
    assert own.summary() == "bots same=1 of 2 clients same=1 of 1"
    assert said[0] == "bot a differs no result: RuntimeError: no room at all"
    assert not own.all_same


async def test_what_never_ends_ends_with_its_time_and_what_comes_later_has_none(tmp_path: Path) -> None:
    own, said = table(Row("bot", "a", never_ends), Row("bot", "b", same))
    await own.fill(tmp_path, 0.01)
    assert own.summary() == "bots same=0 of 2"
    assert [line.rpartition(": ")[2] for line in said] == ["it took too long", "no time was left"]


async def test_what_cannot_be_run_counts_neither_way(tmp_path: Path) -> None:
    own, said = table(Row("example", "a", lacks), Row("example", "b", same))
    await own.fill(tmp_path)
    assert (own.summary(), own.all_same) == ("examples same=1 of 1", True)
    assert said[0] == "example a not run: no such module"


def test_two_that_failed_in_the_same_way_are_not_the_same() -> None:
    assert differences(["a", "b"], ["a", "b"]) == []
    assert differences(["a"], ["b"]) == ["- b", "+ a"]
    assert differences(["failed: x"], ["failed: x"]) == ["failed: x"]
