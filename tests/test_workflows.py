"""The workflows, which nothing here can run: what linters say of them, and what they take from elsewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tools import build

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
LINTERS = {
    "actionlint": ["actionlint", "-no-color"],  # finds shellcheck on PATH
    "zizmor": ["zizmor", "--offline", "--no-progress", "--min-severity", "medium"],
}


def lint(linter: str, *files: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for program in (linter, "shellcheck"):
        assert shutil.which(program, path=path), f"{program} is not installed: requirements-dev.lock has it"
    return subprocess.run(
        [*LINTERS[linter], *map(str, files)], env={**os.environ, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("linter", LINTERS)
def test_linters_find_nothing(linter: str) -> None:
    done = lint(linter, *WORKFLOWS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("linter", "old", "new", "found"),
    [
        ("actionlint", "needs: boards", "needs: board", "board"),
        ("actionlint", "steps.list.outputs.names", "steps.lists.outputs.names", "lists"),
        ("actionlint", '.ci/firmware "$BOARD"', ".ci/firmware $BOARD", "SC2086"),
        ("zizmor", "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "unpinned-uses"),
        ("zizmor", "permissions:\n      contents: read", "permissions: write-all", "excessive-permissions"),
        ("zizmor", '"$BOARD"', '"${{ matrix.board }}"', "template-injection"),
    ],
)
def test_and_would_find_what_they_are_for(
    tmp_path: Path, linter: str, old: str, new: str, found: str
) -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert old in text
    worse = tmp_path / ".github" / "workflows" / "ci.yml"
    worse.parent.mkdir(parents=True)
    worse.write_text(text.replace(old, new))
    done = lint(linter, worse)
    assert done.returncode != 0
    assert found in done.stdout


def test_scripts_are_clean_shell() -> None:
    scripts = [path for path in (ROOT / ".ci").iterdir() if path.read_bytes().startswith(b"#!")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shellcheck = shutil.which("shellcheck", path=path)
    assert shellcheck
    done = subprocess.run([shellcheck, *scripts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_ci_builds_every_board_there_is() -> None:
    listed = subprocess.run(
        [sys.executable, "firmware/tools/boards.py", "list"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(listed.stdout) == build.boards()


def test_the_release_takes_what_ci_built_with_the_esp_idf_of_voicegw_build() -> None:
    """Three files name it; a release of artifacts that do not exist would be found out on the day only."""
    ci, release = (
        yaml.safe_load((WORKFLOWS[0].parent / name).read_text()) for name in ("ci.yml", "release.yml")
    )
    firmware = ci["jobs"]["firmware"]
    own = build._CONTAINER.rpartition(":")[2]
    assert own in firmware["strategy"]["matrix"]["idf"]
    assert firmware["steps"][-1]["with"]["name"] == "firmware-${{ matrix.idf }}-${{ matrix.board }}"
    assert f"pattern: firmware-{own}-*" in (WORKFLOWS[0].parent / "release.yml").read_text()
    assert release["jobs"]["files"]["needs"] == "ci"


def test_only_the_jobs_that_run_none_of_our_code_may_write() -> None:
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            writes = [what for what, level in job["permissions"].items() if level == "write"]
            assert not (writes and re.search("checkout", json.dumps(job))), (path.name, name, writes)
