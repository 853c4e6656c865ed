"""What a test of the suite asks for: `board`, `live`, `link`, `gateway`, `assistant`, `measure`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hil.backends.qemu import Qemu
from hil.board import Board
from hil.errors import RigError, Unusable
from hil.evidence import Evidence
from hil.gateway import Gateway
from hil.network import Link
from hil.plugin import RESULT, STATION
from hil.record.results import Measuring
from hil.station import Station


@pytest.fixture(scope="session")
def station(request: pytest.FixtureRequest) -> Station:
    """The place of this run's board."""
    return request.config.stash[STATION]


@pytest.fixture(scope="session")
def recordings(request: pytest.FixtureRequest) -> Path:
    """Where the rig's bot writes what it heard."""
    folder: Path = request.config.option.run / "recordings"
    return folder


@pytest.fixture(scope="session")
def gateway(request: pytest.FixtureRequest, recordings: Path, station: Station) -> Iterator[Gateway]:
    """A gateway of the rig's own with its bot, whose echo is no echo to be taken out, whatever the board can do."""
    if station.gateway_url is not None:
        pytest.skip("needs a gateway of the rig's own, not the one of --gateway")
    plain = {"audio": {"echo": "off"}}
    with Gateway(request.config.option.run / "gateway", plain, recordings) as running:
        yield running


@pytest.fixture(scope="session")
def assistant(request: pytest.FixtureRequest, gateway: Gateway) -> Iterator[Gateway]:
    """A gateway with the bundled assistant, which the board cannot tell from the other."""
    made = Gateway(request.config.option.run / "assistant", {"bot": "assistant"})
    made.be(gateway)
    with made as running:
        yield running


@pytest.fixture
def evidence(request: pytest.FixtureRequest, station: Station) -> Iterator[Evidence]:
    """What is kept of this test."""
    name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
    folder: Path = request.config.option.run / name
    folder.mkdir(parents=True, exist_ok=True)
    request.node.stash[RESULT].folder = name
    kept = Evidence(folder)
    yield kept
    kept.collect(test=request.node.name, **station.facts())


@pytest.fixture
def release(station: Station) -> Callable[..., Path]:
    """Gives the folder of a release of some version, or with some fault; skips where there can be none.

    Without a version it is that of --release, where that is given.
    """

    def get(version: str = "", fault: str = "") -> Path:
        if not version and station.release is not None:
            return station.release
        try:
            return station.backend.release(version or "0.2.7", fault)
        except Unusable as error:
            pytest.skip(str(error))

    return get


@pytest.fixture
def measure(request: pytest.FixtureRequest, station: Station) -> Measuring:
    """Has figures judged by budgets.toml, and kept for the report."""
    return Measuring(request.node.stash[RESULT], station.budgets)


@pytest.fixture
def link(station: Station, evidence: Evidence, request: pytest.FixtureRequest) -> Iterator[Link]:
    """The path between the board and a gateway with the rig's bot; perfect until it is told otherwise."""
    url, identity = station.gateway_url, None
    if url is None:
        evidence.gateway = request.getfixturevalue("gateway")
        evidence.recordings = request.getfixturevalue("recordings")
        evidence.log_from = evidence.gateway.log_file.stat().st_size
        evidence.gateway.journal = evidence.journal
        url, identity = evidence.gateway.secure_url, evidence.gateway.identity_file
    reached = station.backend.reached
    with Link(
        url, bind=reached.bind, known_as=reached.known_as, identity=identity, journal=evidence.journal
    ) as between:
        evidence.link = between
        yield between


@pytest.fixture
def embedded_services(station: Station) -> str:
    """pytest-embedded's services: what this kind of board needs."""
    return station.backend.services


@pytest.fixture
def port(station: Station, evidence: Evidence) -> Iterator[str | None]:
    """The serial port that pytest-embedded opens: the board's."""
    yield station.backend.open(evidence.folder)
    station.backend.close()


@pytest.fixture
def qemu_image_path(station: Station, port: str | None) -> str | None:
    """The flash of an emulated board, which is laid out once `port` has made the board ready."""
    del port
    return str(station.backend.image) if isinstance(station.backend, Qemu) else None


@pytest.fixture
def qemu_extra_args(station: Station, port: str | None, request: pytest.FixtureRequest) -> str | None:
    """What the emulator is told beside its machine."""
    del port
    own: str | None = request.config.option.qemu_extra_args
    return own or (station.backend.extra if isinstance(station.backend, Qemu) else None)


@pytest.fixture
def unpaired(dut: Any, station: Station, evidence: Evidence) -> Iterator[Board]:
    """The board, its console answering, with no gateway set: it looks for one."""
    board = Board(station.backend, dut, Path(dut.logfile), evidence.journal)
    evidence.board = board
    if station.backend.kind not in {"simulated", "simboard", "qemu"}:  # those are new
        board.reset()
    station.state = board.ready()
    if station.release is not None and not station.flashed and station.backend.kind == "serial":
        station.flashed = True
        board.flash(station.release)
        station.state = board.ready(30)
    station.board = station.board or station.state["board"]
    if station.wifi:
        board.wifi = ("--ssid", station.wifi["ssid"])
        board.set(**station.wifi)
    evidence.journal.note("begin")
    yield board
    evidence.journal.note("end")


@pytest.fixture
def board(unpaired: Board, link: Link) -> Iterator[Board]:
    """The board, pointed at the link; it sends while its speaker plays, as its bot says back what it hears."""
    unpaired.set(talk="always", gateway=link.url)
    unpaired.journal.note("begin")
    yield unpaired
    unpaired.journal.note("end")
    link.refuse()
    with contextlib.suppress(RigError):
        unpaired.ask("reconnect", 2)  # hangs up


@pytest.fixture
def live(board: Board) -> Board:
    """The board in a call."""
    board.live()
    return board


@pytest.fixture
def updatable(live: Board, gateway: Gateway) -> Iterator[Board]:
    """Over plain http, as the rig speaks it, and of the rig's making."""
    live.set(update="any", firmware_key=gateway.firmware_key)
    live.live(30)
    live.console.wait(lambda e: e["event"] == "bot_ready", "the data channel")
    yield live
    live.set(update="", firmware_key="")
