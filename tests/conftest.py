from __future__ import annotations

import os

import pytest
from loguru import logger


@pytest.fixture(scope="session", autouse=True)
def _a_plain_process() -> None:
    """Nothing of the user's environment decides a test, and nothing is logged that no test reads."""
    for name in [name for name in os.environ if name.startswith("VOICEGW_")]:
        del os.environ[name]
    logger.remove()
