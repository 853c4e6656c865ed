from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.board import logline
from tools.board.logline import Answer, Event, Log, Refusal


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('@ok {"state":"live"}', Answer({"state": "live"})),
        ('@err {"error":"unknown_command","remedy":"help"}\r\n', Refusal("unknown_command", "help")),
        ('@evt {"event":"bot_ready"}', Event({"event": "bot_ready"})),
        ("\x1b[0;32mI (345) voice: ready\x1b[0m", Log("I (345) voice: ready")),
        ('@evt {"event":"sta', Log('@evt {"event":"sta')),
        ("a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\c\x9d2;t\x9cd", Log("abcd")),
        ("a\x1bP1$r0m\x1b\\b\x1b_x\x1b\\c\x1b^x\x1b\\d\x1bXx\x1b\\e", Log("abcde")),
        ("a\x1b[?25lb\x1b[2 qc\x9b31md\x1b(0e\x1bcf\x1b7g", Log("abcdefg")),
        ("a\x1b]0;no end", Log("a0;no end")),
        ("a\tb\rc\x08\x07\x1b", Log("a\tbc")),
        ("@ok [1]", Log("@ok [1]")),
        ("@ok " + "[" * 10_000, Log("@ok " + "[" * 10_000)),
        ("@okay {}", Log("@okay {}")),
        ("", Log("")),
    ],
)
def test_a_line_is_what_its_mark_says(text: str, line: logline.Line) -> None:
    assert logline.parse(text) == line


@given(st.text())
def test_any_text_is_some_line(text: str) -> None:
    logline.parse(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("invalid header: 0xffffffff", "no firmware"),
        ("E (55) boot: No bootable app partitions in the partition table", "no slot"),
        ("E (33) flash_parts: partition table 0x8000 invalid", "partition table"),
        ("E (41) esp_image: Image hash failed - image is corrupt", "damaged"),
        ("E (120) octal_psram: PSRAM chip is not connected, or wrong PSRAM line mode", "PSRAM"),
        ("E BOD: Brownout detector was triggered", "supply"),
        ("Guru Meditation Error: Core  0 panic'ed (Load access fault). Exception was unhandled.", "crashed"),
        ("waiting for download", "download"),
    ],
)
def test_what_a_chip_complains_of_has_cause_and_remedy(text: str, word: str) -> None:
    found = logline.complaint(text)
    assert found is not None
    assert word in found[0]
    assert found[1]


def test_an_ordinary_line_is_no_complaint() -> None:
    assert logline.complaint("I (345) wifi: connected") is None


def test_the_banner_of_the_rom_is_one_reset() -> None:
    banner = [
        "ESP-ROM:esp32c3-api1-20210207",
        "Build:Feb  7 2021",
        "rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)",
    ]
    assert sum(logline.is_reset(line) for line in banner) == 1
