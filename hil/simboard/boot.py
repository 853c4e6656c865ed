"""What a chip does from reset to firmware, decided on a flash image alone: the ROM; the bootloader is next door.

The ROM's words are those in logs of real boards, and of the ROM itself in Espressif's emulator.
"""

from __future__ import annotations

from hil.simboard.bootloader import SecondStage
from hil.simboard.chips import Chip, Reset
from hil.simboard.errors import OutOfFlash
from hil.simboard.flash import Flash
from hil.simboard.image import (
    BOOTLOADER,
    HEADER,
    MAGIC,
    MODES,
    SEGMENTS_MOST,
    Bootloader,
    Header,
    Segment,
    read_ending,
    read_header,
    read_segment,
)
from hil.simboard.outcome import RESTART_SECONDS, WATCHDOG_SECONDS, Boot, Halt, Started, Stopped
from hil.simboard.verify import BadImage

ROM_MODES = MODES | {4: "FAST_RD"}


def download_text(chip: Chip, reset: Reset) -> str:
    """What the ROM prints when it is asked for its loader."""
    return chip.banner(reset, chip.strap_download, chip.download) + "waiting for download\n"


def boot(flash: Flash, chip: Chip, reset: Reset) -> Boot:
    """From reset on, with the pins as they are for flash."""
    text = chip.banner(reset, chip.strap_flash, "SPI_FAST_FLASH_BOOT")
    log: list[str] = []
    try:
        description = _rom(flash, chip, log)
    except Halt as halt:
        return Boot(text + "".join(log) + halt.text, (), Stopped(halt.reset, WATCHDOG_SECONDS))
    second = SecondStage(flash, chip, description)
    try:
        end: Started | Stopped = second.run()
    except (Halt, OutOfFlash) as why:
        words, reset = (why.text, why.reset) if isinstance(why, Halt) else (str(why), Reset.SOFTWARE)
        if words:
            second.log.bad("boot", words)
        end = Stopped(reset, RESTART_SECONDS)
    return Boot(text + "".join(log) + second.log.text(), tuple(second.writes), end)


def _rom(flash: Flash, chip: Chip, log: list[str]) -> Bootloader:
    """Loads the bootloader. Raises Halt."""
    header = read_header(flash, chip.bootloader)
    failed = f"ets_main.c {chip.ets_main} \n"
    if header.magic != MAGIC:
        first = int.from_bytes(flash.read(chip.bootloader, 4), "little")
        raise Halt(f"invalid header: {first:#010x}\n" * 3)
    if header.chip != chip.id:
        wrong = f"Expected {chip.id} read {header.chip}"
        raise Halt(f"Invalid chip id. {wrong}. Bootloader for wrong chip?\n{failed}")
    if header.segments > SEGMENTS_MOST:
        raise Halt(f"Invalid image block count: {header.segments} (max {SEGMENTS_MOST})\n{failed}")
    divider = 1 if header.speed == 0xF else header.speed + 2
    log.append(f"SPIWP:0xee\nmode:{ROM_MODES.get(header.mode, 'SLOW_RD')}, clock div:{divider}\n")
    try:
        segments = _rom_load(flash, chip, header, log)
        ending = read_ending(flash, chip.bootloader, segments, hashed=True)
    except (OutOfFlash, BadImage):
        raise Halt(f"Invalid image block, can't boot.\n{failed}") from None
    if ending.stored != ending.computed:
        raise Halt(
            f"Checksum failure. Calculated {ending.computed:#04x} stored {ending.stored:#04x}\n{failed}"
        )
    if ending.stored_digest != ending.computed_digest:
        digests = f"Calculated: {ending.computed_digest.hex()}\nExpected: {ending.stored_digest.hex()}\n"
        log.append(f"SHA-256 comparison failed:\n{digests}Attempting to boot anyway...\n")
    log.append(f"entry {header.entry:#010x}\n")
    if not all(chip.in_ram(segment.address, segment.length) for segment in segments):
        raise Halt("")  # an application, say, where the bootloader belongs: it runs into nothing
    return _description(flash, segments)


def _rom_load(flash: Flash, chip: Chip, header: Header, log: list[str]) -> list[Segment]:
    """Raises BadImage, OutOfFlash."""
    segments: list[Segment] = []
    at = chip.bootloader + HEADER.size
    for _ in range(header.segments):
        segment = read_segment(flash, at)
        log.append(f"load:{segment.address:#010x},len:{segment.length:#x}\n")
        if segment.length % 4:
            raise BadImage("a block that is not of whole words")
        flash.check(segment.offset, segment.length)
        segments.append(segment)
        at = segment.offset + segment.length
    return segments


def _description(flash: Flash, segments: list[Segment]) -> Bootloader:
    """Of a bootloader that carries one, else a bootloader of the version that we know."""
    starts = (flash.read(s.offset, min(s.length, BOOTLOADER.size)) for s in segments)
    return next((found for start in starts if (found := Bootloader.parse(start))), Bootloader())
