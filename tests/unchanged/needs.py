"""What the comparison needs of its machine."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

from tests.browser.chromium import executable

GSTREAMER: Final = (
    "python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice "
    "gstreamer1.0-plugins-bad gstreamer1.0-plugins-good"
)
_FINDS_GSTREAMER: Final = """
import gi
for name in ("Gst", "GstWebRTC", "GstSdp"):
    gi.require_version(name, "1.0")
from gi.repository import Gst
Gst.init(None)
assert all(map(Gst.ElementFactory.find, ("webrtcbin", "nicesrc", "opusenc")))
"""


def lacking() -> str | None:
    """The line that brings what this machine lacks, if anything."""
    wanted = {
        "chromium": executable() is not None,
        "npm": shutil.which("npm") is not None,
        GSTREAMER: _has_gstreamer(),
    }
    missing = [package for package, found in wanted.items() if not found]
    return f"apt-get install -y {' '.join(missing)}" if missing else None


def _has_gstreamer() -> bool:
    command = ["/usr/bin/python3", "-c", _FINDS_GSTREAMER]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
