from __future__ import annotations

from pathlib import Path

import pytest

SDP = Path(__file__).parent / "data" / "sdp"


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_user() -> None:
    """Nothing of the user's environment decides a test."""
    import os

    for name in [name for name in os.environ if name.startswith("VOICEGW_")]:
        del os.environ[name]
