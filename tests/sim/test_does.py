"""An assistant with a language model does what is asked of it, aloud: `make does-demo`, looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import does_demo

pytest.importorskip("mcp", reason="the extra pipecat-ai[mcp] is not installed")


@pytest.mark.usefixtures("_built")
async def test_five_requests_are_done(tmp_path: Path) -> None:
    lines = await does_demo.show(tmp_path)
    assert len(lines) == len(does_demo.ASKED), lines
    light, timer, entry, weather, before = lines
    assert (light.did, light.said) == ("the relay is on", "Done: the relay is on.")
    assert '"kind": "timer"' in timer.did
    assert timer.said == "The timer is set."
    assert entry.did.startswith("added, 1")
    assert "does not answer" in weather.did
    assert weather.said.startswith("That did not work")
    assert before.before.lower() in before.said.lower(), "each was asked in a call of its own"
    assert before.did.startswith("looked up")
    assert "relay: on" in (tmp_path / "device.log").read_text()
