"""`voicegw bot install`, in an environment of its own, from a folder that is all the index there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gateway import ROOT, environment
from tests.support.waiting import PATIENCE

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def wheel(files: Path, name: str, module: str) -> None:
    """A package whose module is called otherwise."""
    info = f"{name}-1.0.dist-info"
    content = {
        f"{module}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(files / f"{name}-1.0-py3-none-any.whl", "w") as file:
        for path, text in content.items():
            file.writestr(path, text)
        file.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in [*content, f"{info}/RECORD"]))


@pytest.fixture
def voicegw(tmp_path: Path) -> Command:
    """The command of an environment that sees what is installed here, and may be added to."""
    own = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(own)], check=True)
    [site] = own.glob("lib/python*/site-packages")
    (site / "ours.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n")
    files = tmp_path / "files"
    files.mkdir()
    wheel(files, "beautifulsoup4", "bs4")
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(files), "PIP_CONFIG_FILE": os.devnull}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(own / "bin" / "python"), "-m", "gateway", "bot", *arguments]
        env = environment({**index, "NO_COLOR": "1", "COLUMNS": "200"})
        return subprocess.run(
            command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    return run


def bot(folder: Path, *imports: str) -> str:
    path = folder / "bot.py"
    path.write_text("\n".join((*imports, "print('hello')", "async def bot(runner_args): ...")))
    return str(path)


def test_what_a_bot_lacks_is_brought_until_it_imports(voicegw: Command, tmp_path: Path) -> None:
    file = bot(tmp_path, "import bs4")
    lacks = voicegw("check", file, "--json")
    assert lacks.returncode == 2
    assert json.loads(lacks.stdout)["requirement"] == "beautifulsoup4"

    done = voicegw("install", file)
    assert done.returncode == 0, done.stderr
    assert "pip install beautifulsoup4" in done.stdout
    assert "has what it needs now" in done.stdout
    assert json.loads(voicegw("check", file, "--json").stdout.splitlines()[-1]) == {"ok": True}
    assert voicegw("install", file).stdout.endswith("has what it needs.\n")


@pytest.mark.parametrize(
    ("lacking", "says"),
    [("a_package_that_nobody_has", "put its file beside the bot's"), ("groq", "exit status 1")],
    ids=["only a name", "not to be had"],
)
def test_what_is_only_a_name_or_not_to_be_had_is_said(
    voicegw: Command, tmp_path: Path, lacking: str, says: str
) -> None:
    """Whoever registered the name of a module need not be who wrote it."""
    done = voicegw("install", bot(tmp_path, f"import {lacking}"))
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bot_may_print_what_it_likes_as_it_is_imported_and_at_its_end(
    voicegw: Command, tmp_path: Path
) -> None:
    loud = (
        "import atexit, sys",
        "sys.stdout.buffer.write(b'K\\xfcche\\n')",
        "atexit.register(print, '[1, 2]')",
    )
    done = voicegw("install", bot(tmp_path, *loud))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("has what it needs.\n")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_bot_that_runs_itself_is_told_where_as_its_import_has_no_end(
    voicegw: Command, tmp_path: Path, *, as_json: bool
) -> None:
    runs = ("import asyncio", "def main(): asyncio.run(asyncio.Event().wait())", "main()")
    done = voicegw("check", bot(tmp_path, *runs), "--seconds", "2", *["--json"] * as_json)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    said = done.stdout if as_json else done.stderr
    assert "is not imported within 2 s, and is in line 2" in said
    assert "__main__" in said


@pytest.mark.parametrize(("lacking", "status"), [("", 0), ("import a_package_that_nobody_has", 2)])
def test_a_thread_that_a_bot_has_started_keeps_no_command(
    voicegw: Command, tmp_path: Path, lacking: str, status: int
) -> None:
    starts = "import threading; threading.Thread(target=threading.Event().wait).start()"
    assert voicegw("check", bot(tmp_path, starts, lacking)).returncode == status
