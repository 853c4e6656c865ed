"""When a .venv can stay, and when it is made anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from python_env.environment import LOCKS, UV_LOCK, Environment

from tests.support.machine import NOBODY, open_to_all, possible

ROOT = Path(__file__).parents[2]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """A folder with what decides: lock files, a Python, and what a finished set-up left."""
    made = Environment(tmp_path)
    (tmp_path / "packaging").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("pyproject.toml", UV_LOCK, "packaging/requirements-build.lock", *LOCKS["test"]):
        (tmp_path / name).write_text(name)
    Path(made.python).symlink_to(sys.executable)
    made._finish("run")
    return made


def test_a_finished_one_stays(environment: Environment) -> None:
    assert environment.level() == "run"
    assert environment.current()
    assert environment.has_python(HERE)


def test_one_that_was_broken_off_does_not(environment: Environment) -> None:
    environment.state_file.unlink()
    assert environment.level() == ""


def test_nor_one_whose_state_is_half_written(environment: Environment) -> None:
    environment.state_file.write_text('{"level": "run", ')
    assert environment.level() == ""


@pytest.mark.parametrize(("what", "other"), [("root", "/elsewhere"), ("python", "3.10")])
def test_nor_one_of_another_place_or_python(what: str, other: str, environment: Environment) -> None:
    state = json.loads(environment.state_file.read_text())
    environment.state_file.write_text(json.dumps({**state, what: other}))
    assert environment.level() == ""


def test_nor_one_whose_python_is_gone(environment: Environment) -> None:
    Path(environment.python).unlink()
    Path(environment.python).symlink_to("/usr/bin/python-that-was-removed")
    assert environment.level() == ""


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.lock", UV_LOCK])
def test_a_changed_lock_is_seen(name: str, environment: Environment) -> None:
    (environment.root / name).write_text("changed")
    assert environment.level() == "run"
    assert not environment.current()


def test_the_tests_lock_does_not_concern_who_only_runs(environment: Environment) -> None:
    (environment.root / "requirements-dev.lock").write_text("changed")
    assert environment.current()


@pytest.mark.skipif(not possible(), reason="only root can become another")
def test_a_home_that_may_not_be_entered_has_no_cache(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    script = "from python_env import environment; print(environment._cache())"
    with open_to_all() as folder:
        done = subprocess.run(
            [*NOBODY, sys.executable, "-c", script],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "packaging")},
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout == f"{{'UV_CACHE_DIR': '{folder}/build/uv-cache'}}\n", done.stderr
