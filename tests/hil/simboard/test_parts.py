"""The small parts: framing, flash, faults, wiring, images and releases."""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.simboard import slip
from hil.simboard.chips import CHIPS
from hil.simboard.demo import FAULTS, application, facts, fault_in, layout, program, write_release
from hil.simboard.errors import BadFault, BadFlashFile, BadRelease, FlashInUse, OutOfFlash
from hil.simboard.faults import Fault, Line
from hil.simboard.flash import MEGABYTE, SECTOR, Flash
from hil.simboard.image import APP, HEADER, SEGMENT, checksum
from hil.simboard.lines import AutoReset, NotWired, Pins, UsbJtag
from tests.hil.simboard.support import FACTS, ROOT

BYTES = st.binary(min_size=1, max_size=64)


@given(st.lists(BYTES), st.integers(1, 7))
def test_frames_come_out_as_they_went_in_however_they_are_cut(payloads: list[bytes], step: int) -> None:
    stream, decoder = b"".join(slip.encode(payload) for payload in payloads), slip.Decoder(64)
    out = [frame for at in range(0, len(stream), step) for frame in decoder.feed(stream[at : at + step])]
    assert out == payloads


@pytest.mark.parametrize("bad", [b"ab\xdbc", b"\xdb", b"x" * 65])
def test_a_frame_that_is_no_good_is_dropped_and_the_next_is_read(bad: bytes) -> None:
    assert list(slip.Decoder(64).feed(b"\xc0" + bad + b"\xc0" + slip.encode(b"next"))) == [b"next"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=BYTES, second=BYTES)
def test_writing_only_clears_bits(flash: Flash, first: bytes, second: bytes) -> None:
    flash.erase(0, SECTOR)
    flash.program(0, first)
    flash.program(0, second)
    a, b = (data.ljust(64, b"\xff") for data in (first, second))
    assert flash.read(0, 64) == bytes(x & y for x, y in zip(a, b, strict=True))


LINE = "slip lines faults registers ram download loader rom stub board"
BOOT = "image partitions outcome verify bootloader boot"


@pytest.mark.parametrize("room", [*LINE.split(), *BOOT.split()])
def test_what_decides_does_no_io(room: str) -> None:
    tree = ast.parse((ROOT / "hil" / "simboard" / f"{room}.py").read_text())
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not {name.partition(".")[0] for name in names} & {
        "asyncio",
        "socket",
        "subprocess",
        "serial",
        "os",
        "time",
    }


def test_erasing_takes_whole_sectors_within_the_flash(flash: Flash) -> None:
    for offset, length in ((1, SECTOR), (0, 100), (flash.size, SECTOR), (-SECTOR, SECTOR)):
        with pytest.raises(OutOfFlash):
            flash.erase(offset, length)


def test_a_flash_file_is_of_a_size_that_flash_comes_in(tmp_path: Path) -> None:
    (tmp_path / "flash.bin").write_bytes(b"short")
    with pytest.raises(BadFlashFile, match="5 bytes long"):
        Flash(tmp_path / "flash.bin", MEGABYTE)
    with pytest.raises(BadFlashFile, match="cannot be opened"):
        Flash(tmp_path / "none" / "flash.bin", MEGABYTE)


def test_a_flash_file_is_one_boards(flash: Flash, tmp_path: Path) -> None:
    with pytest.raises(FlashInUse):
        Flash(tmp_path / "flash.bin", 0)
    flash.close()
    Flash(tmp_path / "flash.bin", 0).close()


def test_a_weak_cell_does_not_hold_what_is_written(flash: Flash) -> None:
    flash.weak = 5
    flash.program(0, b"\xff\x0f" * 4)
    assert flash.read(0, 8) == b"\xff\x0f\xff\x0f\xff\x0e\xff\x0f"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("noise=0.01", Fault("noise", rate=0.01)),
        ("drop@100", Fault("drop", at=100)),
        ("verify@0x20000", Fault("verify", at=0x20000)),
        ("stall@5:1.5", Fault("stall", at=5, seconds=1.5)),
        ("unplug@5", Fault("unplug", at=5)),
    ],
)
def test_faults_are_read(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault


@pytest.mark.parametrize(
    "text", ["", "noise", "noise=2", "noise=1.2.3", "drop", "drop@x", "drop@5:1", "melt@5"]
)
def test_what_is_no_fault_is_named(text: str) -> None:
    with pytest.raises(BadFault):
        Fault.parse(text)


def test_the_byte_that_is_dropped_is_the_one_that_was_said() -> None:
    line = Line(1)
    line.set(Fault("drop", at=4))
    assert line.from_host(b"012") == (b"012", [])
    assert line.from_host(b"3456") == (b"356", [])
    assert line.from_host(b"789") == (b"789", [])


@pytest.mark.parametrize("kind", ["stall", "reset", "unplug"])
def test_what_comes_after_an_incident_is_lost_to_it(kind: str) -> None:
    line = Line(1)
    line.set(Fault(kind, at=2))
    assert line.from_host(b"abcd") == (b"ab", [Fault(kind, at=2)])
    assert line.from_host(b"ef") == (b"ef", [])


def test_noise_changes_some_bytes_and_the_same_ones_again() -> None:
    heard = []
    for _ in range(2):
        line = Line(3)
        line.set(Fault("noise", rate=0.1))
        heard.append(line.to_host(bytes(1000)))
    assert heard[0] == heard[1]
    assert 50 < sum(byte != 0 for byte in heard[0]) < 150


def test_another_speed_is_garbage_and_a_near_one_is_not() -> None:
    line = Line(1)
    assert line.garble(b"hello", sent_at=115200, read_at=115200) == b"hello"
    assert line.garble(b"hello", sent_at=115200, read_at=117000) == b"hello"
    assert line.garble(b"hello", sent_at=115200, read_at=921600) != b"hello"
    assert len(line.garble(bytes(100), sent_at=921600, read_at=115200)) == 12


def test_the_auto_reset_circuit_is_two_transistors() -> None:
    circuit = AutoReset()
    assert circuit.change(dtr=False, rts=False) == Pins()
    assert circuit.change(dtr=False, rts=True) == Pins(reset=True)
    assert circuit.change(dtr=True, rts=False) == Pins(download=True)
    assert circuit.change(dtr=True, rts=True).settle > 0


def test_the_chips_own_usb_remembers_what_dtr_asked_for() -> None:
    circuit = UsbJtag()
    for dtr, rts in ((False, False), (True, False), (True, True)):
        circuit.change(dtr=dtr, rts=rts)
    assert circuit.change(dtr=False, rts=True).reset
    assert circuit.change(dtr=False, rts=False) == Pins(download=True)
    circuit.change(dtr=False, rts=True)
    assert circuit.change(dtr=False, rts=False) == Pins()


def test_where_nothing_is_wired_nothing_happens() -> None:
    assert NotWired().change(dtr=False, rts=True) == Pins()


@given(st.binary(max_size=300))
def test_the_checksum_is_the_xor_of_all_bytes(data: bytes) -> None:
    expected = 0xEF
    for byte in data:
        expected ^= byte
    assert checksum(data) == expected


@pytest.mark.parametrize("name", ["bootloader.bin", "voicegw.bin"])
@pytest.mark.parametrize("board", sorted(FACTS))
def test_esptool_finds_the_images_sound(name: str, board: str, tmp_path: Path) -> None:
    write_release(tmp_path, FACTS[board], "1.2.3")
    said = subprocess.run(
        [sys.executable, "-m", "esptool", "image-info", str(tmp_path / name)],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    assert f"Chip ID: {CHIPS[board].id} " in said
    assert said.count("(valid)") == 2
    assert ("App version: 1.2.3" if name == "voicegw.bin" else "Bootloader version: 1") in said


def test_a_release_says_what_is_in_it(tmp_path: Path) -> None:
    write_release(tmp_path, FACTS["esp32s3"], "1.2.3")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["board"], manifest["chip"], manifest["flash_size"]) == ("s3-devkit", "esp32s3", "8MB")
    for file in manifest["files"]:
        content = (tmp_path / file["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size"], file["sha256"])


def test_the_facts_are_those_of_the_board_files() -> None:
    assert {name: facts(known.name) for name, known in FACTS.items()} == FACTS
    with pytest.raises(BadRelease, match="there is no board 'toaster'"):
        facts("toaster")


@pytest.mark.parametrize("size", ["4MB", "8MB", "16MB"])
def test_the_partitions_are_those_of_the_firmware(size: str) -> None:
    table = (
        (ROOT / "firmware" / "components" / "boards" / "partitions" / f"{size}.csv").read_text().splitlines()
    )
    rows = [
        [field.strip() for field in row]
        for row in csv.reader(line for line in table if not line.startswith("#"))
    ]
    assert [(p.label, p.offset, p.size) for p in layout(size)] == [
        (row[0], int(row[3], 0), int(row[4], 0)) for row in rows if row
    ]


def test_an_image_says_which_board_it_is_for_where_the_firmware_looks() -> None:
    image = application(FACTS["esp32c3"], "1.0.0", size=16_384)
    assert image[288:320] == b"VGB1xmini-c3".ljust(32, b"\x00")


@pytest.mark.parametrize("fault", FAULTS)
def test_an_image_carries_what_it_is_to_do_wrong(fault: str) -> None:
    image = application(FACTS["esp32c3"], "1.0.0", fault, size=16_384)
    assert fault_in(image[HEADER.size + SEGMENT.size + APP.size :]) == fault


def test_what_is_no_release_is_not_programmed(flash: Flash, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(BadRelease, match="is no release"):
        program(flash, tmp_path)
