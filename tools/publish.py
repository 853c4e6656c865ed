"""`python -m tools.publish`: what a release has, of the firmware that was built for it (docs/releasing.md)."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ground import terminal
from ground.trouble import reason
from tools import build, report
from tools.errors import PublishError, ToolError
from tools.releases import archive, maker, manifest, own, published, signing, sources
from tools.releases.release import BUILD, Release

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
ROOT = BUILD.parents[1]
SUMS = "SHA256SUMS"
SBOM = "sbom.cdx.json"
_TABLE = published.TABLE.relative_to(ROOT)
_GIT = ("git", "-c", f"safe.directory={ROOT}")  # in a container, another user owns the checkout
_WHICH = ("--cached", "--others", "--exclude-standard")
_BUILD_WHEEL = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


@app.command()
def publish(
    firmware: Annotated[Path, typer.Option(help="Holds the boards' release directories.")],
    url: Annotated[str, typer.Option(help="That the files of the release will lie below.")],
    tag: Annotated[str, typer.Option(help="Of the release: v and the version.")],
    out: Annotated[Path, typer.Option(help="Where to put them; what lies there belongs to the release.")],
) -> None:
    """Check the firmware, and write archives, SBOMs, the wheel that knows them, and SHA256SUMS."""

    def run() -> None:
        version = check_tag(tag)
        releases = gather(firmware, version)
        sign(releases)
        out.mkdir(parents=True, exist_ok=True)
        table = write_archives(releases, url, out)
        write_wheel(table, out)
        write_sums(out)
        for path in sorted(out.iterdir()):
            terminal.out.verbatim(path.name)

    report.guard(run)


def check_tag(tag: str) -> str:
    """The version that a tag stands for.

    Raises:
        PublishError: it is not this checkout's.
    """
    version = own.version()
    if tag != f"v{version}":
        raise PublishError(
            f"the tag is {tag}, and pyproject.toml says {version}",
            remedy=f"tag v{version}, or commit the version first",
        )
    return version


def gather(firmware: Path, version: str) -> list[Release]:
    """One release for each board that can be plugged in, each whole and of this version.

    Raises:
        ToolError: one is missing, twice, spoiled or of another version.
    """
    wanted = [name for name in build.boards() if not build.is_emulated(name)]
    found = [r for r in sources.in_directory(firmware, _fail) if r.manifest.board in wanted]
    boards = sorted(release.manifest.board for release in found)
    if boards != wanted:
        raise PublishError(
            f"there is firmware for {', '.join(boards)}, and the boards are {', '.join(wanted)}",
            remedy="build each of them, once",
        )
    for release in found:
        if release.manifest.version != version:
            raise PublishError(
                f"{release.origin} is {release.manifest.version}, not {version}",
                remedy="build it from this commit",
            )
        release.load()
    return found


def sign(releases: Sequence[Release]) -> None:
    """Sign each with the maker's key, which devices know from the firmware that they run.

    Raises:
        SignatureError: there is no key, in CI; or it cannot be written.
    """
    keys = maker.signers()
    for release in releases:
        signing.sign(Path(release.origin), keys)


def _fail(fault: ToolError) -> None:
    raise fault


def write_archives(releases: Sequence[Release], url: str, out: Path) -> str:
    """An archive and an SBOM for each; gives the table that the wheel is to hold.

    Raises:
        PublishError: one has no SBOM.
    """
    archives = {}
    for release in releases:
        stem = f"voicegw-{release.manifest.board}-{release.manifest.version}"
        text = (Path(release.origin) / manifest.NAME).read_bytes()
        data = archive.pack({**release.load(), manifest.NAME: text})
        (out / f"{stem}{archive.SUFFIX}").write_bytes(data)
        archives[f"{stem}{archive.SUFFIX}"] = (data, json.loads(text))
        if not (Path(release.origin) / SBOM).is_file():
            raise PublishError(f"{release.origin} has no {SBOM}", remedy="make one: .ci/firmware BOARD")
        shutil.copyfile(Path(release.origin) / SBOM, out / f"{stem}.cdx.json")
    return published.table(url, archives)


def write_wheel(table: str, out: Path) -> None:
    """The wheel, of the files that git has, and the table.

    Raises:
        PublishError: it cannot be built.
    """
    with tempfile.TemporaryDirectory(prefix="voicegw-wheel-") as directory:
        for name in _output([*_GIT, "ls-files", "-z", *_WHICH], ROOT).split("\0"):
            if name and (ROOT / name).is_file():
                (Path(directory) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, Path(directory) / name)
        (Path(directory) / _TABLE).write_text(table, encoding="utf-8")
        _output([sys.executable, "-c", _BUILD_WHEEL, str(out.resolve())], Path(directory))


def _output(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise PublishError(f"{command[0]} cannot be run: {reason(error)}", remedy="install it") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise PublishError(
            f"{command[0]} ended with {done.returncode}: {last}", remedy="run it in a checkout"
        )
    return done.stdout


def write_sums(out: Path) -> None:
    """SHA256SUMS of all files there, for `sha256sum -c`."""
    files = sorted(path for path in out.iterdir() if path.is_file() and path.name != SUMS)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (out / SUMS).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    app()
