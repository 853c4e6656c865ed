"""What a chip does with a flash, from reset to firmware: ESP-IDF's choices, and its words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hil.simboard.boot import boot
from hil.simboard.chips import CHIPS, Chip, Reset
from hil.simboard.demo import application, bootloader, layout
from hil.simboard.flash import SECTOR, Flash
from hil.simboard.outcome import Started, Stopped
from hil.simboard.partitions import TABLE, Select, State, pack_table, read_select
from tests.hil.simboard.support import FACTS, install

OTADATA, OTA_0, OTA_1 = (p for p in layout("4MB") if p.label in {"otadata", "ota_0", "ota_1"})


def app(chip: Chip, version: str = "1.0.0") -> bytes:
    return application(FACTS[chip.name], version, size=16_384)


def select(flash: Flash, *entries: Select) -> None:
    for number, entry in enumerate(entries):
        flash.replace(OTADATA.offset + number * SECTOR, entry.pack())


def run(flash: Flash, chip: Chip, reset: Reset = Reset.POWER_ON) -> tuple[str, Started | Stopped]:
    """Boots, and does what the bootloader writes down."""
    result = boot(flash, chip, reset)
    for write in result.writes:
        flash.replace(write.offset, write.data)
    return result.text, result.end


def states(flash: Flash) -> list[int]:
    return [entry.state for entry in read_select(flash, OTADATA)]


def started(flash: Flash, chip: Chip) -> Started:
    text, end = run(flash, chip)
    assert isinstance(end, Started), text
    return end


def test_the_first_slot_boots_where_nothing_was_chosen_and_is_the_choice_then(
    flash: Flash, chip: Chip
) -> None:
    install(flash, chip, app(chip))
    text, end = run(flash, chip)
    assert isinstance(end, Started)
    assert (end.slot, end.application.version, end.application.project) == (0, "1.0.0", "voicegw")
    assert "boot: No factory image, trying OTA 0" in text
    assert "boot: Set actual ota_seq=1 in otadata[0]" in text
    assert read_select(flash, OTADATA)[0] == Select.make(1, State.VALID)


def test_the_rom_says_who_it_is_and_why_it_starts(flash: Flash, chip: Chip) -> None:
    install(flash, chip, app(chip))
    text, _ = run(flash, chip, Reset.RESTART)
    assert text.startswith(
        chip.rom + f"rst:0xc (RTC_SW_CPU_RST),boot:{chip.strap_flash:#x} (SPI_FAST_FLASH_BOOT)\nSaved"
    )


def test_an_erased_flash_is_an_invalid_header_and_a_watchdog(flash: Flash, chip: Chip) -> None:
    text, end = run(flash, chip)
    assert text.endswith("invalid header: 0xffffffff\n" * 3)
    assert end == Stopped(Reset.WATCHDOG, 0.3)


def test_a_bootloader_for_another_chip_is_refused_by_the_rom(flash: Flash) -> None:
    flash.replace(0, bootloader(FACTS["esp32c3"]))
    text, end = run(flash, CHIPS["esp32s3"])
    assert text.endswith("Invalid chip id. Expected 9 read 5. Bootloader for wrong chip?\nets_main.c 329 \n")
    assert isinstance(end, Stopped)


def test_a_bootloader_with_a_flipped_bit_fails_its_checksum(flash: Flash, chip: Chip) -> None:
    install(flash, chip, app(chip))
    flash.program(200, b"\x00")
    text, end = run(flash, chip)
    assert "Checksum failure. Calculated 0x" in text
    assert isinstance(end, Stopped)


def test_a_bootloader_with_a_wrong_digest_boots_all_the_same(flash: Flash, chip: Chip) -> None:
    install(flash, chip, app(chip))
    flash.program(len(bootloader(FACTS[chip.name])) - 1, b"\x00")
    text, end = run(flash, chip)
    assert "SHA-256 comparison failed:" in text
    assert "Attempting to boot anyway..." in text
    assert isinstance(end, Started)


ROM_BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "segments": (lambda file: file[:1] + b"\x20" + file[2:], "Invalid image block count: 32 (max 16)"),
    "length": (lambda file: file[:28] + b"\x51" + file[29:], "Invalid image block, can't boot."),
    "beyond": (lambda file: file[:30] + b"\xff\x7f" + file[32:], "Invalid image block, can't boot."),
}


@pytest.mark.parametrize("how", sorted(ROM_BROKEN))
def test_a_bootloader_that_cannot_be_loaded_is_left_by_the_rom(how: str, flash: Flash, chip: Chip) -> None:
    spoil, words = ROM_BROKEN[how]
    flash.replace(0, spoil(bootloader(FACTS[chip.name])))
    text, end = run(flash, chip)
    assert text.endswith(f"{words}\nets_main.c {chip.ets_main} \n")
    assert end == Stopped(Reset.WATCHDOG, 0.3)


def test_an_application_in_the_place_of_the_bootloader_runs_into_nothing(flash: Flash, chip: Chip) -> None:
    flash.replace(0, app(chip))
    text, end = run(flash, chip)
    assert "\nentry 0x" in text
    assert "2nd stage" not in text
    assert end == Stopped(Reset.WATCHDOG, 0.3)


def test_a_bootloader_for_a_later_chip_says_so_itself(flash: Flash, chip: Chip) -> None:
    image = bootloader(FACTS[chip.name])
    flash.replace(0, image[:15] + b"\x09\x03" + image[17:])
    text, end = run(flash, chip)
    assert "boot_comm: chip revision check failed. Required >= v7.77, found v0." in text
    assert end == Stopped(Reset.SOFTWARE, 0.1)


def test_the_flash_is_as_large_as_the_bootloaders_header_says(flash: Flash, chip: Chip) -> None:
    install(flash, chip, app(chip))
    flash.replace(0, bootloader(replace(FACTS[chip.name], flash_size="1MB")))
    assert "exceeds flash chip size 0x100000" in run(flash, chip)[0]


def test_a_header_that_promises_more_flash_than_there_is_ends_in_a_reset(flash: Flash, chip: Chip) -> None:
    flash.replace(0, bootloader(replace(FACTS[chip.name], flash_size="16MB")))
    flash.replace(TABLE, pack_table([replace(p, offset=p.offset + 0x800000) for p in layout("4MB")]))
    assert run(flash, chip)[1] == Stopped(Reset.SOFTWARE, 0.1)


def test_a_table_with_a_wrong_md5_is_refused(flash: Flash, chip: Chip) -> None:
    install(flash, chip, app(chip))
    flash.program(TABLE + 14, b"\x00")
    text, end = run(flash, chip)
    assert "flash_parts: Incorrect MD5 checksum" in text
    assert end == Stopped(Reset.SOFTWARE, 0.1)


def test_a_table_for_a_larger_flash_is_refused(flash: Flash, chip: Chip) -> None:
    install(flash, chip, app(chip))
    flash.replace(TABLE, pack_table(layout("16MB")))
    assert "exceeds flash chip size 0x400000" in run(flash, chip)[0]


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_the_higher_sequence_number_is_the_choice(version: str, flash: Flash, chip: Chip) -> None:
    install(flash, chip, app(chip, "1.0.0"), app(chip, "2.0.0"))
    first, second = (3, 2) if version == "1.0.0" else (1, 2)
    select(flash, Select.make(first, State.VALID), Select.make(second, State.VALID))
    assert started(flash, chip).application.version == version


def test_a_new_application_gets_one_try_and_then_the_one_before_is_back(flash: Flash, chip: Chip) -> None:
    install(flash, chip, app(chip, "1.0.0"), app(chip, "2.0.0"))
    select(flash, Select.make(1, State.VALID), Select.make(2, State.NEW))
    assert started(flash, chip).application.version == "2.0.0"
    assert states(flash) == [State.VALID, State.PENDING_VERIFY]
    assert started(flash, chip).application.version == "1.0.0"
    assert states(flash) == [State.VALID, State.ABORTED]


def test_one_that_was_marked_valid_stays(flash: Flash, chip: Chip) -> None:
    install(flash, chip, app(chip, "1.0.0"), app(chip, "2.0.0"))
    select(flash, Select.make(1, State.VALID), Select.make(2, State.NEW))
    started(flash, chip)
    select(flash, Select.make(1, State.VALID), Select.make(2, State.VALID))
    assert started(flash, chip).application.version == "2.0.0"


def test_an_entry_with_a_wrong_checksum_does_not_count(flash: Flash, chip: Chip) -> None:
    install(flash, chip, app(chip, "1.0.0"), app(chip, "2.0.0"))
    select(flash, Select.make(1, State.VALID), Select(2, State.VALID, crc=0))
    assert started(flash, chip).slot == 0


def test_without_a_sound_entry_and_a_factory_every_slot_is_tried(flash: Flash, chip: Chip) -> None:
    install(flash, chip, b"", app(chip, "2.0.0"))
    select(flash, Select(1, State.VALID, crc=0), Select(2, State.VALID, crc=0))
    text, end = run(flash, chip)
    assert "E (" in text
    assert "boot: ota data partition invalid and no factory, will try all partitions" in text
    assert isinstance(end, Started)
    assert end.slot == 1


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "nothing": (lambda image: image[:0], "image at 0x20000 has invalid magic byte (nothing flashed here?)"),
    "flipped": (
        lambda image: image[:5000] + b"\x00\x00" + image[5002:],
        "esp_image: Checksum failed. Calculated 0x",
    ),
    "digest": (lambda image: image[:-1] + b"\x00", "esp_image: Image hash failed - image is corrupt"),
    "short": (lambda image: image[:9000], "esp_image: "),
    "alignment": (lambda image: image[:24] + b"\x10" + image[25:], "doesn't match data 0x00020020"),
    "revision": (
        lambda image: image[:15] + b"\x09\x03" + image[17:],
        "boot_comm: chip revision check failed. Required >=",
    ),
}


@pytest.mark.parametrize("how", sorted(BROKEN))
def test_a_broken_application_is_named_and_the_chip_starts_over(how: str, flash: Flash, chip: Chip) -> None:
    spoil, words = BROKEN[how]
    install(flash, chip, spoil(app(chip)))
    text, end = run(flash, chip)
    assert words in text
    assert "boot: OTA app partition slot 0 is not bootable" in text
    assert text.rstrip().endswith("boot: No bootable app partitions in the partition table")
    assert end == Stopped(Reset.SOFTWARE, 0.1)


def test_a_broken_application_gives_way_to_a_whole_one(flash: Flash, chip: Chip) -> None:
    install(flash, chip, b"", app(chip, "2.0.0"))
    assert started(flash, chip).application.version == "2.0.0"


def test_an_application_for_another_chip_is_refused(flash: Flash) -> None:
    install(flash, CHIPS["esp32s3"], app(CHIPS["esp32c3"]))
    assert "boot_comm: mismatch chip ID, expected 9, found 5" in run(flash, CHIPS["esp32s3"])[0]


def test_the_sequence_numbers_checksum_is_esp_idfs() -> None:
    assert Select.make(1, State.VALID).crc == 0x4743989A  # of every otadata that was written once
