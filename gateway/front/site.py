"""python -m gateway.front.site: the page that flashes as files for any web server, with the archives of a release.

    site.py --files DIRECTORY --out DIRECTORY

It is the gateway's own page, of the same files at the same places, without what needs a gateway (docs/releasing.md).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from gateway.front import flasher
from gateway.front.releases import Releases

_INSTEAD = (
    ("<head>", f'<head>\n  <meta http-equiv="Content-Security-Policy" content="{flasher.POLICY}">'),
    ('data-releases="/api/firmware"', 'data-releases="releases.json"'),
    ('href="/web/icon.svg"', 'href="web/icon.svg"'),
    ('href="/web/style.css"', 'href="web/style.css"'),
    ('src="/web/js/flash.js"', 'src="web/js/flash.js"'),
)  # fmt: skip
_BEGIN, _END = "<!-- gateway: -->", "<!-- :gateway -->"


def write(files: Path, out: Path, tools: Path = flasher.TOOLS) -> list[str]:
    """Write the site for the archives that lie in a directory; gives the boards that it flashes.

    Args:
        files: the directory.
        out: where to; must not be there.
        tools: ESP Web Tools' modules.

    Raises:
        FileNotFoundError: there is no archive, or ESP Web Tools are not here.
    """
    out.mkdir(parents=True)
    shutil.copytree(flasher.WEB / "js", out / "web" / "js")
    for name in ("style.css", "icon.svg"):
        shutil.copyfile(flasher.WEB / name, out / "web" / name)
    if not tools.is_dir():
        raise FileNotFoundError("ESP Web Tools are not here; run: make flasher")
    shutil.copytree(tools, out / "flash" / "tools")
    shutil.copyfile(tools.parents[1] / "LICENSE", out / "flash" / "tools" / "LICENSE")
    (out / "index.html").write_text(page(flasher.PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="voicegw-site-") as folder:
        for archive in sorted(files.glob("*.zip")):
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(Path(folder) / archive.stem)
        return _write_releases(Releases(Path(folder)), out)


def page(text: str) -> str:
    """The page of the gateway, for any place on any server.

    Raises:
        ValueError: it is not what this was written for.
    """
    for old, new in _INSTEAD:
        if text.count(old) != 1:
            raise ValueError(f"flash.html has {old} {text.count(old)} times")
        text = text.replace(old, new)
    while _BEGIN in text:
        before, _, rest = text.partition(_BEGIN)
        text = before.rstrip() + rest.partition(_END)[2]
    return text


def _write_releases(releases: Releases, out: Path) -> list[str]:
    found = releases.all()
    if not found:
        raise FileNotFoundError("there is no archive of a release")
    for release in found:
        folder = out / "api" / "firmware" / release.board / release.version
        folder.mkdir(parents=True)
        for image in release.files:
            shutil.copyfile(releases.file(release.board, release.version, image.path), folder / image.path)
        manifest = out / "flash" / "manifest" / release.board / release.version
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text(json.dumps(flasher.manifest(release)), encoding="utf-8")
    listed = [release.model_dump(mode="json") for release in found]
    (out / "releases.json").write_text(json.dumps(listed), encoding="utf-8")
    return sorted(release.board for release in found)


def main() -> int:
    """Gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m gateway.front.site", description=__doc__)
    parser.add_argument("--files", type=Path, required=True, help="holds the archives")
    parser.add_argument("--out", type=Path, required=True, help="where to; must not be there")
    given = parser.parse_args()
    try:
        print(", ".join(write(given.files, given.out)))  # noqa: T201
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        print(f"site: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
