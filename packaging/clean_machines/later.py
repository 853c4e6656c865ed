"""A package index a year from now, on loopback: each package has a newer release, which nothing may ever touch."""

from __future__ import annotations

import io
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

LATER = "9999.1"
# Its metadata is what broke us, and worse: extras that exist nowhere, packages that do not exist, and itself again.
_METADATA = f"""Metadata-Version: 2.1
Name: {{name}}
Version: {LATER}
Requires-Dist: {{name}}[extra-that-nobody-has]>=9999
Requires-Dist: package-that-nobody-has==1
"""


def later_wheel(name: str) -> bytes:
    """A newer release of a package, which raises where it is imported."""
    info = f"{name}-{LATER}.dist-info"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        wheel.writestr(f"{name}.py", f"raise ImportError('{name} {LATER} was installed')\n")
        wheel.writestr(f"{info}/METADATA", _METADATA.format(name=name))
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: later\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{info}/RECORD", "")
    return content.getvalue()


@contextmanager
def index(files: Path) -> Iterator[str]:
    """Serve a folder of distributions and their later releases; gives the address for `index-url`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, files))
    thread = threading.Thread(target=server.serve_forever, name="later index")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def normalized(name: str) -> str:
    """A project's name as indexes write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def project(file: str) -> str:
    """The project of a distribution's file name."""
    return normalized(re.sub(r"-\d[^-]*(-.*\.whl|\.tar\.gz|\.zip)$", "", file))


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, files: Path, *arguments: object) -> None:
        self.files = files
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        kind, _, rest = unquote(self.path).strip("/").partition("/")
        name = Path(rest).name
        if kind == "simple" and name:
            self._answer(self._page(normalized(name)).encode(), "text/html")
        elif kind == "files" and (self.files / name).is_file():
            self._answer((self.files / name).read_bytes(), "application/octet-stream")
        elif kind == "files" and LATER in name:
            self._answer(later_wheel(name.split("-")[0]), "application/octet-stream")
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815 -- the library's name; uv asks so before it fetches a part

    def _page(self, wanted: str) -> str:
        there = [path.name for path in sorted(self.files.iterdir()) if project(path.name) == wanted]
        later = f"{wanted.replace('-', '_')}-{LATER}-py3-none-any.whl"
        links = "".join(f'<a href="/files/{file}">{file}</a>\n' for file in [*there, later])
        return f"<!DOCTYPE html><html><body>\n{links}</body></html>\n"

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
