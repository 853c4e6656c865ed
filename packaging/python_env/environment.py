"""The folder .venv: whether it is whole, and how it is made."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from python_env import pip_settings
from python_env.programs import Programs

LOCKS = {"run": ("requirements.lock",), "test": ("requirements.lock", "requirements-dev.lock")}
UV_LOCK = "packaging/requirements-uv.lock"
BUILD_LOCK = "packaging/requirements-build.lock"
_ELSEWHERE = frozenset({"target", "prefix", "root"})


@dataclass(frozen=True, slots=True)
class State:
    """What a finished set-up leaves in .venv: a set-up that was broken off leaves nothing."""

    level: str
    root: str
    python: str
    locks: str


class Environment:
    """The virtual environment of a checkout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.python = str(self.folder / "bin" / "python")
        self.state_file = self.folder / "set-up.json"

    def level(self) -> str:
        """How much is installed in one that works here and now; "" if it has to be made anew."""
        try:
            state = State(**json.loads(self.state_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return ""
        return state.level if state.root == str(self.root) and state.python == self._version() else ""

    def current(self) -> bool:
        """Whether what is installed is what the lock files name; of one that has a level."""
        state = State(**json.loads(self.state_file.read_text(encoding="utf-8")))
        return state.locks == self._locks(state.level)

    def has_python(self, version: str) -> bool:
        return self._version() == version

    def make(self, programs: Programs) -> None:
        """An empty environment with pip and uv, in the place of what was there.

        Raises:
            Problem: it can't be made.
        """
        if self.folder.is_symlink() or self.folder.is_file():
            self.folder.unlink()
        elif self.folder.exists():
            shutil.rmtree(self.folder)
        quiet = _quiet()
        programs.run("python -m venv", [sys.executable, "-m", "venv", str(self.folder)], quiet)
        site = Path(sys.prefix, "pip.conf")
        if site.exists():  # settings that belong to this Python alone
            (self.folder / "pip.conf").symlink_to(site)
        pip = [self.python, "-m", "pip", "install", "-q", "--no-input", "--no-deps", "--only-binary", ":all:"]
        command = [*pip, "--require-hashes", "-r", UV_LOCK]
        programs.run("pip install uv", command, quiet | self._of_this_place())

    def install(self, level: str, programs: Programs) -> None:
        """The packages of the lock files and the checkout itself. Nothing is resolved.

        Raises:
            Problem: one can't be installed.
        """
        self.state_file.unlink(missing_ok=True)
        carried = self.carried()
        environment = _quiet() | carried.environment
        pip = [
            self.uv,
            "pip",
            "install",
            "--python",
            self.python,
            "--no-deps",
            "-b",
            BUILD_LOCK,
            *carried.arguments,
        ]
        locks = [part for lock in LOCKS[level] for part in ("-r", lock)]
        # Python keeps what it compiled by itself, but for tests, which start it often, and where it is told not to.
        compiled = (
            ["--compile-bytecode"] if level == "test" or "PYTHONDONTWRITEBYTECODE" in os.environ else []
        )
        command = [*pip, "--require-hashes", "--require-build-hashes", *compiled, *locks]
        programs.run("uv pip install", command, environment)
        programs.run("uv pip install -e .", [*pip, "--no-build-isolation", "-e", "."], environment)
        self._finish(level)

    @property
    def uv(self) -> str:
        return str(self.folder / "bin" / "uv")

    def carried(self) -> pip_settings.Carried:
        """What is set for pip on this machine, for uv."""
        return pip_settings.carried(self._pip_settings(), os.environ)

    def _pip_settings(self) -> dict[str, str]:
        command = [self.python, "-m", "pip", "config", "list"]
        listed = subprocess.run(
            command, capture_output=True, text=True, check=False, env=_quiet(), cwd=self.root
        )
        return pip_settings.read(listed.stdout)

    def _of_this_place(self) -> dict[str, str]:
        """Variables in the place of a pip.conf that has all installed elsewhere: no variable takes that back."""
        found = self._pip_settings()
        if not _ELSEWHERE & found.keys():
            return {}
        kept = {key: value for key, value in found.items() if key not in {*_ELSEWHERE, "config-file"}}
        named = {f"PIP_{key.replace('-', '_').upper()}": value for key, value in kept.items()}
        return named | _quiet() | {"PIP_CONFIG_FILE": os.devnull}

    def _finish(self, level: str) -> None:
        state = State(level, str(self.root), self._version(), self._locks(level))
        half = self.state_file.with_suffix(".half")
        half.write_text(json.dumps(asdict(state)), encoding="utf-8")
        half.replace(self.state_file)

    def _version(self) -> str:
        """The version of the Python under it, "3.11"; "" if it does not start."""
        command = [self.python, "-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        except OSError:
            return ""

    def _locks(self, level: str) -> str:
        names = ("pyproject.toml", UV_LOCK, BUILD_LOCK, *LOCKS[level])
        return hashlib.sha256(b"\0".join((self.root / name).read_bytes() for name in names)).hexdigest()


def _quiet() -> dict[str, str]:
    """The environment for pip and uv: nothing is asked, nothing outside .venv is written to or fetched."""
    mine = {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_USER": "0",
        "PIP_ROOT_USER_ACTION": "ignore",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
    }
    return {**_without_target(os.environ), **mine, **_cache()}


def _without_target(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in environ.items() if name not in {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}
    }


def _cache() -> dict[str, str]:
    """A user without a home that can be written to gets uv's cache in build/."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))  # noqa: PTH111
    near = next(folder for folder in (cache / "uv", *(cache / "uv").parents) if os.path.exists(folder))  # noqa: PTH110
    if "UV_CACHE_DIR" in os.environ or os.access(near, os.W_OK):
        return {}
    return {"UV_CACHE_DIR": str(Path("build", "uv-cache").absolute())}
