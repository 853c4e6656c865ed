"""The wheel, built and installed into an environment of its own, beside the dependencies that are here already."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]
SECONDS = 120
NOT_OURS = ("gateway", "tools", "hil", "logging", "numpy", "serial", "typing_extensions")
"""Modules of these names lie where the commands are run."""


def files(*folders: str) -> list[str]:
    """The files of this checkout that git would keep."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def build(folder: Path) -> tuple[Path, str]:
    """The wheel of this checkout's files, and what the build printed."""
    source = folder / "source"
    source.mkdir()
    for name in files():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    script = "import sys, setuptools.build_meta as b; b.build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", script, str(folder)], cwd=source, text=True, check=True,
        capture_output=True, timeout=SECONDS, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )  # fmt: skip
    return next(folder.glob("*.whl")), done.stdout + done.stderr


@dataclass(frozen=True)
class Installed:
    """An environment that has the wheel and no checkout, and a folder to stand in."""

    environment: Path
    elsewhere: Path

    @classmethod
    def of(cls, wheel: Path, folder: Path) -> Installed:
        """Install it."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
        with ZipFile(wheel) as archive:
            archive.extractall(packages)
        # Beside the dependencies of the tests' own environment, whose .pth files are not read: no checkout.
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        entry = "import sys\nfrom gateway.cli.entry import main\nsys.exit(main())\n"
        script = folder / "venv" / "bin" / "voicegw"
        script.write_text(f"#!{folder / 'venv' / 'bin' / 'python'}\n{entry}")
        script.chmod(0o755)
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        for name in NOT_OURS:
            (elsewhere / f"{name}.py").write_text("raise SystemExit('a file of the working directory')\n")
        return cls(folder / "venv", elsewhere)

    def variables(self) -> dict[str, str]:
        """The environment of its commands."""
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("VOICEGW_", "PYTHON", "XDG_"))}
        return {**ours, "HOME": str(self.elsewhere), "NO_COLOR": "1", "COLUMNS": "200"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `voicegw` to its end."""
        return subprocess.run(
            [self.environment / "bin" / "voicegw", *arguments], cwd=self.elsewhere, env=self.variables(),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip

    @contextmanager
    def serving(self, **extra: str) -> Iterator[dict[str, Any]]:
        """Run `voicegw serve` for the length of the block; gives what it says once it listens."""
        with (self.elsewhere / "log").open("w") as log:
            process = subprocess.Popen(
                [self.environment / "bin" / "voicegw", "serve", "--json", "--host", "127.0.0.1", "--port", "0"],
                cwd=self.elsewhere, env={**self.variables(), **extra}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (self.elsewhere / "log").read_text()
            yield json.loads(line)
        finally:
            process.terminate()
            process.communicate(timeout=SECONDS)
