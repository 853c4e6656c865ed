"""The rig as a pytest plugin: options, markers, what is skipped, and the report at the end."""

from __future__ import annotations

import datetime as dt
import platform
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

from ground.trouble import Trouble
from hil.capabilities import CAPABILITIES
from hil.errors import Unusable
from hil.gateway import ROOT
from hil.options import add_options
from hil.record.results import Result, Run
from hil.station import Station, make_station

RUN = pytest.StashKey[Run]()
RESULT = pytest.StashKey[Result]()
STATION = pytest.StashKey[Station]()
_GATE = pytest.StashKey[str]()
_UNUSABLE_STATUS: Final = 2


def pytest_addoption(parser: pytest.Parser) -> None:
    """The rig's own options, beside pytest-embedded's."""
    add_options(parser.getgroup("hil", "the rig").addoption)


def pytest_configure(config: pytest.Config) -> None:
    """Register markers, and choose where results go."""
    for name, what in CAPABILITIES.items():
        config.addinivalue_line("markers", f"{name}: only on a board that {what}")
    config.addinivalue_line("markers", "quick: part of `make test`")
    config.addinivalue_line("markers", "witness: the rig is tested by it, on devices with a fault")
    config.addinivalue_line("markers", "gate: without it nothing else makes sense")
    config.addinivalue_line("markers", "soak: takes as long as --soak says")
    if config.option.run is None:
        config.option.run = ROOT / "build" / "hil" / f"{dt.datetime.now():%Y%m%d-%H%M%S}"  # noqa: DTZ005
    run: Path = config.option.run
    if not config.option.collectonly:
        run.mkdir(parents=True, exist_ok=True)
    config.option.root_logdir = config.option.root_logdir or str(run)
    config.stash[RUN] = Run()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Find the board, or say what is missing."""
    config = session.config
    if config.option.collectonly:
        return
    try:
        config.stash[STATION] = make_station(config.option)
    except (Unusable, Trouble) as error:
        pytest.exit(str(error), _UNUSABLE_STATUS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The gate first, the soak last, or not at all."""
    items.sort(
        key=lambda item: (item.get_closest_marker("gate") is None) + 2 * bool(item.get_closest_marker("soak"))
    )
    if config.option.soak == "off":
        for item in items:
            if item.get_closest_marker("soak"):
                item.add_marker(pytest.mark.skip(reason="--soak off"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this board can't do, and everything once the gate is shut."""
    module = getattr(item, "module", None)
    first = (module.__doc__ or "").strip().splitlines()[0].rstrip(".") if module else ""
    result = Result(test=item.name, capability=first or "other")
    item.stash[RESULT] = result
    item.config.stash[RUN].results.append(result)
    if (why := item.config.stash.get(_GATE, "")) != "":
        pytest.skip(f"not tried, since {why}")
    station = item.config.stash[STATION]
    for name, what in CAPABILITIES.items():
        if item.get_closest_marker(name) and name not in station.backend.capabilities:
            pytest.skip(f"needs a board that {what} ({station.backend.kind} {station.board} does not)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Keep the outcome."""
    report: pytest.TestReport = yield
    result = item.stash.get(RESULT, None)
    if result is not None:
        _note(result, report, call)
        if report.failed and item.get_closest_marker("gate"):
            item.config.stash[_GATE] = f"{item.name} failed"
        if report.failed:
            report.sections.append(("evidence", str(item.config.option.run / result.folder)))
    return report


def _note(result: Result, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
    result.seconds += report.duration
    if report.failed:
        result.outcome = "failed"
        text = str(call.excinfo.value) if call.excinfo else report.longreprtext
        result.message = result.message or text or report.longreprtext[-400:]
    elif report.skipped:
        result.outcome = result.outcome or "skipped"
        result.message = re.sub(
            r"^Skipped: ", "", report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        )
    elif report.when == "call":
        result.outcome = result.outcome or "passed"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the results and the page."""
    run, config = session.config.stash[RUN], session.config
    station = config.stash.get(STATION, None)
    if station is None or not run.results:
        return
    run.facts |= {**station.facts(), "machine": platform.platform(), "soak": config.option.soak}
    run.write(config.option.run)
    if config.option.no_page:
        return
    from hil.report import write_report  # noqa: PLC0415 -- matplotlib takes a second

    page = write_report([config.option.run], config.option.run / "report.html", against=config.option.against)
    config.stash[RUN].facts["page"] = str(page)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say where the page is."""
    if page := config.stash[RUN].facts.get("page"):
        terminalreporter.write_line(f"report: {page}")
