from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gateway.bot import loading


def test_a_bot_that_is_named_as_a_module_is_found_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "voicegw_test_bot.py").write_text("async def bot(runner_args): ...\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "voicegw_test_bot", raising=False)
    assert loading.load("voicegw_test_bot").__file__ == str(tmp_path / "voicegw_test_bot.py")
