"""A line from a device: an answer of its console, an event, a complaint of its ROM, or log. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ground.terminal import plain


@dataclass(frozen=True, slots=True)
class Answer:
    """`@ok {…}`: what the last command gave."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """`@err {…}`: why the last command did nothing."""

    error: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Event:
    """`@evt {…}`: what happened by itself."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Log:
    """Everything else."""

    text: str


Line = Answer | Refusal | Event | Log


def parse(text: str) -> Line:
    """Tell what a line is. A marked line whose JSON is broken, by noise say, is log."""
    said = plain(text).strip("\n")
    mark, _, rest = said.partition(" ")
    if mark not in {"@ok", "@err", "@evt"}:
        return Log(said)
    try:
        values = json.loads(rest)
    except (ValueError, RecursionError):
        return Log(said)
    if not isinstance(values, dict):
        return Log(said)
    if mark == "@err":
        return Refusal(str(values.get("error", "")), str(values.get("remedy", "")))
    return Answer(values) if mark == "@ok" else Event(values)


def is_reset(text: str) -> bool:
    """Whether a line is the one in which a chip's ROM says why it was reset."""
    return re.match(r"rst:0x[0-9a-f]+ ", text) is not None


_FLASH_AGAIN = "flash the board again: voicegw flash --erase"
_POWER = "use another cable or USB port, or a supply that gives more current"
_COMPLAINTS: tuple[tuple[str, str, str], ...] = (
    (r"invalid header: 0x[0-9a-f]+", "there is no firmware in the flash, or not where the chip looks", _FLASH_AGAIN),
    (r"flash read err", "the chip cannot read its flash", f"{_FLASH_AGAIN}; if that does not help: {_POWER}"),
    (r"csum err|Checksum failed|Image hash failed|hash mismatch", "the firmware in the flash is damaged", _FLASH_AGAIN),
    (r"load partition table error|Failed to verify partition table|partition table.*(invalid|failed)",
     "the partition table is damaged", _FLASH_AGAIN),
    (r"No bootable app partitions|image at 0x[0-9a-f]+ has invalid magic byte", "no slot holds firmware that starts",
     _FLASH_AGAIN),
    (r"exceeds flash chip size|smaller than the size in the binary image header",
     "the firmware is for a board with more flash", "flash the release of the board that it is, with --board NAME"),
    (r"mismatch chip ID|Image requires chip rev", "the firmware is for another chip", "flash the image for this chip"),
    (r"(octal|quad)_psram: PSRAM (chip is not connected|ID read error)|PSRAM initialization failed",
     "the firmware expects other PSRAM than the board has", "build it for the board that it is, with --board NAME"),
    (r"Brownout detector was triggered", "the board's supply drops too low", _POWER),
    (r"waiting for download", "the chip waits for a download instead of starting",
     "press the board's RESET button; GPIO 0 (GPIO 9 on a C3 or C6) must not be held low"),
    (r"Guru Meditation Error|abort\(\) was called|assert failed|Stack canary|stack overflow", "the firmware crashed",
     "see where: voicegw monitor, and voicegw build keeps what it needs for that"),
)  # fmt: skip


def complaint(text: str) -> tuple[str, str] | None:
    """The cause and remedy behind what ROM, bootloader or panic handler print, if it is one."""
    for pattern, cause, remedy in _COMPLAINTS:
        if re.search(pattern, text):
            return cause, remedy
    return None
