"""Pipecat's JS client from npm, bundled with a page, on a dev server of its own."""

from __future__ import annotations

import contextlib
import functools
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.support.gateway import ROOT

PACKAGES: Final = (
    "@pipecat-ai/client-js@1.13.1",
    "@pipecat-ai/small-webrtc-transport@1.10.8",
    "esbuild@0.25.12",
)
FOLDER: Final = ROOT / "build" / "unchanged"
PAGES: Final = Path(__file__).parent / "pages"


def make() -> None:
    """Install and bundle, unless that is done; before a network of our own is entered."""
    done = FOLDER / "packages.txt"
    if not done.is_file() or done.read_text() != "\n".join(PACKAGES):
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "package.json").write_text("{}")
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", *PACKAGES]
        subprocess.run(command, cwd=FOLDER, check=True)
        done.write_text("\n".join(PACKAGES))
    for page in PAGES.iterdir():
        shutil.copy(page, FOLDER)
    esbuild = FOLDER / "node_modules" / ".bin" / "esbuild"
    options = ["--bundle", "--format=esm", "--log-level=warning", "--outfile=bundle.js"]
    subprocess.run([str(esbuild), "client.js", *options], cwd=FOLDER, check=True)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Serve the pages for the length of the block; gives their origin."""
    handler = functools.partial(_Quiet, directory=str(FOLDER))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, name="pages", daemon=True).start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
