from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from ground import typed
from ground.trouble import Trouble


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://127.0.0.1:7860", "http://127.0.0.1:7860"),
        (" http://gateway.lan/ \n", "http://gateway.lan"),
        ("https://home.example/voice/", "https://home.example/voice"),
        ("HTTP://Gateway.LAN:80", "http://gateway.lan:80"),
        ("192.168.1.5:7860", "http://192.168.1.5:7860"),
        ("192.168.1.5", "http://192.168.1.5:7860"),
        ("localhost", "http://localhost:7860"),
        ("gateway.lan:80/voice", "http://gateway.lan:80/voice"),
        ("::1", "http://[::1]:7860"),
        ("[fd00::2]:80", "http://[fd00::2]:80"),
        ("http://[fd00:0::2]", "http://[fd00::2]"),
        ("küche.local:7860", "http://xn--kche-0ra.local:7860"),
    ],
)
def test_what_can_be_asked_is_taken(given: str, url: str) -> None:
    assert typed.gateway_url(given) == url
    httpx.Request("GET", url + "/healthz")  # raises for what it could not send


@pytest.mark.parametrize(
    "given",
    [
        "", " ", "http://", "http:///x", "ws://192.168.1.5:7860", "rtsp://x", "http//x y", "http://x:port",
        "http://x:70000", "http://[::1", "http://[nonsense]", "http://a b", "http://a\nb", "http://a/\x00", "http://a/ü",
        "http://x/?a=1", "http://x/#top", "http://" + "a" * 64 + ".lan", "http://a..b", "1.2.3.4:5:6", "http://.",
    ],
)  # fmt: skip
def test_what_cannot_is_refused_with_the_form(given: str) -> None:
    with pytest.raises(Trouble) as caught:
        typed.gateway_url(given)
    assert "http://HOST:7860" in caught.value.remedy


@pytest.mark.parametrize(
    "given",
    [
        "http://me:hunter2@x",
        "me:hunter2@x",
        "ws://:hunter2@x",
        "http://hunter2@[x",
        "http://me:hunter2/x@h:9",
        "http://me:9/hunter2@h",
        "hunter2/x@h",
        "http://me@hunter2@h",
        "http://hunter2\n@h",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(Trouble) as caught:
        typed.gateway_url(given)
    assert "hunter2" not in f"{caught.value.message}{caught.value.remedy}"


@pytest.mark.parametrize("around", ["{}", "{}\n", "{}\r\n", "\t{} ", "\ufeff{}\r\n"])
def test_a_key_is_read_without_what_stands_around_it(tmp_path: Path, around: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(around.format("vgw_abc").encode())
    assert typed.key_in(path) == "vgw_abc"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("vgw_secret\nvgw_other", "more than one word"),
        ("vgw_se\ncret", "more than one word"),
        ("Bearer vgw_secret", "more than one word"),
        ("vgw_sécret", "not ASCII"),
        ("vgw_se\x01cret", "not ASCII"),
        ("", "is empty"),
        ("\n", "is empty"),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content.encode())
    with pytest.raises(Trouble, match=said) as caught:
        typed.key_in(path)
    assert str(path) in caught.value.message
    assert "cret" not in f"{caught.value.message}{caught.value.remedy}"


@pytest.mark.parametrize("given", [-1, -0.1, float("nan"), float("inf")])
def test_what_is_no_time_to_wait_is_refused(given: float) -> None:
    with pytest.raises(Trouble, match=r"--seconds .* is no time to wait"):
        typed.seconds(given, "--seconds")
    assert typed.seconds(0, "--seconds") == 0
