"""What a process prints, cut into lines."""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media import printed
from gateway.media.printed import LINES_A_SECOND, LONGEST_LINE, Cutter, Reader
from tests.support.waiting import until


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), min_size=1), max_size=20
    ),
    st.integers(1, 30),
)
def test_lines_come_whole_however_they_are_cut(lines: list[str], size: int) -> None:
    data = "".join(line + "\n" for line in lines).encode()
    cutter = Cutter()
    found = [line for i in range(0, len(data), size) for line in cutter.take(data[i : i + size], 0.0)]
    assert found + cutter.end() == lines


@given(st.binary(max_size=2_000))
def test_any_bytes_are_text(data: bytes) -> None:
    cutter = Cutter()
    text = cutter.take(data, 0.0) + cutter.end()
    assert sum(line.count("\n") for line in text) == 0


def test_a_last_line_without_its_end_is_there_at_the_end() -> None:
    cutter = Cutter()
    assert cutter.take(b"one\ntwo", 0.0) == ["one"]
    assert cutter.end() == ["two"]
    assert cutter.end() == []


def test_a_long_line_is_cut_and_takes_no_more_memory() -> None:
    cutter = Cutter()
    for _ in range(100):
        assert cutter.take(b"x" * LONGEST_LINE, 0.0) == []
    assert len(cutter._rest) <= LONGEST_LINE + 1
    assert cutter.take(b"x\nafter\n", 0.0) == ["x" * LONGEST_LINE + " …", "after"]


def test_of_too_many_lines_the_first_of_each_second_are_kept_and_the_rest_counted() -> None:
    cutter = Cutter()
    assert cutter.take(b"a\n" * (LINES_A_SECOND + 7), 5.0) == ["a"] * LINES_A_SECOND
    assert cutter.take(b"b\n" * 3, 5.9) == []
    assert cutter.take(b"c\n", 6.0) == ["… 10 more lines of this were left out", "c"]
    assert cutter.end() == []


def test_what_was_left_out_last_is_told_at_the_end() -> None:
    cutter = Cutter()
    cutter.take(b"a\n" * (LINES_A_SECOND + 1) + b"rest", 5.0)
    assert cutter.end() == ["rest", "… 1 more lines of this were left out"]


async def test_a_process_that_prints_too_much_is_made_to_wait_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(printed, "BYTES_A_SECOND", 1 << 16)
    out, into = os.pipe()
    lines: list[str] = []
    Reader(out, lines.append)

    def write() -> None:
        with os.fdopen(into, "wb") as pipe:
            pipe.write(b"x" * 200_000 + b"\nlast\n")

    await asyncio.to_thread(write)
    await until(lambda: "last" in lines, "all is read")
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(out)


async def test_a_reader_that_is_closed_leaves_no_descriptor() -> None:
    out, into = os.pipe()
    reader = Reader(out, lambda _: None)
    reader.close()
    reader.close()
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(out)
    os.close(into)
