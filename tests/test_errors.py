from __future__ import annotations

import inspect
import re

import pytest

from gateway import errors
from gateway.errors import BY_CODE, GatewayError

TREE = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, GatewayError)]


def test_every_error_is_found_by_its_code() -> None:
    assert {cls.code: cls for cls in TREE} == BY_CODE


@pytest.mark.parametrize("cls", TREE)
def test_a_code_is_stable_text_and_its_own(cls: type[GatewayError]) -> None:
    assert re.fullmatch(r"[a-z][a-z_]*", cls.code)
    assert [c for c in TREE if c.code == cls.code] == [cls]


@pytest.mark.parametrize("cls", TREE)
def test_a_status_is_an_http_error(cls: type[GatewayError]) -> None:
    assert 400 <= cls.status < 600


@pytest.mark.parametrize("cls", TREE)
def test_an_error_keeps_its_message_and_remedy(cls: type[GatewayError]) -> None:
    error = cls("what happened", remedy="what to do")
    assert (str(error), error.message, error.remedy) == ("what happened", "what happened", "what to do")
