"""The real set-up, in a small checkout, from an index on loopback that has a later release of everything."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clean_machines import later

from tests.packaging.checkout import Checkout, installed_wheel, small_wheel

pytestmark = pytest.mark.timeout(600)  # it makes environments
LINE = "setting up Python packages …\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name in ("uv", "setuptools"):
        installed_wheel(folder, name)
    for name in ("alpha", "beta"):
        small_wheel(folder, name, "1.0")
    return folder


@pytest.fixture(scope="module")
def index(files: Path) -> Iterator[str]:
    with later.index(files) as address:
        yield address


@pytest.fixture(scope="module")
def checkout(files: Path, index: str, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """One that is set up; its path has a space and an umlaut, its index a password."""
    small = Checkout(
        tmp_path_factory.mktemp("Wörk 1") / "a checkout", files, index.replace("//", "//maker:hush@")
    )
    done = small.set_up()
    assert (done.status, done.said) == (0, LINE)
    return small


def test_what_the_lock_names_is_installed_and_nothing_later(checkout: Checkout) -> None:
    assert checkout.house() == "1.0\n"
    assert later.LATER not in checkout.log.read_text()


def test_a_password_stands_in_no_log(checkout: Checkout) -> None:
    log = checkout.log.read_text()
    assert "requirements-uv.lock" in log
    assert "hush" not in log


def test_a_second_run_is_silent_and_touches_nothing(checkout: Checkout) -> None:
    before = checkout.log.stat().st_mtime_ns
    done = checkout.set_up()
    assert (done.status, done.said) == (0, "")
    assert checkout.log.stat().st_mtime_ns == before


def test_more_is_added_to_what_is_there(checkout: Checkout) -> None:
    assert checkout.set_up("test").said == LINE
    assert " -m venv " not in checkout.log.read_text()
    assert checkout.set_up("run").said == ""
    subprocess.run([checkout.folder / ".venv/bin/python", "-c", "import alpha, beta"], check=True)


def test_a_python_that_looks_into_no_folder_by_itself_does(checkout: Checkout) -> None:
    checkout.extra = {"PYTHONSAFEPATH": "1"}
    done = checkout.set_up()
    checkout.extra = {}
    assert (done.status, done.said) == (0, "")


def test_another_place_in_pips_settings_is_passed_by(files: Path, index: str, tmp_path: Path) -> None:
    small = Checkout(tmp_path / "checkout", files, index)
    with (small.home / "pip.conf").open("a") as settings:
        settings.write(f"[install]\ntarget = {tmp_path / 'elsewhere'}\n")
    done = small.set_up()
    assert (done.status, done.said) == (0, LINE)
    assert small.house() == "1.0\n"
    assert not (tmp_path / "elsewhere").exists()


@contextmanager
def _kept(checkout: Checkout) -> Iterator[None]:
    """The lock file and the state come back: a set-up that fails before it installs anything leaves the rest alone."""
    kept = {path: path.read_bytes() for path in (checkout.lock_file, checkout.state)}
    yield
    for path, content in kept.items():
        path.write_bytes(content)


def test_another_file_of_the_same_version_is_refused(checkout: Checkout, files: Path) -> None:
    small_wheel(files, "gamma", "1.0")
    with _kept(checkout):
        checkout.lock("requirements.lock", files, "alpha", "gamma", "setuptools")
        with (files / "gamma-1.0-py3-none-any.whl").open("ab") as wheel:
            wheel.write(b"\0")
        done = checkout.set_up()
    assert done.status == 1
    assert "is not the one that the lock file names" in done.said
    assert not list((checkout.folder / ".venv").rglob("gamma.py"))


def test_an_index_that_is_not_reached_is_told_with_a_remedy(
    checkout: Checkout, files: Path, index: str
) -> None:
    small_wheel(files, "delta", "1.0")
    checkout.index("http://127.0.0.1:9/simple/")
    with _kept(checkout):
        checkout.lock("requirements.lock", files, "alpha", "delta", "setuptools")
        done = checkout.set_up()
    checkout.index(index)
    assert done.status == 1
    assert len(done.said.splitlines()) == 3
    assert done.said.splitlines()[1].endswith("a package could not be fetched")
    assert done.said.splitlines()[2].startswith("look at the network")


def test_one_in_a_folder_that_was_moved_mends_itself(checkout: Checkout) -> None:
    old = checkout.folder
    checkout.folder = old.rename(old.with_name("anderswö"))
    done = checkout.set_up()
    assert (done.status, done.said) == (0, LINE)
    assert checkout.house() == "1.0\n"
    assert " -m venv " in checkout.log.read_text()
    installed = [
        path.read_bytes() for path in (checkout.folder / ".venv").rglob("*") if path.suffix == ".pth"
    ]
    assert not any(os.fsencode(old) + b"\n" in text for text in installed)
