"""What a run can be told, and what of it is not here: said before anything is built or started."""

from __future__ import annotations

import shutil
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ground import text
from hil.errors import Unusable
from hil.gateway import ROOT
from hil.record.results import runs_below
from tools.board import ports
from tools.errors import ImageError, PortError
from tools.releases.manifest import NAME as MANIFEST
from tools.releases.manifest import Manifest, parse

BACKENDS: Final = ("simulated", "simboard", "serial", "qemu")
EMULATORS: Final = {"esp32c3": "qemu-system-riscv32", "esp32s3": "qemu-system-xtensa"}
BINARY: Final = ROOT / "firmware" / "build" / "host" / "voicesim"
_BOARDS: Final = ROOT / "firmware" / "components" / "boards"
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}


def add_options(add: Callable[..., Any]) -> None:
    """Add the rig's own options, beside pytest-embedded's, to a parser by its method for one."""
    add("--backend", help=f"{', '.join(BACKENDS)} (default: serial with --port, else simboard)")
    add("--board", default="", help="name of the board, whose facts say what it can do")
    add("--host", help="address of this machine on the board's LAN")
    add("--wifi", help="network to join (default: VOICEGW_WIFI_SSID); password from VOICEGW_WIFI_PASSWORD")
    add("--power-command", help="switches the board's supply; {action} becomes on or off")
    add("--release", type=Path, help="release directory to flash before the suite")
    add("--sim-binary", type=Path, help="a build of voicesim (default: firmware/build/host/voicesim)")
    add("--gateway", help="URL of a gateway that already runs the rig's bot")
    add("--soak", default="10m", help="how long to soak: 90s, 10m, 8h, off (default: 10m)")
    add("--slack", type=float, default=1.0, help="times are judged so many times more kindly (default: 1)")
    add("--run", type=Path, help="folder for results (default: build/hil/TIME)")
    add("--no-page", action="store_true", help="write results.json and no page")
    add("--recorded", type=Path, help="journal to replay (python -m hil.replay)")
    add("--against", type=Path, help="folder of an earlier run to compare with")


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
        Unusable: something is not; names it and says what to do.
    """
    kind = kind_of(option, asked[0] if asked else None)
    if kind not in BACKENDS:
        raise Unusable(f"there is no backend {kind}; choose one of {', '.join(BACKENDS)}")
    capabilities_of(option.board)
    seconds(option.soak)
    if option.against is not None and not runs_below(option.against):
        raise Unusable(f"no run in {option.against}; name a folder that `make hil` wrote")
    about = None if option.release is None else released(option.release)
    if option.sim_binary is not None and not option.sim_binary.is_file():
        raise Unusable(f"there is no {option.sim_binary}; build it: make -C firmware host")
    if kind == "qemu":
        _check_emulator(about, qemu)
    if kind == "serial":
        _check_ports(asked)


def released(release: Path) -> Manifest:
    """What a release is for.

    Raises:
        Unusable: it is none.
    """
    try:
        return parse((release / MANIFEST).read_bytes())
    except (OSError, ImageError) as error:
        raise Unusable(
            f"{release} is no release: {error}; write one with firmware/tools/release.py"
        ) from None


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
    for port in asked:
        try:
            ports.open_port(port).close()
        except PortError as error:
            raise Unusable(f"{error.cause}; {error.remedy}") from None


def capabilities_of(board: str) -> frozenset[str]:
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
    try:
        return float(text[:-1]) * _UNITS[text[-1:]]
    except (ValueError, KeyError):
        raise Unusable(f"{text!r} is no duration; write 90s, 10m, 8h or off") from None
