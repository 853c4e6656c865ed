from __future__ import annotations

import os

import pytest

from gateway.media.here import BotsHere
from gateway.settings import Settings


@pytest.mark.parametrize(("own", "then"), [(None, "1"), ("0", "0")])
async def test_what_a_bot_imports_tells_nobody_unless_the_user_wants_it(
    monkeypatch: pytest.MonkeyPatch, own: str | None, then: str
) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    monkeypatch.delenv("PIPECAT_SETUP_FILES", raising=False)
    if own is not None:
        monkeypatch.setenv("ORT_DISABLE_TELEMETRY", own)
    bots = BotsHere(Settings(bot="echo"))
    await bots.start()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == then
    await bots.stop()
