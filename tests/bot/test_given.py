"""What a bot finds in its environment, without a call."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gateway.bot import given


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(sys, "argv", ["voicegw"])


def test_what_one_bots_import_sets_is_no_other_bots(tmp_path: Path) -> None:
    one, two = str(tmp_path / "one.py"), str(tmp_path / "two.py")
    for bot in (one, two):
        with given.importing(bot):
            os.environ["OF_A_BOT"] = bot  # as load_dotenv(override=True) does
        assert "OF_A_BOT" not in os.environ
    given.settle(one)
    assert (os.environ["OF_A_BOT"], os.environ["ENV"], sys.argv) == (one, "local", [one])


def test_where_one_bots_import_goes_no_other_bot_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with given.importing(str(tmp_path / f"{name}.py")):
            os.chdir(tmp_path / name)
        assert Path.cwd() == here
    given.settle(str(tmp_path / "three.py"))
    assert Path.cwd() == here
    given.settle(str(tmp_path / "one.py"))
    assert Path.cwd() == tmp_path / "one"


def test_the_env_file_beside_a_bot_is_read_and_overrides_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OF_A_BOT=beside\nSET_ALREADY=beside\n")
    os.environ["SET_ALREADY"] = "before"
    with given.importing(str(tmp_path / "bot.py")):
        assert (os.environ["OF_A_BOT"], os.environ["SET_ALREADY"]) == ("beside", "before")
    assert "OF_A_BOT" not in os.environ
    assert sys.argv == ["voicegw"]
