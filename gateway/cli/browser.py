"""The page in the browser of who sits at this machine."""

from __future__ import annotations

import atexit
import html
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gateway.environment import is_desktop

_PAGE = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={}"><title>voicegw</title>'


def show(link: str) -> bool:
    """Open a link that lets its bearer in; whether there is a browser to do so.

    It is told by way of a file that only this account can read: what a program is started with, everyone here can.
    """
    program = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if program is None or not is_desktop():
        return False
    try:
        folder = Path(tempfile.mkdtemp(prefix="voicegw-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        page = folder / "page.html"
        page.write_text(_PAGE.format(html.escape(link, quote=True)), encoding="utf-8")
        subprocess.Popen(
            [program, str(page)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    return True
