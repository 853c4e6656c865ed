import shutil
import subprocess

import pytest

from tests.firmware.interop import ROOT


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    """Build what the tests drive; nothing to do if `make -C firmware test` ran before."""
    if shutil.which("cmake") is None:
        pytest.skip("no cmake: apt install cmake ninja-build libmbedtls-dev libsrtp2-dev libopus-dev libsodium-dev")
    subprocess.run(["make", "-C", ROOT, "programs"], check=True, stdout=subprocess.DEVNULL)
