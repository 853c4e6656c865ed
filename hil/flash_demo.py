"""`make flash-demo`: an empty simulated board is flashed, finds the gateway by mDNS, and answers a spoken question."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from ground import folders
from hil.__main__ import Parser, leave
from hil.errors import Unusable
from hil.gateway import ROOT, Gateway
from hil.simboard.demo import facts, write_release
from hil.simboard.firmware import VOICESIM, find
from tools.board.console import Console
from tools.board.logline import Event, Line

QUESTION: Final = ROOT / "tests" / "data" / "speech" / "what_time_is_it.wav"
WIFI: Final = ("demo", "no secret at all")
_START_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 40.0


def main() -> int:
    """Gives the exit status; the last line says what was reached, heard and said."""
    parser = Parser(prog="python -m hil.flash_demo", description=__doc__)
    parser.add_argument(
        "--board", default="xmini-c3", help="of firmware/components/boards (default: xmini-c3)"
    )
    board: str = parser.parse_args().board
    facts(board)
    find(VOICESIM)
    place = folders.ready(folders.temporary(), setting="the folder for temporary files")
    with tempfile.TemporaryDirectory(prefix="voicegw-demo-", dir=place) as folder:
        reached, heard, said = show(Path(folder), board)
    print(f'reached={reached} heard="{heard}" said="{said}"')  # noqa: T201
    return 0 if reached == "live" and heard and said else 1


def show(folder: Path, name: str) -> tuple[str, str, str]:
    """Do it in a folder; gives how far the board got, what was heard and what was said.

    Raises:
        Unusable: gateway or simulated board do not start. ToolError: the console went away.
    """
    about = facts(name)
    release = write_release(folder / "release", about, "0.1.0")
    password = folder / "password"
    password.write_text(WIFI[1])
    gateway = Gateway(folder / "gateway", {"bot": "assistant", "host": "0.0.0.0", "announce": True})
    with gateway, _board(folder, about.chip.name) as port:
        reached = _flash(port, release, password, gateway.url)
        return (reached, *_converse(port)) if reached == "live" else (reached, "", "")


@contextlib.contextmanager
def _board(folder: Path, chip: str) -> Iterator[str]:
    """A simulated board without firmware, beside an access point; gives its port."""
    command = [
        sys.executable,
        "-m",
        "hil.simboard",
        "--chip",
        chip,
        "--flash",
        str(folder / "flash.bin"),
        "--",
    ]
    wifi = ["--wifi", ":".join(WIFI), "--mic", str(QUESTION)]
    with (folder / "simboard.log").open("w") as log:
        process = subprocess.Popen([*command, *wifi], cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("port="):
            raise Unusable(f"the simulated board does not start: {(folder / 'simboard.log').read_text()}")
        yield line.strip().removeprefix("port=")
    finally:
        process.terminate()
        process.wait(_START_SECONDS)


def _flash(port: str, release: Path, password: Path, gateway: str) -> str:
    """As a maker would, with the tool; what it prints is shown, and its last line read."""
    command = [sys.executable, "-m", "gateway", "flash", "--port", port, "--image", str(release)]
    wifi = ["--ssid", WIFI[0], "--password-file", str(password), "--gateway", gateway]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VOICEGW_")}
    last = ""
    with subprocess.Popen(
        [*command, *wifi],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last = line.strip()
            if not last.startswith("reached=") and last:
                print(line, end="", flush=True)  # noqa: T201
    return last.removeprefix("reached=") if last.startswith("reached=") else "nothing"


def _converse(port: str) -> tuple[str, str]:
    """Have the board speak its recording, once the bot is ready. Gives what was heard, and what was said to it."""
    texts: dict[str, list[str]] = {"user": [], "bot": []}

    def note(line: Line) -> None:
        values = line.values if isinstance(line, Event) else {}
        if values.get("event") == "transcript" and values.get("final", True) and values.get("who") in texts:
            texts[str(values["who"])].append(str(values.get("text", "")))

    with contextlib.closing(Console(port, note)) as console:
        _until(console, lambda: bool(console.ask("state").get("bot_ready")))
        console.ask("inject clip")
        _until(console, lambda: bool(texts["user"] and texts["bot"]))
    return " ".join(texts["user"]), " ".join(texts["bot"])


def _until(console: Console, met: Callable[[], bool]) -> None:
    """Read on until it is met, or was given long enough."""
    until = time.monotonic() + _ANSWER_SECONDS
    while time.monotonic() < until and not met():
        for _ in console.lines(0.5):
            pass


if __name__ == "__main__":
    leave(main)
