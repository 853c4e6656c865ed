"""The lock files, made anew: the newest versions that pyproject.toml allows, as names, versions and hashes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from python_env.environment import BUILD_LOCK, UV_LOCK, Environment
from python_env.programs import Programs

_COMPILE = (
    *("pip", "compile", "-q", "--universal", "--python-version", "3.11", "--generate-hashes"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header", "--upgrade"),
)
_UV = "uv\n"
_PIP = "pip\n"  # for what someone adds to .venv: an old one looks at newer releases than the locked ones
_BUILD = (
    "cmake\ncython\nninja\nscikit-build-core\nsetuptools\n"  # of packages that come as source; test_locks.py
)


def renew(environment: Environment, programs: Programs) -> None:
    """Write the four lock files. `requirements-dev.lock` has only what `requirements.lock` lacks.

    Raises:
        Problem: something could not be resolved.
    """
    if not environment.level():
        environment.make(programs)
    # Only the main index: another one may lack files of a version, and their hashes would be missing.
    kept = {
        name: value for name, value in environment.carried().environment.items() if name not in _OTHER_INDEXES
    }
    variables = {**os.environ, **kept}

    def compiled(*arguments: str) -> None:
        programs.run("uv pip compile", [environment.uv, *_COMPILE, *arguments], variables)

    def named(text: str) -> str:
        source = programs.log.with_name("lock.in")
        source.write_text(text)
        return str(source)

    compiled(named(_UV), "-o", UV_LOCK)
    compiled(named(_BUILD), "-o", BUILD_LOCK)
    compiled("pyproject.toml", named(_PIP), "-o", "requirements.lock")
    both = programs.log.with_name("lock-dev.txt")
    compiled("pyproject.toml", "--extra", "dev", "-c", "requirements.lock", "-o", str(both))
    run, dev = parted((environment.root / "requirements.lock").read_text(), both.read_text())
    (environment.root / "requirements.lock").write_text(run)
    (environment.root / "requirements-dev.lock").write_text(dev)


_OTHER_INDEXES = frozenset(("UV_INDEX", "UV_FIND_LINKS", "UV_INDEX_STRATEGY"))


def parted(run: str, both: str) -> tuple[str, str]:
    """What running takes, and what the tests take beyond it.

    What running takes on some machines only, and the tests everywhere, stands in the first for all of them.
    """
    whole = {_name(pin): pin for pin in pins(both)}
    names = {_name(pin) for pin in pins(run)}
    return (
        "".join(whole.get(_name(pin), pin) for pin in pins(run)),
        "".join(pin for name, pin in whole.items() if name not in names),
    )


def _name(pin: str) -> str:
    return pin.partition("==")[0]


def pins(text: str) -> Iterator[str]:
    """Each package of a lock file with its hashes, as it stands there."""
    yield from re.findall(r"^\S.*\n(?:\s+.*\n)*", text, re.MULTILINE)
