#!/usr/bin/env python3
"""The boards that the firmware is for: reads components/boards/*.toml, and makes what is written down twice otherwise.

    boards.py check       facts that contradict each other, or generated files that are not what they would be now
    boards.py list        their names, as JSON
    boards.py generate    writes them: Kconfig, C table, sdkconfig defaults, partition tables, the table in docs/boards.md

Python 3.11 and nothing else.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import boards_write
from boards_facts import (
    CONSOLE_PINS,
    FLASH_PINS,
    OCTAL_PINS,
    PINS,
    USB_PINS,
    Backlight,
    Board,
    Button,
    Display,
    Flash,
    I2c,
    I2s,
    Layout,
    Led,
    Microphone,
    Partition,
    Psram,
    Revision,
    Speaker,
)

HERE = Path(__file__).resolve().parents[1] / "components" / "boards"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "boards.md"

CODECS = {"es8311", "es7210", "aw88298"}
TRIED = ("no", "built", "booted", "heard")


class BoardError(Exception):
    """A board file that cannot be right: names the file, the fact, and what it has to be."""


PARTS: dict[str, type[Any]] = {
    "flash": Flash, "psram": Psram, "i2c": I2c, "i2s": I2s, "speaker": Speaker, "microphone": Microphone,
    "button": Button, "led": Led, "display": Display, "backlight_i2c": Backlight, "revision": Revision,
}  # fmt: skip
CHOICES = {
    "chip": set(PINS), "network": {"wifi", "open_eth"}, "console": {"uart", "usb_serial_jtag"},
    "power": {"none", "cores3", "echo_base", "waveshare_audio"}, "tried": set(TRIED), "flash.size": {"4MB", "8MB", "16MB"}, "flash.mode": {"qio", "dio"},
    "flash.freq": {"80m"}, "psram.type": {"quad", "octal"}, "speaker.chip": {"es8311", "aw88298", "max98357a", "xvf3800"},
    "microphone.chip": {"es8311", "es7210", "inmp441", "xvf3800"}, "led.kind": {"gpio", "ws2812"}, "display.kind": {"ili9342", "gc9107"},
    "speaker.amplifier_active": {"high", "low"}, "button.active": {"high", "low"}, "led.active": {"high", "low"},
    "display.reset_active": {"high", "low"},
}  # fmt: skip


def build(kind: type[Any], values: dict[str, Any], where: str) -> Any:
    known = {f.name: f for f in fields(kind)}
    if strange := sorted(set(values) - set(known)):
        raise BoardError(f"{where}: nobody knows {', '.join(strange)}; there are {', '.join(sorted(known))}")
    made = {k: build(PARTS[k], v, f"{where}: {k}") if k in PARTS else v for k, v in values.items()}
    try:
        return kind(**made)
    except TypeError as error:
        raise BoardError(f"{where}: {error}".replace("__init__() ", "")) from None


def problems(b: Board) -> Iterator[str]:
    """What contradicts itself, or the chip."""
    for path, allowed in CHOICES.items():
        value: Any = b
        for step in path.split("."):
            value = getattr(value, step, None)
        if value is not None and value not in allowed:
            yield f"{path} is {value!r}, which is none of {', '.join(sorted(allowed))}"
    if b.chip in PINS:
        yield from pin_problems(b)
    if b.revision:
        yield from revision_problems(b)
    yield from sound_problems(b)
    if not 0 <= b.opus_complexity <= 10:
        yield f"opus_complexity is {b.opus_complexity}, not 0 to 10"
    if len(b.name) > 27:
        yield "a name has at most 27 characters: that is what fits the image"


def pin_problems(b: Board) -> Iterator[str]:
    psram = b.psram.type if b.psram else ""
    taken = FLASH_PINS[b.chip] | (OCTAL_PINS.get(b.chip, set()) if psram == "octal" else set())
    taken |= USB_PINS[b.chip] if b.console == "usb_serial_jtag" else CONSOLE_PINS[b.chip]
    seen: dict[int, str] = {}
    for role, pin in sorted(b.pins()):
        if pin not in PINS[b.chip] or pin in taken:
            yield f"{role} is GPIO {pin}, which the {b.chip} lacks or needs for flash, PSRAM or its console"
        if pin in seen:
            yield f"{role} and {seen[pin]} are both GPIO {pin}"
        seen[pin] = role


def revision_problems(b: Board) -> Iterator[str]:
    if b.speaker is None or b.speaker.chip not in CODECS:
        yield "revision: told apart by the codec's answer, and there is none that answers"
    elif b.chip in PINS:
        yield from (f"revision: {problem}" for problem in pin_problems(b.revised()))


def sound_problems(b: Board) -> Iterator[str]:
    if (b.speaker is None) != (b.i2s is None) or (b.microphone is None) != (b.i2s is None):
        yield "speaker, microphone and i2s come together, or there is none of them"
    for role, part in (("speaker", b.speaker), ("microphone", b.microphone)):
        if part and (part.chip in CODECS) != bool(part.address):
            yield f"{role}: a {part.chip} {'has' if part.chip in CODECS else 'has no'} address on I2C"
        if part and part.chip in CODECS and b.i2c is None:
            yield f"{role}: a {part.chip} is set up over I2C, and there is no [i2c]"
    if b.echo_canceller and (b.microphone is None or b.microphone.chip != "xvf3800"):
        yield "echo_canceller: only an XVF3800 cancels echoes so far"


def load(path: Path) -> Board:
    """Raises BoardError, which says everything that is wrong with the file."""
    try:
        values = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise BoardError(f"{path.name}: {error}") from None
    board: Board = build(Board, {"name": path.stem, **values}, path.name)
    if found := list(problems(board)):
        raise BoardError(f"{path.name}: " + "; ".join(found))
    return board


def load_all(directory: Path = HERE) -> list[Board]:
    """All boards by name."""
    return [load(path) for path in sorted(directory.glob("*.toml"))]

def layout(megabytes: int) -> Layout:
    """ESP-IDF wants images on 64 KiB, everything else on 4 KiB; a core dump of a chip's RAM is well under 128 KiB."""
    first, dump = 0x20000, 0x20000
    slot = min(0x400000, (megabytes * 0x100000 - first - dump) // 2 & ~0xFFFF)
    return Layout(
        megabytes,
        [
            Partition("nvs", "data", "nvs", 0x9000, 0x6000),
            Partition("otadata", "data", "ota", 0xF000, 0x2000),
            Partition("phy_init", "data", "phy", 0x11000, 0x1000),
            Partition("ota_0", "app", "ota_0", first, slot),
            Partition("ota_1", "app", "ota_1", first + slot, slot),
            Partition("coredump", "data", "coredump", first + 2 * slot, dump),
        ],
    )


def stale(boards: list[Board], *, write: bool) -> list[Path]:
    """The generated files that are not what the facts make of them; writes them if told to."""
    layouts = [layout(int(size.removesuffix("MB"))) for size in sorted(CHOICES["flash.size"], key=lambda s: int(s[:-2]))]
    different = []
    for path, text in boards_write.everything(boards, layouts, HERE, DOCS):
        if not path.exists() or path.read_text() != text:
            different.append(path)
            if write:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    return different


def main(arguments: list[str]) -> int:
    if arguments == ["list"]:
        print(json.dumps(sorted(path.stem for path in HERE.glob("*.toml"))))
        return 0
    if arguments not in (["check"], ["generate"]):
        print(__doc__)
        return 2
    try:
        different = stale(load_all(), write=arguments == ["generate"])
    except BoardError as error:
        print(f"boards: {error}", file=sys.stderr)
        return 1
    for path in different:
        print(f"{path}: {'written' if arguments == ['generate'] else 'is not what the board files say: boards.py generate'}")
    return 1 if different and arguments == ["check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
