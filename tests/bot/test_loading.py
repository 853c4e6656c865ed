from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.bot import beside, loading
from gateway.errors import ConfigError


def test_a_bot_that_is_named_as_a_module_is_found_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "voicegw_test_bot.py").write_text("async def bot(runner_args): ...\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "voicegw_test_bot", raising=False)
    assert loading.load("voicegw_test_bot").__file__ == str(tmp_path / "voicegw_test_bot.py")


def test_a_bots_functions_are_found_by_its_files_name_unless_that_is_another_modules(tmp_path: Path) -> None:
    for name, found in (
        ("voicegw_test_a", True),
        ("json", False),
        ("loguru", False),
        ("voicegw.test", False),
    ):
        (tmp_path / f"{name}.py").write_text("async def bot(runner_args): ...\n")
        module = loading.load(str(tmp_path / f"{name}.py"))
        assert (module.__name__ == name) is found
        assert sys.modules[module.__name__] is module
        del sys.modules[module.__name__]


def test_a_file_that_calls_the_runner_wherever_it_is_imported_is_a_bot_like_another(tmp_path: Path) -> None:
    lines = "from pipecat.runner.run import main\nasync def bot(runner_args): ...\nmain()\n"
    (tmp_path / "voicegw_serves.py").write_text(lines)
    module = loading.load(str(tmp_path / "voicegw_serves.py"))
    assert callable(module.bot)
    assert importlib.import_module("pipecat.runner.run").main is not module.main
    del sys.modules[module.__name__]


WRAPPED = """
def wrapped(inner):
    def bot(*given): return inner(*given)
    return bot

@wrapped
"""
INSTANCE = """
class Bot:
    async def __call__(self, runner_args): ...

bot = Bot()
"""
PARTIAL = """
import functools
async def run(name, runner_args): ...
bot = functools.partial(run, "x")
"""
A_BOT = "async def bot(runner_args): ...\n"


@pytest.mark.parametrize(
    ("code", "taken"),
    [
        (A_BOT, True),
        (WRAPPED + A_BOT, True),
        (INSTANCE, True),
        (PARTIAL, True),
        ("async def run(a): ...\ndef bot(runner_args): return run(runner_args)", True),
        ("async def run(a): ...\nbot = lambda a: run(a)", True),
        ("def bot(runner_args): ...", False),
        ("def bot(runner_args):\n    print(runner_args)", False),
        ("def bot(runner_args):\n    if runner_args: return\n    return 5", False),
        ("async def bot(runner_args): yield", False),
        ("def bot(runner_args): yield", False),
        ("bot = 'x'", False),
    ],
)
async def test_whatever_can_be_awaited_once_it_is_called_is_a_bot(
    tmp_path: Path, code: str, taken: bool
) -> None:
    (tmp_path / "bot.py").write_text(code)
    if taken:
        assert await loading.load(str(tmp_path / "bot.py")).bot(None) is None
    else:
        with pytest.raises(ConfigError, match="has no `async def bot"):
            loading.load(str(tmp_path / "bot.py"))


@pytest.mark.parametrize("name", ["/opt", "bots/kitchen", "./bot", ".bot", "a..b"])
def test_what_is_neither_a_module_nor_a_file_is_no_package_to_be_installed(name: str) -> None:
    with pytest.raises(ConfigError, match="is no bot") as caught:
        loading.load(name)
    assert "`.py` file" in caught.value.remedy


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a bot's file, which is imported into modules and a path that end with the test."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(beside, "_entered", [])
    (tmp_path / "bots").mkdir()

    def write(code: str) -> str:
        path = tmp_path / "bots" / "bot.py"
        path.write_text(f"{code}\nasync def bot(runner_args): ...\n")
        return str(path)

    return write


def test_a_file_beside_a_bot_is_found(write: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "bots" / "voicegw_test_helpers.py").write_text("A = 1\n")
    assert loading.load(write("from voicegw_test_helpers import A")).A == 1


@pytest.mark.usefixtures("write")
def test_two_bots_may_have_modules_of_one_name(tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "voicegw_test_twin.py").write_text(f"WHOSE = {name!r}\n")
        files.append(tmp_path / name / "bot.py")
        files[-1].write_text("from voicegw_test_twin import WHOSE\nasync def bot(runner_args): ...\n")
    assert [loading.load(str(file)).WHOSE for file in (*files, files[0])] == ["one", "two", "one"]
    assert importlib.import_module("voicegw_test_twin").WHOSE == "one"  # as its bot would, in a call


MOVED = "from pipecat.transports.network.small_webrtc import SmallWebRTCTransport"
GONE = "from pipecat.services.openai import NoSuchService"


@pytest.mark.parametrize(
    ("code", "says", "remedy"),
    [
        (MOVED, "has no pipecat.transports.network.small_webrtc", "from pipecat.transports.smallwebrtc.transport"),
        ("import pipecat.transports.network.small_webrtc", "has no pipecat.transports.network", "changelog"),
        (GONE, "has no NoSuchService", "changelog"),
        ("from pipecat.services.groq.tts import GroqTTSService", "no module groq", "pipecat-ai[groq]=="),
        ("import groq", "there is no module groq", "pipecat-ai[groq]=="),
        ("from deepgram import x", "there is no module deepgram", "deepgram"),
        ("import bs4", "there is no module bs4", "beautifulsoup4"),
        ("import a_package_that_nobody_has", "there is no module a_package_that_nobody_has", "beside the bot's"),
        ("import lies_above", "there is no module lies_above", "lies_above.py is not beside"),
        ("import lies_below", "there is no module lies_below", "lies_below.py is not beside"),
        ("from .helpers import x", "begins with a dot", "from helpers import"),
        ("from json import no_such", "no_such", "see what"),
        ("1 / 0", "does not import: ZeroDivisionError", "by itself"),
        ("import os; os.environ['A_KEY_OF_NOBODY']", "A_KEY_OF_NOBODY is not in the environment", ".env"),
        ("{}['a']", "does not import: KeyError('a')", "by itself"),
        ("import sys; sys.exit('no key')", "ends while it is imported: no key", "by itself"),
        ("import argparse; a = argparse.ArgumentParser(); a.error('x')", "imported with status 2", "no options"),
        ("x = \n", "bot.py, line 1: invalid syntax", "UTF-8"),
        ("\0", "null bytes", "UTF-8"),
    ],
)  # fmt: skip
def test_what_an_import_lacks_is_said_with_what_brings_it(
    write: Callable[[str], str], tmp_path: Path, code: str, says: str, remedy: str
) -> None:
    (tmp_path / "lies_above.py").touch()
    (tmp_path / "bots" / "sub").mkdir()
    (tmp_path / "bots" / "sub" / "lies_below.py").touch()
    with pytest.raises(ConfigError) as caught:
        loading.load(write(code))
    assert says in caught.value.message
    assert remedy in caught.value.remedy
