"""The secret that our own account's commands find by a gateway's URL, and nobody else can read or put there."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ground import operator
from ground.trouble import Trouble
from tests.support import machine

HERE = "http://127.0.0.1:7860"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "everyones").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "everyones"))


@contextlib.contextmanager
def listening(count: int) -> Iterator[list[int]]:
    """Ports of loopback at which somebody listens, in order."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        yield sorted(each.getsockname()[1] for each in sockets)


def test_it_is_found_by_the_urls_of_this_machine_alone() -> None:
    path = operator.keep(7860, "vgo_secret")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    for url in (HERE, "https://127.0.0.1:7860/x", "http://localhost:7860", "http://[::1]:7860"):
        assert operator.secret_for(url) == "vgo_secret"
    for url in (
        "http://127.0.0.1:7861",
        "http://192.168.1.2:7860",
        "http://localhost.example:7860",
        "http://x",
    ):
        assert operator.secret_for(url) is None


@pytest.mark.parametrize("left", [b"", b"\n", b"one two", b"vgo_\xff", b"\0\0"])
def test_what_cannot_be_sent_is_none(left: bytes) -> None:
    operator.keep(7860, "vgo_secret").write_bytes(left)
    assert operator.secret_for(HERE) is None


def test_a_later_gateways_takes_the_place_of_an_earlier_ones() -> None:
    operator.keep(7860, "vgo_one")
    operator.keep(7860, "vgo_two")
    assert operator.secret_for(HERE) == "vgo_two"


@pytest.mark.skipif(not machine.possible(), reason="makes a network namespace, as root")
def test_another_network_has_ports_of_its_own() -> None:
    operator.keep(7860, "vgo_ours")
    theirs = "from ground import operator; operator.keep(7860, 'vgo_theirs')"
    subprocess.run([*machine.APART, sys.executable, "-c", theirs], check=True)
    assert operator.secret_for(HERE) == "vgo_ours"


def test_a_folder_that_others_can_write_to_is_neither_used_nor_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "voicegw"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / operator._name(7860)).write_text("vgo_theirs")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(operator, "_SERVICES", tmp_path / "none")
    assert operator.secret_for(HERE) is None
    assert operator.keep(7860, "vgo_ours").parent.parent == tmp_path / "tmp"
    assert operator.secret_for(HERE) == "vgo_ours"


def test_a_link_in_its_place_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "elsewhere" / operator._name(7860)).write_text("vgo_theirs")
    (tmp_path / "voicegw").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(operator, "_SERVICES", tmp_path / "none")
    assert operator.secret_for(HERE) is None


def test_where_nothing_can_be_kept_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    monkeypatch.setattr(operator, "_SERVICES", tmp_path / "none")
    with pytest.raises(OSError, match="irectory"):
        operator.keep(7860, "vgo_secret")


def test_without_a_folder_for_temporary_files_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert operator.secret_for("http://127.0.0.1:9") is None


def test_this_machines_gateway_is_where_our_only_one_is_or_where_all_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with listening(3) as (first, second, usual):
        monkeypatch.setattr(operator, "PORT", usual)  # somebody else's: Gradio's programs have the same
        assert operator.here() == f"http://127.0.0.1:{usual}"
        operator.keep(first, "vgo_first")
        assert operator.here("localhost") == f"http://localhost:{first}"
        operator.keep(second, "vgo_second")
        with pytest.raises(Trouble, match=f"several.*127.0.0.1:{first}, http://127.0.0.1:{second}"):
            operator.here()
        operator.keep(usual, "vgo_usual")
        assert operator.here() == f"http://127.0.0.1:{usual}"
    assert operator.here() == f"http://127.0.0.1:{usual}"  # what they left is there, and none listens


@pytest.mark.parametrize(
    "name", ["operator-{}", "operator-{}-1", "operator-x-1", "operator-", "operator-99999-"]
)
def test_what_is_no_secret_of_a_gateway_here_leads_nowhere(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator, "PORT", 9)
    with listening(1) as (port,):
        path = operator.keep(port, "vgo_ours")
        path.rename(path.with_name(name.format(port)))
        assert operator.here() == "http://127.0.0.1:9"
