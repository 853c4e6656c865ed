from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.settings import Settings
from ground import folders
from ground.trouble import Trouble
from tests.support.machine import FULL, NOBODY, READ_ONLY, possible

ROOT = Path(__file__).parents[2]
ASCII = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def test_a_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    made = folders.ready(tmp_path / "a" / "b", setting="data_dir")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert list(made.iterdir()) == []


def test_a_home_is_spelt_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders.ready(Path("~/data"), setting="data_dir") == tmp_path / "data"
    with pytest.raises(Trouble, match="no home for ~nobody-of-this-name"):
        folders.expanded(Path("~nobody-of-this-name/x"))


@pytest.mark.parametrize("within", [".", "below"])
def test_a_file_in_its_place_is_said(tmp_path: Path, within: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Trouble, match=r"data_dir .*/file.* cannot be used: a file is where a directory"):
        folders.ready(tmp_path / "file" / within, setting="data_dir")


@pytest.mark.skipif(not possible(), reason="only root can make mounts")
@pytest.mark.parametrize(
    ("prefix", "path", "said"),
    [
        (READ_ONLY, "/mnt/data", "on a file system that is read-only"),
        (FULL, "/mnt", "the disk is full"),
        (NOBODY, "/data", "permission denied"),
        (NOBODY, "~/data", "there is no home for ~/data"),
    ],
)
def test_where_nothing_can_be_kept_is_said(prefix: list[str], path: str, said: str) -> None:
    script = (
        "from pathlib import Path; import sys; from ground import folders\n"
        "try: folders.ready(Path(sys.argv[1]), setting='data_dir')\n"
        "except folders.Trouble as error: print(error.message, '|', error.remedy)"
    )
    done = subprocess.run(
        [*prefix, sys.executable, "-c", script, path],
        env={k: v for k, v in os.environ.items() if k != "HOME"} | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    message, _, remedy = done.stdout.partition(" | ")
    assert said in message, done.stderr
    assert remedy.strip()


@pytest.mark.skipif(not possible(), reason="only root can become another")
def test_what_lies_where_nobody_may_look_is_not_seen_and_said_where_it_was_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    tmp_path.chmod(0o700)
    script = (
        "from pathlib import Path; import sys; from ground import folders\n"
        "path = Path(sys.argv[1])\n"
        "print(folders.is_file(path), folders.is_folder(path.parent), folders.is_there(path))\n"
        "try: folders.look(path)\n"
        "except folders.Trouble as error: print(error.message, '|', error.remedy)"
    )
    done = subprocess.run(
        [*NOBODY, sys.executable, "-c", script, str(file)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    seen, said = done.stdout.splitlines()
    assert seen == "False False False"
    assert said.startswith(f"{file} cannot be looked at: permission denied | let this user into /"), said


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_what_is_no_path_is_said(tmp_path: Path, name: str) -> None:
    assert not folders.is_file(tmp_path / name)
    with pytest.raises(Trouble):
        folders.look(tmp_path / name)


def test_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert folders.look(tmp_path / "gone") is None
    assert folders.look(tmp_path / "file" / "below") is None
    assert folders.names_file(tmp_path / "file")
    assert not folders.names_file(tmp_path)


def test_a_name_that_the_system_has_no_bytes_for_is_said() -> None:
    script = (
        "from pathlib import Path; from ground import folders\n"
        "try: folders.ready(Path('/tmp/\\u20ac'), setting='data_dir')\n"
        "except folders.Trouble as error: print(error.message, '|', error.remedy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT), **ASCII}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "is no path here: file names are" in done.stdout, done.stderr


CUT_SHORT = """
import resource, sys
from pathlib import Path
from ground import folders
resource.setrlimit(resource.RLIMIT_FSIZE, (2, 2))
try:
    folders.keep(Path(sys.argv[1]), b"the new secret")
except OSError:
    raise SystemExit(3)
"""


@pytest.mark.parametrize("before", [None, "the old secret"])
def test_a_secret_is_kept_whole_or_not_at_all(tmp_path: Path, before: str | None) -> None:
    """Half of one that is left behind would count as one at the next start."""
    path = tmp_path / "secret"
    if before is not None:
        path.write_text(before)
    done = subprocess.run([sys.executable, "-c", CUT_SHORT, str(path)], cwd=ROOT, check=False)
    assert done.returncode == 3
    assert {found.name: found.read_text() for found in tmp_path.iterdir()} == (
        {} if before is None else {"secret": before}
    )


@pytest.mark.skipif(os.getuid() != 0, reason="only root writes for others")
@pytest.mark.parametrize(("folder", "secret"), [(786, 786), (0, 0)])
def test_a_secret_stays_with_whom_its_folder_is(tmp_path: Path, folder: int, secret: int) -> None:
    """What somebody has put into another's folder, /tmp say, makes it not theirs."""
    (tmp_path / "secret").touch()
    os.chown(tmp_path / "secret", 786, 786)
    os.chown(tmp_path, folder, folder)
    folders.keep(tmp_path / "secret", b"new")
    found = (tmp_path / "secret").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (secret, secret, 0o600)


@pytest.mark.parametrize("given", [None, "", "data", "~/data"])
def test_what_the_xdg_standard_takes_for_no_path_is_left_out(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    if given is not None:
        monkeypatch.setenv("XDG_DATA_HOME", given)
    assert folders.xdg("XDG_DATA_HOME", ".local/share") == Path("~/.local/share")
    assert Settings().data_dir == Path("~/.local/share/voicegw").expanduser()
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert Settings().data_dir == Path("/data/voicegw")
