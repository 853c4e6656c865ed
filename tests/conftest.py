from __future__ import annotations

import os

import hypothesis
import pytest
from loguru import logger

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile(
    "voicegw", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("voicegw")


@pytest.fixture(scope="session", autouse=True)
def _a_plain_process() -> None:
    """Nothing of the user's environment decides a test, and nothing is logged that no test reads."""
    for name in [name for name in os.environ if name.startswith("VOICEGW_")]:
        del os.environ[name]
    logger.remove()
