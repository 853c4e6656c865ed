"""The board files: consistent, and what is made from them is current."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.gateway import ROOT

FACTS = ROOT / "firmware" / "components" / "boards"
NAMES = sorted(path.stem for path in FACTS.glob("*.toml"))
GOOD = (FACTS / "xmini-c3.toml").read_text()


def test_what_is_made_from_the_facts_is_current(boards: ModuleType) -> None:
    assert boards.stale(boards.load_all(), write=False) == []


def test_the_boards_that_are_promised_are_there() -> None:
    promised = {
        "esp32-s3-box-3",
        "m5stack-atoms3r-echo",
        "m5stack-cores3",
        "qemu",
        "qemu-s3",
        "s3-devkit",
        "xmini-c3",
    }
    promised |= {
        "c5-devkit",
        "c6-devkit",
        "esp32-s3-korvo-2",
        "m5stack-atom-echos3r",
        "waveshare-s3-audio",
        "xiao-s3-xvf3800",
    }
    assert set(NAMES) == promised


@pytest.mark.parametrize("name", NAMES)
def test_each_file_names_its_sources(name: str) -> None:
    head = (FACTS / f"{name}.toml").read_text().partition("title")[0]
    assert re.search(r"\b[\w-]+/[\w-]+", head), "which project, and which file of it"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("sda = 3", "sda = 4", "i2c.scl and i2c.sda are both GPIO 4|i2c.sda and i2c.scl are both GPIO 4"),
        ("pin = 9", "pin = 18", "button.pin is GPIO 18"),
        ("bclk = 8", "bclk = 12", "i2s.bclk is GPIO 12"),
        ("ws = 6", "ws = 22", "i2s.ws is GPIO 22"),
        ('chip = "esp32c3"', 'chip = "esp32c9"', "chip is 'esp32c9'"),
        ('mode = "dio"', 'mode = "dout"', "flash.mode is 'dout'"),
        ('size = "16MB"', 'size = "3MB"', "flash.size is '3MB'"),
        ("amplifier = 11", "amplifer = 11", "nobody knows amplifer"),
        ("ws = 6\n", "", "missing 1 required"),
        ("opus_complexity = 0", "opus_complexity = 11", "opus_complexity is 11"),
        ('[speaker]\nchip = "es8311"\naddress = 0x18\namplifier = 11\n', "", "speaker, microphone and i2s"),
        ("[i2c]\nport = 0\nsda = 3\nscl = 4\n", "", r"there is no \[i2c\]"),
        ("address = 0x18\n", "", "has address"),
        ('title = "xmini-c3"', 'title = "xmini-c3', "line"),
        ('network = "wifi"', 'network = "wifi"\necho_canceller = true', "XVF3800"),
        ("scl = 1\n", "scl = 7\n", "revision: i2s.bclk and i2c.scl are both GPIO 7"),
        ("amplifier = 10", "amplifier = 9", "revision: speaker.amplifier and button.pin are both GPIO 9"),
    ],
)
def test_a_contradiction_is_named(
    boards: ModuleType, tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in GOOD
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(boards.BoardError, match=complaint) as caught:
        boards.load(path)
    assert "mine.toml" in str(caught.value)


def test_octal_psram_takes_its_pins(boards: ModuleType, tmp_path: Path) -> None:
    text = (FACTS / "m5stack-cores3.toml").read_text()
    path = tmp_path / "cores3.toml"
    path.write_text(text.replace('type = "quad"', 'type = "octal"'))
    with pytest.raises(boards.BoardError, match="GPIO 33"):
        boards.load(path)


def test_the_console_has_its_pins(boards: ModuleType, tmp_path: Path) -> None:
    text = (FACTS / "s3-devkit.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("din = 6", "din = 44"))
    with pytest.raises(boards.BoardError, match="GPIO 44"):
        boards.load(path)
    path.write_text(text.replace("din = 6", "din = 44").replace('"uart"', '"usb_serial_jtag"'))
    boards.load(path)


@pytest.mark.parametrize("name", NAMES)
def test_the_c_table_compiles(tmp_path: Path, name: str) -> None:
    kconfig = (FACTS / "Kconfig.projbuild").read_text()
    pins = re.findall(r"config (BOARD_PIN_\w+)\n.*\n.*\n\s+default (-?\d+)", kconfig)
    symbol = "CONFIG_BOARD_" + name.upper().replace("-", "_")
    lines = [f"#define {symbol} 1", *(f"#define CONFIG_{pin} {number}" for pin, number in dict(pins).items())]
    (tmp_path / "sdkconfig.h").write_text("\n".join(lines))
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wno-missing-field-initializers", "-Werror"]
    command = ["gcc", *flags, "-fsyntax-only", f"-I{tmp_path}", f"-I{FACTS / 'include'}"]
    subprocess.run([*command, str(FACTS / "board_table.c")], check=True)


@pytest.mark.parametrize(
    ("name", "pins", "complaint"),
    [
        ("s3-devkit", {"DIN": 35}, "belongs to flash or PSRAM"),
        ("s3-devkit", {"AMPLIFIER": 30}, "belongs to flash or PSRAM"),
        ("c6-devkit", {"DOUT": 24}, "belongs to flash or PSRAM"),
        ("c5-devkit", {"LED": 22}, "belongs to flash or PSRAM"),
        ("s3-devkit", {"DIN": 7}, "two pins are the same"),
        ("s3-devkit", {"AMPLIFIER": 38, "LED": -1, "BUTTON": -1}, ""),
    ],
)
def test_pins_with_which_a_board_would_not_start_are_not_built(
    boards: ModuleType, tmp_path: Path, name: str, pins: dict[str, int], complaint: str
) -> None:
    board = boards.load(FACTS / f"{name}.toml")
    chosen = {pin: preset for pin, _, preset in boards.boards_write.pin_settings(board)} | pins
    symbols = {"CONFIG_BOARD_" + name.upper().replace("-", "_"): 1, "CONFIG_SPIRAM_MODE_OCT": 1}
    symbols |= {f"CONFIG_BOARD_PIN_{pin}": number for pin, number in chosen.items()}
    header = "\n".join(f"#define {symbol} {value}" for symbol, value in symbols.items())
    (tmp_path / "sdkconfig.h").write_text(header)
    command = ["gcc", "-std=c11", "-fsyntax-only", f"-I{tmp_path}", f"-I{FACTS / 'include'}"]
    done = subprocess.run(
        [*command, str(FACTS / "board_table.c")], check=False, capture_output=True, text=True
    )
    assert (done.returncode == 0) == (complaint == "")
    assert complaint in done.stderr


def test_a_build_without_a_board_says_so(tmp_path: Path) -> None:
    (tmp_path / "sdkconfig.h").write_text("")
    command = [
        "gcc",
        "-fsyntax-only",
        f"-I{tmp_path}",
        f"-I{FACTS / 'include'}",
        str(FACTS / "board_table.c"),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert "-DBOARD=NAME" in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_sdkconfig_is_of_that_board(boards: ModuleType, name: str) -> None:
    board = boards.load(FACTS / f"{name}.toml")
    lines = (FACTS / "sdkconfig" / name).read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if line.startswith("CONFIG_"))
    assert len(values) == len([line for line in lines if line.startswith("CONFIG_")]), "nothing twice"
    assert values["CONFIG_IDF_TARGET"] == f'"{board.chip}"'
    assert ("CONFIG_SPIRAM" in values) == (board.psram is not None)
    table = FACTS.parents[1] / values["CONFIG_PARTITION_TABLE_CUSTOM_FILENAME"].strip('"')
    assert table.stem == board.flash.size
    assert table.exists()


@pytest.mark.parametrize("name", ["defaults", "defaults.esp32c3", "defaults.esp32s3", "defaults.idf5"])
def test_the_presets_are_in_the_repository(name: str) -> None:
    """A fresh clone has to have them: ESP-IDF builds without, and .gitignore knows sdkconfig.* as its output."""
    assert "CONFIG_" in (ROOT / "firmware" / f"sdkconfig.{name}").read_text()


@pytest.mark.parametrize("megabytes", [4, 8, 16])
def test_partitions_fit_and_do_not_overlap(boards: ModuleType, megabytes: int) -> None:
    layout = boards.layout(megabytes)
    end = 0x9000  # after bootloader and table
    for part in layout.partitions:
        assert part.offset >= end, part
        assert part.offset % (0x10000 if part.type == "app" else 0x1000) == 0, part
        assert part.size % 0x1000 == 0, part
        end = part.offset + part.size
    assert end <= megabytes << 20
    by_name = {p.name: (p.offset, p.size) for p in layout.partitions}
    assert by_name["nvs"] == (36_864, 24_576)
    assert by_name["ota_0"][0] == 131_072
    assert by_name["ota_0"][1] == by_name["ota_1"][1] >= 1_900_000, "twice what an image has"
