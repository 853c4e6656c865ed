"""The lock files: what they carry, and that they are the pins of pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from python_env.lock import parted, pins

ROOT = Path(__file__).parents[2]
RUN, DEV = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
UV, BUILD = ROOT / "packaging" / "requirements-uv.lock", ROOT / "packaging" / "requirements-build.lock"


def _names(path: Path) -> list[str]:
    return [pin.split("==")[0] for pin in pins(path.read_text())]


@pytest.mark.parametrize("lock", [RUN, DEV, UV, BUILD], ids=lambda path: path.name)
def test_it_carries_names_versions_and_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "".join(pins(text)) == text
    for pin in pins(text):
        assert re.fullmatch(
            r"[\w.-]+==[\w.+!]+( ; [^\n]*?)? (\\\n    --hash=sha256:[0-9a-f]{64} ?)+\n", pin
        ), pin


def test_a_package_stands_in_one_of_the_two() -> None:
    assert not set(_names(RUN)) & set(_names(DEV))


def test_what_the_machines_own_pip_installs_is_uv_alone() -> None:
    assert _names(UV) == ["uv"]
    assert "pip" in _names(RUN)


@pytest.mark.parametrize("extra", ["", "dev"])
def test_what_pyproject_asks_for_is_locked(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["optional-dependencies"][extra] if extra else project["dependencies"]
    locked = {
        canonicalize_name(requirement.name): requirement.specifier
        for lock in (RUN, DEV)
        for requirement in map(Requirement, (pin.split(" \\")[0] for pin in pins(lock.read_text())))
    }
    for requirement in map(Requirement, wanted):
        version = str(locked[canonicalize_name(requirement.name)]).removeprefix("==")
        assert requirement.specifier.contains(version), requirement


def test_what_the_tests_take_everywhere_is_no_longer_for_some_machines_alone() -> None:
    run, dev = parted(
        "a==1 \\\n    --hash=sha256:1\nb==2 ; sys_platform == 'linux' \\\n    --hash=sha256:2\n",
        "a==1 \\\n    --hash=sha256:1\nb==2 \\\n    --hash=sha256:2\nc==3 \\\n    --hash=sha256:3\n",
    )
    assert run == "a==1 \\\n    --hash=sha256:1\nb==2 \\\n    --hash=sha256:2\n"
    assert dev == "c==3 \\\n    --hash=sha256:3\n"
