"""firmware/tools is no package: its programs run by themselves, in ESP-IDF's Python too."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest

from tests.support.gateway import ROOT

TOOLS = str(ROOT / "firmware" / "tools")


@pytest.fixture
def boards() -> ModuleType:
    sys.path.insert(0, TOOLS)
    try:
        return importlib.import_module("boards")
    finally:
        sys.path.remove(TOOLS)


@pytest.fixture
def release(boards: ModuleType) -> ModuleType:
    assert boards
    sys.path.insert(0, TOOLS)
    try:
        return importlib.import_module("release")
    finally:
        sys.path.remove(TOOLS)
