from __future__ import annotations

import pytest

from gateway.bus import authority
from gateway.errors import ConfigError


def test_a_name_with_an_umlaut_is_vouched_for_as_dns_has_it() -> None:
    found = authority._general("küche.lan")
    assert found.value == "xn--kche-0ra.lan"


def test_what_is_no_name_is_said() -> None:
    with pytest.raises(ConfigError, match="is no name of a machine"):
        authority._general("a" * 64 + "ü.lan")
