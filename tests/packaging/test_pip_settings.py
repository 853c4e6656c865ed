"""What is set for pip, said to uv."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from python_env import pip_settings

NOTHING = {"XDG_CONFIG_HOME": "/nonexistent"}


def _listed(text: str, folder: Path, **environment: str) -> dict[str, str]:
    """What pip itself says of a pip.conf and of variables."""
    (folder / "pip.conf").write_text(text)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    command = [sys.executable, "-m", "pip", "config", "list"]
    variables = {**plain, "PIP_CONFIG_FILE": str(folder / "pip.conf"), **environment}
    return pip_settings.read(
        subprocess.run(command, capture_output=True, text=True, check=True, env=variables).stdout
    )


def test_pips_own_order_holds(tmp_path: Path) -> None:
    text = (
        "[global]\nindex-url = http://a.test/simple\ntimeout = 9\nproxy = p.test:1\n[install]\ntimeout = 7\n"
    )
    settings = _listed(text, tmp_path, PIP_INDEX_URL="http://b.test/simple")
    assert settings["index-url"] == "http://b.test/simple"
    assert settings["timeout"] == "7"
    assert settings["proxy"] == "p.test:1"


def test_indexes_are_carried_over(tmp_path: Path) -> None:
    text = "[global]\nindex-url = https://me:hush@a.test/simple\nextra-index-url =\n  file:///one\n  file:///two\n"
    carried = pip_settings.carried(
        _listed(text + "find-links = /three ~/four\nno-index = yes\n", tmp_path), NOTHING
    )
    assert carried.environment["UV_DEFAULT_INDEX"] == "https://me:hush@a.test/simple"
    assert carried.environment["UV_INDEX"] == "file:///one file:///two"
    assert carried.environment["UV_FIND_LINKS"] == f"/three,{Path.home()}/four"
    assert carried.environment["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert carried.arguments == ("--no-index",)


@pytest.mark.parametrize(
    ("key", "value", "name", "said"),
    [
        ("cert", "/a/ca.pem", "SSL_CERT_FILE", "/a/ca.pem"),
        ("cert", "/", "SSL_CERT_DIR", "/"),
        ("client-cert", "/a/me.pem", "SSL_CLIENT_CERT", "/a/me.pem"),
        ("proxy", "me:hush@p.test:1", "HTTPS_PROXY", "http://me:hush@p.test:1"),
        ("proxy", "https://p.test:1", "http_proxy", "https://p.test:1"),
        ("timeout", "2.5", "UV_HTTP_TIMEOUT", "2"),
        ("default-timeout", "180", "UV_HTTP_TIMEOUT", "180"),
        ("retries", "4", "UV_HTTP_RETRIES", "4"),
        ("trusted-host", "a.test\nb.test:8", "UV_INSECURE_HOST", "a.test b.test:8"),
        ("keyring-provider", "subprocess", "UV_KEYRING_PROVIDER", "subprocess"),
    ],
)
def test_a_setting_has_its_name_in_uv(key: str, value: str, name: str, said: str) -> None:
    assert pip_settings.carried({key: value}, NOTHING).environment[name] == said


def test_what_is_set_for_uv_holds_before_it() -> None:
    settings = {"index-url": "http://a.test/simple", "timeout": "9", "cert": "/a", "no-index": "1"}
    mine = {**NOTHING, "UV_DEFAULT_INDEX": "http://mine.test", "UV_HTTP_TIMEOUT": "1", "UV_NATIVE_TLS": "0"}
    carried = pip_settings.carried(settings, mine)
    assert carried.environment == {"SSL_CERT_FILE": "/a"}
    assert carried.arguments == ()


@pytest.mark.parametrize(
    "text",
    ['index-url = "http://mine.test"', '[[index]]\nurl = "http://mine.test"', "[pip]\nno-index = true"],
)
def test_an_index_in_uv_toml_holds_before_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").write_text(text)
    carried = pip_settings.carried({"index-url": "http://a.test"}, {"XDG_CONFIG_HOME": str(tmp_path)})
    assert "UV_DEFAULT_INDEX" not in carried.environment


def test_a_uv_toml_without_an_index_changes_nothing_here(tmp_path: Path) -> None:
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").write_text('link-mode = "copy"')
    carried = pip_settings.carried({"index-url": "http://a.test"}, {"XDG_CONFIG_HOME": str(tmp_path)})
    assert carried.environment["UV_DEFAULT_INDEX"] == "http://a.test"
