"""A report of a crash, on its way to the gateway."""

from __future__ import annotations

from pathlib import Path

from tests.support.device import device
from tests.support.gateway import GatewayProcess
from tests.support.middle import scripted
from tests.support.waiting import until

REPORT = 'panic in task net: LoadProhibited\nbacktrace: 0x42001234 0x42005678 "x"'


async def test_it_is_told_once_live_and_then_forgotten(echo: GatewayProcess, tmp_path: Path) -> None:
    kept = tmp_path / "store" / "crash"
    kept.parent.mkdir()
    kept.write_text(REPORT)
    async with device(tmp_path, "--reset", "panic", url=echo.secure_url) as own:
        await own.live()
        await until(lambda: not kept.exists(), "the gateway has it")
        assert (await own.ask("crash")) == {"reset": "panic", "report": ""}


async def test_it_is_kept_while_nobody_has_heard_it(tmp_path: Path) -> None:
    kept = tmp_path / "store" / "crash"
    kept.parent.mkdir()
    kept.write_text(REPORT)
    async with scripted(None) as script, device(tmp_path, url=script.url) as own:
        await until(lambda: bool(script.requests), "an offer")
        assert (await own.ask("crash"))["report"] == REPORT
