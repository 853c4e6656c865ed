"""python -m hil.simboard: a board on an RFC 2217 port, for as long as this runs."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from ground import folders
from ground.trouble import Trouble, reason
from hil.simboard.board import Board
from hil.simboard.chips import CHIPS, made_up_mac
from hil.simboard.control import Control
from hil.simboard.demo import program
from hil.simboard.errors import SimboardError
from hil.simboard.faults import Fault, Line
from hil.simboard.firmware import VOICESIM, find
from hil.simboard.flash import SIZES, Flash
from hil.simboard.launch import Voicesim
from hil.simboard.lines import CIRCUITS
from hil.simboard.server import Server
from hil.simboard.settings import Settings

EPILOGUE = """
Once the board is there, the last line on standard output is port=rfc2217://127.0.0.1:N, which esptool, pyserial and the
tools of this project take for a port; before it stands control=127.0.0.1:M, if --control was given. The control channel
takes a line and answers one: state, reset, power on|off|cycle, plug, unplug, button down|up, fault SPEC, fault off.

Faults: noise=RATE (of bytes, both ways), drop@N, stall@N[:SECONDS], reset@N, unplug@N[:SECONDS] (after N bytes from the
host), verify@ADDRESS (a cell of the flash that does not hold). Without SECONDS they last.
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m hil.simboard",
        description="A simulated board: serial port, ROM loader, flash, boot, and the Linux build of the firmware.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--chip", required=True, choices=sorted(CHIPS))
    made.add_argument(
        "--flash", required=True, type=Path, metavar="FILE", help="its flash; made, erased, if not there"
    )
    made.add_argument(
        "--release", type=Path, metavar="DIR", help="write this into the flash first, as in a factory"
    )
    made.add_argument(
        "--size", default="16MB", choices=list(SIZES), help="of a flash that is made (default: 16MB)"
    )
    made.add_argument(
        "--port", type=_port, default=0, metavar="N", help="on loopback (default: any free one)"
    )
    made.add_argument(
        "--control", type=_port, metavar="N", help="port of the control channel; 0: any free one"
    )
    made.add_argument(
        "--fault", action="append", default=[], type=Fault.parse, metavar="SPEC", help="see below; again"
    )
    made.add_argument("--seed", type=int, default=1, metavar="N", help="of what is random in the faults")
    made.add_argument("--mac", type=_mac, metavar="XX:XX:…", help="default: made up from the flash's path")
    made.add_argument(
        "--wiring", default="auto-reset", choices=list(CIRCUITS), help="of DTR and RTS to the chip"
    )
    made.add_argument(
        "--store", type=Path, metavar="DIR", help="of the firmware while it runs (default: FILE.store)"
    )
    made.add_argument(
        "--voicesim", type=Path, default=VOICESIM, metavar="PROGRAM", help="default: that of this checkout"
    )
    made.add_argument("arguments", nargs="*", metavar="-- OPTION", help="for voicesim, after --")
    return made


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 65_536:
        raise ValueError(text)
    return number


def _mac(text: str) -> bytes:
    mac = bytes.fromhex(text.replace(":", ""))
    if len(mac) != 6:
        raise ValueError(text)
    return mac


async def serve(options: argparse.Namespace) -> None:
    """Until SIGINT or SIGTERM. Raises SimboardError."""
    path: Path = options.flash.absolute()
    mac = options.mac or made_up_mac(str(path))
    voicesim = find(options.voicesim)
    flash = Flash(path, SIZES[options.size])
    try:
        store = folders.ready(options.store or path.with_name(path.name + ".store"), setting="--store")
        if options.release:
            program(flash, options.release)
        launcher = Voicesim(voicesim, store, path, mac, Settings(store, flash), tuple(options.arguments))
        board = Board(CHIPS[options.chip], flash, mac, CIRCUITS[options.wiring]())
        await _until_told(Server(board, Line(options.seed), launcher), options)
    finally:
        flash.close()


async def _until_told(server: Server, options: argparse.Namespace) -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    for fault in options.fault:
        server.set_fault(fault)
    control = Control(server)
    try:
        try:
            await server.open(options.port)
            told_at = None if options.control is None else await control.open(options.control)
        except OSError as error:
            raise SimboardError(
                f"no port: {reason(error)}", remedy="choose another --port or --control"
            ) from None
        if told_at is not None:
            print(f"control=127.0.0.1:{told_at}")  # noqa: T201 -- scripts read it
        print(f"port=rfc2217://127.0.0.1:{server.port}", flush=True)  # noqa: T201 -- likewise
        await told.wait()
    finally:
        control.close()
        await server.close()


def main() -> int:
    """Gives the status."""
    try:
        options = parser().parse_args()
        logging.basicConfig(level=logging.INFO, format="simboard: %(message)s")
        asyncio.run(serve(options))
    except Trouble as error:
        print(f"simboard: {error}: {error.remedy}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
