"""How a further package gets into the environment that this program runs in, as a line to type."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path


def line(requirement: str, prefix: Path | None = None) -> str:
    """The command that brings a requirement.

    Args:
        requirement: as pip takes it.
        prefix: the environment; this program's own by default.
    """
    prefix = prefix or Path(sys.prefix)
    wanted = shlex.quote(requirement)
    if (prefix / "pipx_metadata.json").exists():
        return f"pipx inject {prefix.name} {wanted}"
    if (prefix / "uv-receipt.toml").exists():
        return f"uv tool install --with {wanted} {prefix.name}"
    python = _short(prefix / "bin" / "python")
    if prefix == Path(sys.prefix) and find_spec("pip") is None:
        return f"uv pip install --python {python} {wanted}"
    return f"{python} -m pip install {wanted}"


def _short(path: Path) -> str:
    """As it is typed in the working directory."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
