"""Crashes decoded with a real ELF, made here by the RISC-V compiler that the firmware's budget uses."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tools.board import traces
from tools.board.logline import parse
from tools.board.traces import Decoder
from tools.errors import ToolError
from tools.monitor import _describe, in_words, show

CODE = """\
__attribute__((noinline)) int fall(int depth)
{
    return depth * 3;
}
int _start(void)
{
    return fall(2) + 1;
}
"""
COMPILER = shutil.which("riscv64-unknown-elf-gcc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no RISC-V compiler here")


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("elf")
    (directory / "fall.c").write_text(CODE)
    options = ["-march=rv32imc", "-mabi=ilp32", "-nostdlib", "-g", "-O1", "-Wl,-Ttext=0x42000000"]
    subprocess.run([str(COMPILER), *options, "fall.c", "-o", "fall.elf"], cwd=directory, check=True)
    return directory / "fall.elf"


@pytest.fixture(scope="module")
def decoder(elf: Path) -> Decoder:
    prefix = traces.toolchain(elf)
    assert prefix is not None
    return Decoder(elf, prefix)


def address_of(elf: Path, symbol: str) -> str:
    table = subprocess.run(["riscv64-unknown-elf-nm", elf], capture_output=True, text=True, check=True).stdout
    return next(f"0x{line.split()[0][-8:]}" for line in table.splitlines() if line.split()[-1] == symbol)


def test_the_addresses_of_a_crash_are_functions_and_lines(elf: Path, decoder: Decoder) -> None:
    fall, start = address_of(elf, "fall"), address_of(elf, "_start")
    frames = decoder.frames(f"MEPC    : {fall}  RA      : {start}  SP      : 0x3fc97f20")
    assert [frame.function for frame in frames] == ["fall", "_start"]
    assert frames[0].place.endswith("fall.c:3")


def test_other_lines_with_numbers_are_left_alone(decoder: Decoder) -> None:
    assert decoder.frames("I (5) heap: at 0x42000000") == []


def test_the_monitor_shows_the_line_what_it_means_and_where_it_was(decoder: Decoder) -> None:
    line = "Guru Meditation Error: Core  0 panic'ed (Load access fault). MEPC : 0x42000000"
    shown = list(_describe(parse(line), decoder))
    assert [what["type"] for what in shown] == ["log", "complaint", "trace"]
    assert shown[2]["frames"][0]["function"] == "fall"


def test_a_core_dump_is_gathered_and_one_that_cannot_be_decoded_is_said(decoder: Decoder) -> None:
    lines = ["================= CORE DUMP START =================", "bm90IGEgZHVtcA==",
             "================= CORE DUMP END ================="]  # fmt: skip
    shown = [what for line in lines for what in _describe(parse(line), decoder)]
    assert [what["type"] for what in shown] == ["core", "log"] or [what["type"] for what in shown] == [
        "log",
        "core",
    ]
    core = next(what for what in shown if what["type"] == "core")
    assert "cannot be decoded" in core["text"]
    assert not decoder.in_core


def test_what_is_no_elf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "app.bin"
    path.write_bytes(b"\xe9")
    with pytest.raises(ToolError, match="no ELF"):
        traces.find_elf(path)


@pytest.mark.parametrize(
    "what",
    [
        {"type": "event", "event": "transcript", "who": "user", "text": "\x1b]0;a title\x07hello"},
        {"type": "answer", "values": {"name": "\x1b[2Jhello"}},
        {"type": "refusal", "error": "\x9b2Jhello", "remedy": "\x1bc"},
    ],
)
def test_what_json_spells_out_commands_no_terminal(
    what: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    show(what)
    said = capsys.readouterr().out
    assert "hello" in said
    assert not {"\x1b", "\x07", "\x9b"} & set(said)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"event": "state", "state": "backoff", "reason": "no_gateway"}, "backoff (no_gateway)"),
        ({"event": "state", "state": "live", "reason": "none"}, "live"),
        ({"event": "transcript", "who": "user", "text": "hello", "final": True}, "user: hello"),
        ({"event": "speaking", "who": "bot", "on": True}, "bot speaks"),
        ({"event": "bot_ready"}, "bot_ready"),
    ],
)
def test_events_are_told_in_words(event: dict[str, object], words: str) -> None:
    assert in_words(event) == words
