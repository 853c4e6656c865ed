"""`voicegw flash` of an installed wheel, with no ESP-IDF and no sources: it fetches what was published with it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hil.gateway import Gateway
from tests.hil.simboard.support import Simulated
from tests.tools import boards, published_files, release_server
from tests.tools.boards import PASSWORD, SSID, Run
from tests.tools.published_files import VERSION
from tests.tools.release_server import Served, serving

pytestmark = [pytest.mark.usefixtures("firmware"), pytest.mark.timeout(300)]
S3 = (
    "esp32-s3-box-3",
    "esp32-s3-korvo-2",
    "m5stack-atom-echos3r",
    "m5stack-atoms3r-echo",
    "m5stack-cores3",
    "s3-devkit",
    "waveshare-s3-audio",
    "xiao-s3-xvf3800",
)


@dataclass(frozen=True, slots=True)
class Maker:
    """Somebody who installed the wheel of a release, which lies on a server."""

    package: Path
    built: Path
    served: Served
    cache: Path

    def flash(self, there: Simulated, *arguments: str) -> Run:
        return boards.run(
            "tools.flash",
            "--port",
            there.url,
            "--json",
            *arguments,
            package=self.package,
            extra=self.environment,
        )

    @property
    def environment(self) -> dict[str, str]:
        return {"VOICEGW_CACHE_DIR": str(self.cache), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """The release job's work, on loopback, and its wheel in a folder of its own."""
    folder = tmp_path_factory.mktemp("published")
    built = published_files.firmware(folder / "firmware")
    (folder / "files").mkdir()
    with serving(folder / "files") as served:
        what = ["--firmware", str(built), "--out", str(folder / "files")]
        done = boards.run("tools.publish", *what, "--url", served.url, "--tag", f"v{VERSION}")
        assert done.status == 0, done.err
        (wheel,) = (folder / "files").glob("*.whl")
        package = published_files.install(wheel, folder / "package")
        yield Maker(package, built, served, folder / "cache")


@pytest.fixture
def maker(published: Maker, tmp_path: Path) -> Iterator[Maker]:
    """One who has downloaded nothing yet."""
    published.served.asked.clear()
    yield Maker(published.package, published.built, published.served, tmp_path / "cache")
    published.served.answer = None


def steps(run: Run) -> dict[str, str]:
    return {e["step"]: e["text"] for e in run.events if e["event"] == "step"}


DRY = ("--dry-run", "--no-enrol", "--no-wifi")


def test_an_empty_board_gets_the_firmware_of_this_version_and_is_live(
    maker: Maker, tmp_path: Path, gateway: Gateway, at_gateway: list[str], password_file: Path
) -> None:
    assert gateway.url
    with boards.board(tmp_path / "board") as there:
        done = maker.flash(there, "--ssid", SSID, "--password-file", str(password_file), *at_gateway)
        assert done.status == 0, done.out + done.err
        written = boards.written(there, maker.built / "firmware-xmini-c3")
    assert done.last == {"event": "done", "reached": "live"}
    assert all(written.values())
    assert maker.served.asked == [f"/voicegw-xmini-c3-{VERSION}.zip"]
    assert (
        steps(done)["image"] == f"xmini-c3 {VERSION} from {maker.served.url}/voicegw-xmini-c3-{VERSION}.zip"
    )
    assert PASSWORD not in done.out


def test_a_second_board_needs_no_network(maker: Maker, tmp_path: Path) -> None:
    with boards.board(tmp_path / "board") as there:
        first = maker.flash(there, *DRY)
        maker.served.answer = release_server.status(503)
        second = maker.flash(there, *DRY)
    assert (first.status, second.status) == (0, 0), second.out
    assert "fetched" in steps(first)
    assert "kept" in steps(second)


def test_without_a_network_it_says_what_to_do_and_writes_nothing(maker: Maker, tmp_path: Path) -> None:
    maker.served.answer = release_server.status(404)
    with boards.board(tmp_path / "board") as there:
        done = maker.flash(there, "--no-provision")
        assert boards.is_erased(there)
    assert done.status == 1
    assert done.last["step"] == "image"
    assert "it is not there (404)" in done.last["cause"]
    assert "--build" in done.last["remedy"]


def test_of_several_boards_with_the_chip_none_is_guessed(maker: Maker, tmp_path: Path) -> None:
    with boards.board(tmp_path / "board", chip="esp32s3") as there:
        done = maker.flash(there, *DRY)
        named = maker.flash(there, *DRY, "--board", "m5stack-cores3")
    assert done.status == 1
    assert done.last["cause"] == f"several boards have this chip: {', '.join(S3)}"
    assert "--board" in done.last["remedy"]
    assert steps(named)["image"].startswith(f"m5stack-cores3 {VERSION} ")


def test_the_firmware_that_is_on_a_board_says_which_it_is(maker: Maker, tmp_path: Path) -> None:
    old = boards.release(tmp_path / "old", "s3-devkit", version="0.0.7")
    boards.install(tmp_path / "board", old, {"name": "attic"})
    with boards.board(tmp_path / "board", chip="esp32s3") as there:
        done = maker.flash(there, *DRY)
    assert done.status == 0, done.out
    assert steps(done)["board"].startswith("s3-devkit, ")
    assert steps(done)["image"].startswith(f"s3-devkit {VERSION} ")


@pytest.mark.parametrize("answer", [str(S3.index("m5stack-cores3") + 1), "m5stack-cores3"])
def test_on_a_terminal_it_asks(maker: Maker, tmp_path: Path, answer: str) -> None:
    ours, theirs = pty.openpty()
    with boards.board(tmp_path / "board", chip="esp32s3") as there:
        process = subprocess.Popen(
            boards.command("tools.flash", "--port", there.url, *DRY), cwd=maker.package, stdin=theirs, stdout=theirs,
            stderr=theirs, env=boards.environment(maker.environment, package=maker.package),
        )  # fmt: skip
        os.close(theirs)
        said = read(ours, until="Which board is it?")
        os.write(ours, f"{answer}\n".encode())
        said += read(ours)
        process.wait(boards.SECONDS)
    os.close(ours)
    assert [line.split() for line in said.splitlines() if line.strip()[:1].isdigit()] == [
        [str(n), name] for n, name in enumerate(S3, 1)
    ]
    assert process.returncode == 0, said
    assert f"m5stack-cores3 {VERSION} from" in said


def read(terminal: int, until: str = "\0") -> str:
    """What comes, up to a text or to the end."""
    said = ""
    while until not in said and select.select([terminal], [], [], boards.SECONDS)[0]:
        try:
            block = os.read(terminal, 4096)
        except OSError:  # Linux's way to say that the other side is closed
            break
        said += block.decode(errors="replace")
        if not block:
            break
    return said


def test_without_sources_nothing_can_be_built(maker: Maker, tmp_path: Path) -> None:
    with boards.board(tmp_path / "board") as there:
        done = maker.flash(there, *DRY, "--build", "--board", "xmini-c3")
    assert done.status == 1
    assert done.last["cause"] == "this installation has no sources of the firmware"


def test_a_copy_from_elsewhere_is_taken(maker: Maker, tmp_path: Path) -> None:
    copy = maker.package.parent / "files" / f"voicegw-xmini-c3-{VERSION}.zip"
    with boards.board(tmp_path / "board") as there:
        done = maker.flash(there, *DRY, "--image", str(copy))
    assert steps(done)["image"] == f"xmini-c3 {VERSION} from {copy}"
    assert maker.served.asked == []
