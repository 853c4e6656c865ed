"""What a run can be told, and what of it is not here: said before anything is built or started."""

from __future__ import annotations

import ipaddress
import math
import os
import re
import shlex
import shutil
import socket
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ground import folders, text
from ground.trouble import reason
from ground.typed import gateway_url
from hil.errors import Unusable
from hil.gateway import ROOT
from hil.record.results import read, runs_below
from tools import wishes
from tools.board import ports
from tools.errors import ImageError, PortError
from tools.releases.manifest import NAME as MANIFEST
from tools.releases.manifest import Manifest, parse
from tools.releases.release import Release

BACKENDS: Final = ("simulated", "simboard", "serial", "qemu")
EMULATORS: Final = {"esp32c3": "qemu-system-riscv32", "esp32s3": "qemu-system-xtensa"}
BINARY: Final = ROOT / "firmware" / "build" / "host" / "voicesim"
_BOARDS: Final = ROOT / "firmware" / "components" / "boards"
_ANSWER_SECONDS: Final = 5.0
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh])")
_MEANT_FOR: Final = {
    "host": ("serial",),
    "power_command": ("serial",),
    "sim_binary": ("simulated", "simboard"),
    "release": ("simboard", "serial", "qemu"),
}
"""The kinds of board that an option says something about."""


def add_options(add: Callable[..., Any]) -> None:
    """Add the rig's own options, beside pytest-embedded's, to a parser by its method for one."""
    add("--backend", type=said, help=f"{', '.join(BACKENDS)} (default: serial with --port, else simboard)")
    add("--board", type=said, help="name of the board, whose facts say what it can do")
    add("--host", type=said, help="address of this machine on the board's LAN")
    add(
        "--wifi",
        type=said,
        help="network to join (default: VOICEGW_WIFI_SSID); password from VOICEGW_WIFI_PASSWORD",
    )
    add("--power-command", type=said, help="switches the board's supply; {action} becomes on or off")
    add("--release", type=_path, help="release directory to flash before the suite")
    add("--sim-binary", type=_path, help="a build of voicesim (default: firmware/build/host/voicesim)")
    add("--gateway", type=said, help="URL of a gateway that already runs the rig's bot")
    add("--soak", default="10m", help="how long to soak: 90s, 10m, 8h, off (default: 10m)")
    add("--slack", type=_factor, default=1.0, help="times are judged so many times more kindly (default: 1)")
    add("--run", type=_path, help="folder for results (default: build/hil/TIME)")
    add("--no-page", action="store_true", help="write results.json and no page")
    add("--recorded", type=_path, help="journal to replay (python -m hil.replay)")
    add("--against", type=_path, help="folder of an earlier run to compare with")


def said(given: str) -> str:
    """A value of an option: one that is empty would be passed by, or be the working directory."""
    if not given.strip():
        raise ArgumentTypeError("its value is empty; leave it out, or write one")
    return given


def _path(given: str) -> Path:
    return Path(said(given))


def _factor(given: str) -> float:
    try:
        found = float(given)
    except ValueError:
        found = 0.0
    if not 0 < found < math.inf:
        raise ArgumentTypeError(f"{given!r} is no factor; write a number above 0, such as 4")
    return found


def kind_of(option: Namespace, port: str | None) -> str:
    """The kind of board that is asked for."""
    kind: str = option.backend or ("serial" if port else "simboard")
    return kind


def check(option: Namespace, asked: list[str], *, qemu: str | None = None) -> None:
    """Look whether all that a run asks for is here.

    Args:
        option: of the run.
        asked: the ports, one for each board.
        qemu: another emulator than the one on PATH.

    Raises:
        Unusable: something is not; names it and says what to do. Trouble: likewise.
    """
    kind = kind_of(option, asked[0] if asked else None)
    if kind not in BACKENDS:
        raise Unusable(f"there is no backend {kind}; choose one of {', '.join(BACKENDS)}")
    _check_meant(option, kind, asked)
    capabilities_of(option.board)
    seconds(option.soak)
    network(option)
    if option.gateway is not None:
        gateway_url(option.gateway)
    if option.host is not None:
        _check_host(option.host)
    if option.power_command is not None:
        power(option.power_command, "on")
    if option.against is not None:
        _check_earlier(option.against)
    about = None if option.release is None else released(option.release)
    if option.sim_binary is not None:
        runnable(option.sim_binary)
    if kind == "qemu":
        _check_emulator(about, qemu)
    if kind == "serial":
        _check_ports(asked)


def _check_meant(option: Namespace, kind: str, asked: list[str]) -> None:
    """What says nothing about this kind of board would be passed by."""
    given = {name: kinds for name, kinds in _MEANT_FOR.items() if getattr(option, name) is not None}
    for name, kinds in (given | ({"port": ("serial",)} if asked else {})).items():
        if kind not in kinds:
            word = name.replace("_", "-")
            raise Unusable(
                f"--{word} means nothing with backend {kind}; leave it out, or choose --backend {' or '.join(kinds)}"
            )


def answers(gateway: str | None) -> None:
    """Look whether somebody listens where a gateway is to run already. Raises Unusable where nobody does."""
    if gateway is None:
        return
    parts = urlsplit(gateway_url(gateway))
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), _ANSWER_SECONDS).close()
    except OSError as error:
        raise Unusable(
            f"no gateway answers at {gateway}: {reason(error)}; start it, with hil/bots/lab.py as its bot"
        ) from None


def _check_host(host: str) -> None:
    try:
        address = ipaddress.IPv4Address(host)
        with socket.socket(socket.AF_INET) as probe:
            probe.bind((host, 0))
    except (ValueError, OSError):
        address = None
    if address is None or address.is_unspecified or address.is_multicast or address.is_reserved:
        raise Unusable(
            f"--host {host} is no IPv4 address of this machine; give the one on the board's LAN (ip -4 addr)"
        )


def network(option: Namespace) -> dict[str, str]:
    """The Wi-Fi to join, as a board takes it; nothing where none is named. Raises Trouble where no board would."""
    ssid = option.wifi or os.environ.get("VOICEGW_WIFI_SSID", "")
    wanted = {"ssid": ssid, "password": os.environ.get("VOICEGW_WIFI_PASSWORD", "")} if ssid else {}
    wishes.check(wanted)
    return wanted


def power(command: str, action: str) -> list[str]:
    """The words of the command that switches a board's supply.

    Raises:
        Unusable: it is none, or does not say where `on` or `off` goes.
    """
    try:
        words = [word.replace("{action}", action) for word in shlex.split(command)]
    except ValueError as error:
        raise Unusable(f"--power-command {command} is no command: {error}; close what it opens") from None
    if "{action}" not in command:
        raise Unusable(f"--power-command {command} does not say {{action}}; write it where on or off goes")
    if shutil.which(words[0]) is None:
        raise Unusable(f"there is no program {words[0]} (--power-command); install it, or give its path")
    return words


def _check_earlier(folder: Path) -> None:
    runs = runs_below(folder)
    if not runs:
        raise Unusable(f"no run in {folder}; name a folder that `make hil` wrote")
    for run in runs:
        read(run)


def runnable(binary: Path) -> Path:
    """A build of the simulated device. Raises Unusable where it is none; Trouble where that can't be told."""
    if not folders.names_file(binary):
        raise Unusable(f"there is no {binary}; build it: make -C firmware host")
    if not os.access(binary, os.X_OK):
        raise Unusable(f"{binary} is no program; give a build of voicesim: make -C firmware host")
    return binary


def released(release: Path) -> Manifest:
    """What a release is for.

    Raises:
        Unusable: it is none, or not whole.
    """
    try:
        about = parse((release / MANIFEST).read_bytes())
        Release(about, str(release), lambda part: (release / part.path).read_bytes()).load()
    except (OSError, ImageError) as error:
        raise Unusable(
            f"{release} is no release: {error}; write one with firmware/tools/release.py"
        ) from None
    return about


def _check_emulator(about: Manifest | None, program: str | None) -> None:
    if about is None:
        raise Unusable(
            "no --release; name the directory that firmware/tools/release.py wrote for board qemu or qemu-s3"
        )
    if about.chip not in EMULATORS:
        raise Unusable(f"no emulator has an {about.chip}; build board qemu or qemu-s3")
    program = program or EMULATORS[about.chip]
    if shutil.which(program) is None:
        package = EMULATORS[about.chip].replace("-system", "")
        raise Unusable(
            f"{program} is not on PATH; install it with: idf_tools.py install {package}, and run export.sh"
        )


def _check_ports(asked: list[str]) -> None:
    if not asked:
        raise Unusable("no --port; name the board's, such as --port /dev/ttyACM0")
    seen: set[str] = set()
    for port in asked:
        device = port if ports.is_network(port) else os.path.realpath(port)
        if device in seen:
            raise Unusable(f"--port {port} is there twice; name each board once")
        seen.add(device)
        try:
            ports.open_port(port).close()
        except PortError as error:
            raise Unusable(f"{error.cause}; {error.remedy}") from None


def capabilities_of(board: str | None) -> frozenset[str]:
    """What a real board can do, by its file of facts; without a name, what every board of ours can.

    Raises:
        Unusable: there is no such board.
    """
    if not board:
        return frozenset({"audio_out", "flash", "mdns", "ota"})
    known = {path.stem: path for path in sorted(_BOARDS.glob("*.toml"))}
    if board not in known:
        raise Unusable(f"there is no board {board}; there are {', '.join(known)} (docs/boards.md adds one)")
    facts = text.read_toml(known[board])
    has = {
        "audio_out": "speaker" in facts,
        "display": "display" in facts,
        "wifi": facts.get("network") == "wifi",
        "aec": bool(facts.get("echo_canceller")),
    }
    return frozenset({"flash", "mdns", "ota"} | {name for name, there in has.items() if there})


def seconds(text: str) -> float:
    """A duration such as 90s, 10m, 8h; `off` is 0.

    Raises:
        Unusable: it is none.
    """
    if text == "off":
        return 0.0
    found = _DURATION.fullmatch(text)
    length = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < length < math.inf:
        raise Unusable(f"{text!r} is no duration; write 90s, 10m, 8h or off")
    return length
