"""How a further package gets into the environment that this program runs in."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

from ground import folders


def command(requirement: str, prefix: Path | None = None) -> list[str]:
    """The command that brings a requirement.

    Args:
        requirement: as pip takes it.
        prefix: the environment; this program's own by default.
    """
    prefix = prefix or Path(sys.prefix)
    if (prefix / "pipx_metadata.json").exists():
        return ["pipx", "inject", prefix.name, requirement]
    if (prefix / "uv-receipt.toml").exists():
        return ["uv", "tool", "install", "--with", requirement, prefix.name]
    python = _short(prefix / "bin" / "python")
    if prefix == Path(sys.prefix) and find_spec("pip") is None:
        return ["uv", "pip", "install", "--python", python, requirement]
    return [python, "-m", "pip", "install", requirement]


def line(requirement: str, prefix: Path | None = None) -> str:
    """The same, to type."""
    return shlex.join(command(requirement, prefix))


def _short(path: Path) -> str:
    """As it is typed in the working directory."""
    here = folders.working()
    return str(path.relative_to(here) if here is not None and path.is_relative_to(here) else path)
