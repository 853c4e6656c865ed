from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

import hypothesis
import pytest
from loguru import logger

from gateway.environment import without_telemetry
from tests.support import lan, longest

# How long an example takes says more of the machine than of the code. Each run tries the same ones: what one finds,
# the next one finds as well, and so does whoever mends it.
hypothesis.settings.register_profile(
    "voicegw", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("voicegw")
without_telemetry()  # before a test imports what would send some


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest.first(items)


@pytest.fixture(scope="session", autouse=True)
def _a_plain_process(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of the user's environment decides a test, no gateway of another, and nothing is logged unread."""
    for name in [name for name in os.environ if name.startswith("VOICEGW_")]:
        del os.environ[name]
    os.environ["XDG_RUNTIME_DIR"] = str(tmp_path_factory.mktemp("run"))
    logger.remove()


@pytest.fixture(autouse=True)
def _a_voice_that_repeats_itself() -> None:
    """Flite draws its consonants' noise from C's `rand`: what is heard would depend on all that it said before."""
    ctypes.CDLL(None).srand(1)


@pytest.fixture(autouse=True)
def _alone_on_loopback(request: pytest.FixtureRequest) -> Iterator[None]:
    """A `test_discovery.py` announces and listens on loopback's multicast, one test at a time."""
    with lan.alone_on_loopback() if request.path.name == "test_discovery.py" else contextlib.nullcontext():
        yield
