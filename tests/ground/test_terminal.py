from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ground import terminal

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07name", "name"),
        ("\x9b2Jname", "name"),
        ("bell\x07 back\x08 del\x7f", "bell back del"),
        ("a\u202ecba\u2066x\u2069", "acbax"),
        ("a\u200bb\ufeffc\u2028d\U000e0041e", "abcde"),
        ("tab\tline\n", "tab\tline\n"),
        ("Küche ☕ 👩\u200d🚀 \xa0", "Küche ☕ 👩\u200d🚀 \xa0"),
    ],
)
def test_what_would_command_a_terminal_is_taken_out(text: str, shown: str) -> None:
    assert terminal.plain(text) == shown


def test_a_name_with_line_ends_makes_no_row_of_its_own() -> None:
    assert terminal.one_line("attic\n\x1b[1mkitchen") == "attic kitchen"


def test_whatever_is_printed_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.out.print("[bold]attic[/]\x1b[2J \u202ex")
    terminal.out.verbatim("[bold]\x1b]0;x\x07attic")
    terminal.out.json({"name": "\x1b[2J"})
    assert capsys.readouterr().out == 'attic x\n[bold]attic\n{"name": "\\u001b[2J"}\n'


def test_a_long_line_for_scripts_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.out.verbatim("x " * 5_000)
    assert capsys.readouterr().out == "x " * 5_000 + "\n"


def run(
    script: str, *, before: str = "", after: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run lines of Python in a shell, with the terminal set up."""
    lines = f"from ground import terminal; from ground.terminal import out; terminal.set_up(); {script}"
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; {before} "$0" -c "$1" {after}', sys.executable, lines],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", b"+ K\\xfcche \\u2615 \\udcff -> attic\n"),
        ("latin-1", b"+ K\xfcche \\u2615 \\udcff -> attic\n"),
        ("utf-8", "✓ Küche ☕ \\udcff → attic\n".encode()),
    ],
)
def test_what_a_terminal_has_no_code_for_is_spelt_out(encoding: str, shown: bytes) -> None:
    done = run(r"out.verbatim('\u2713 K\u00fcche \u2615 \udcff \u2192 attic')", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stdout, done.stderr) == (0, shown, b"")


def test_when_the_reader_has_gone_we_go_quietly() -> None:
    endless = "[out.verbatim('x' * 9999) for _ in iter(int, 1)]"
    done = run(endless, after="| head -c 1")
    assert (done.returncode, done.stdout, done.stderr) == (141, b"x", b"")


def test_who_has_more_to_do_than_to_print_goes_on() -> None:
    script = (
        "terminal.set_up(outlives_its_reader=True); "
        "[out.verbatim('x' * 9999) for _ in range(99)]; terminal.err.print('done')"
    )
    done = run(script, after="| head -c 1")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"x", b"done\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_behind_standard_output_is_said() -> None:
    done = run("out.verbatim('x')", after="> /dev/full")
    assert b"Trouble: nothing can be printed: the disk is full" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_of_ours_takes_the_place_of_a_closed_stream(closed: str, tmp_path: Path) -> None:
    script = (
        f"file = open({str(tmp_path / 'x')!r}, 'w'); out.verbatim('printed'); print(file.fileno(), file=file)"
    )
    done = run(script, after=closed)
    assert done.returncode == 0
    assert int((tmp_path / "x").read_text()) > 2
