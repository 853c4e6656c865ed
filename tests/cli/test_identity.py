"""`voicegw identity`: shown, taken along, and not overwritten unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.gateway import serving, voicegw, write_settings


def ask(directory: Path, *arguments: str) -> tuple[int, str, str]:
    directory.mkdir(exist_ok=True)
    config = write_settings(directory, {})
    done = voicegw("identity", "--config", str(config), *arguments)
    return done.returncode, done.stdout.strip(), done.stderr


async def test_it_is_the_one_that_the_gateway_shows(tmp_path: Path) -> None:
    status, pin, _ = ask(tmp_path)
    assert (status, len(pin)) == (0, 64)
    async with serving(tmp_path) as gateway:
        assert gateway.identity == pin


def test_another_machine_takes_it_along_with_its_id(tmp_path: Path) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "identity.backup"
    before = json.loads(ask(old, "--json")[1])
    assert ask(old, "export", str(file))[0] == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert ask(new, "import", str(file))[0] == 0
    after = json.loads(ask(new, "--json")[1])
    assert (after["id"], after["pin"]) == (before["id"], before["pin"])
    assert Path(after["file"]).stat().st_mode & 0o777 == 0o600


def test_one_that_devices_may_pin_is_not_replaced_unasked(tmp_path: Path) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "identity.backup"
    pins = [ask(directory)[1] for directory in (old, new)]
    ask(old, "export", str(file))
    status, _, said = ask(new, "import", str(file))
    assert (status, pins[1] in said) == (2, True)
    assert ask(new)[1] == pins[1]
    assert ask(new, "import", str(file), "--replace")[0] == 0
    assert ask(new)[1] == pins[0]


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert ask(tmp_path, "export", str(tmp_path / "file"))[0] == 2
    assert (tmp_path / "file").read_text() == "mine"


def test_what_is_no_identity_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no PEM")
    status, _, said = ask(tmp_path, "import", str(tmp_path / "file"))
    assert (status, "key and certificate" in said) == (2, True)


@pytest.mark.parametrize("name", ["identity.pem", "gateway-id"])
def test_a_link_to_what_is_away_is_no_first_start(tmp_path: Path, name: str) -> None:
    """With its disk, say: another identity would strand the devices that pin this one."""
    ask(tmp_path)
    link = next(tmp_path.rglob(name))
    link.rename(tmp_path / "away")
    link.symlink_to(tmp_path / "gone" / name)
    status, out, said = ask(tmp_path)
    assert (status, out, "it is not there" in said, str(link) in said.replace("\n", "")) == (
        2,
        "",
        True,
        True,
    )
    assert link.is_symlink()
