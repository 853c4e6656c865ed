"""The tools as a maker runs them, on a simulated board, beside a gateway that is a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.simboard.demo import facts, write_release
from hil.simboard.firmware import VOICESIM
from tests.hil.simboard.support import ROOT, Simulated, simulated
from tools.esp import nvs

__all__ = ["ROOT"]

SSID, PASSWORD = "attic", 'correct horse, "battery"'
SECONDS = 120


@dataclass(frozen=True, slots=True)
class Run:
    """How a tool ended."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it printed with --json."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        return self.events[-1]


def command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", *module.split(), *arguments]


def environment(extra: Mapping[str, str] | None = None, *, package: Path = ROOT) -> dict[str, str]:
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith("VOICEGW_") or k == "VOICEGW_FIRMWARE_KEY"
    }
    path = os.pathsep.join(filter(None, (str(package), kept.get("PYTHONPATH"))))  # with quick_rfc2217
    return {**kept, "PYTHONPATH": path, "NO_COLOR": "1", "COLUMNS": "200", **(extra or {})}


def run(module: str, *arguments: str, extra: Mapping[str, str] | None = None, package: Path = ROOT) -> Run:
    """Run a tool to its end; `package` is where it is installed."""
    done = subprocess.run(
        command(module, *arguments), cwd=package, env=environment(extra, package=package), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return Run(done.returncode, done.stdout, done.stderr)


@contextmanager
def board(directory: Path, *faults: str, chip: str = "esp32c3", broken: str = "") -> Iterator[Simulated]:
    """An empty board beside an access point; `broken` is one of the devices in firmware/host/faults."""
    wifi = ["--", "--wifi", f"{SSID}:{PASSWORD}", "--interface", "lo"]
    options = [text for fault in faults for text in ("--fault", fault)]
    if broken:
        options += ["--voicesim", str(VOICESIM.with_name(f"voicesim-{broken}"))]
    with simulated(directory, chip, *options, *wifi) as made:
        yield made


def install(directory: Path, image: Path, settings: Mapping[str, str]) -> None:
    """Put a release and settings into the flash of a board that is not there yet, as if it had been flashed."""
    about = json.loads((image / "manifest.json").read_text())
    flash = bytearray(b"\xff" * (16 << 20))
    for part in about["files"]:
        flash[part["offset"] : part["offset"] + part["size"]] = (image / part["path"]).read_bytes()
    place = about["nvs"]
    flash[place["offset"] : place["offset"] + place["size"]] = nvs.settings_image(settings, place["size"])
    directory.mkdir(parents=True)
    (directory / "flash.bin").write_bytes(flash)


def release(directory: Path, name: str = "xmini-c3", **options: Any) -> Path:
    """A release that boots on it."""
    return write_release(directory, facts(name), options.pop("version", "0.1.0"), **options)


def written(there: Simulated, image: Path) -> dict[str, bool]:
    """Of each file of a release that the board leaves alone, whether it lies in the flash as it is."""
    flash = there.flash.read_bytes()
    about = json.loads((image / "manifest.json").read_text())
    return {
        part["path"]: flash[part["offset"] : part["offset"] + part["size"]]
        == (image / part["path"]).read_bytes()
        for part in about["files"]
        if not part["path"].startswith("ota_data")
    }


def settings_on(there: Simulated, image: Path) -> dict[str, str]:
    """What its NVS partition holds."""
    place = json.loads((image / "manifest.json").read_text())["nvs"]
    flash = there.flash.read_bytes()
    return nvs.settings(flash[place["offset"] : place["offset"] + place["size"]])


def is_erased(there: Simulated) -> bool:
    """Whether nothing was ever written."""
    return not there.flash.read_bytes().strip(b"\xff")
