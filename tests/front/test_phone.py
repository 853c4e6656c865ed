"""Whether a request is its provider's: each signature as its provider publishes it, and what is not signed refused."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from gateway.errors import ConfigError, Forbidden
from gateway.front import phone as phones
from gateway.front.phone import Asked, Phone
from gateway.sections import PhoneSettings
from tests.support import phone as provider_of

FORM_TYPE = "application/x-www-form-urlencoded"


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in provider_of.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def phone(provider: str, clock: Clock | None = None, url: str = provider_of.URL) -> Phone:
    settings = PhoneSettings.model_validate({"provider": provider, "url": url})
    return Phone(settings) if clock is None else Phone(settings, clock)


def asked(headers: Mapping[str, str], form: Mapping[str, str] = provider_of.FORM, target: str = "/") -> Asked:
    body = httpx.Request("POST", "http://any", data=dict(form)).content
    lower = {name.lower(): value for name, value in headers.items()}
    return Asked("POST", target, {"content-type": FORM_TYPE, **lower}, body)


def test_twilios_published_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its guide on security, under "Validating requests"."""
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "12345")
    form = {"CallSid": "CA1234567890ABCDE", "Caller": "+12349013030", "Digits": "1234"}
    form |= {"From": "+12349013030", "To": "+18005551212"}
    own = phone("twilio", url="https://mycompany.com")
    signature = {"X-Twilio-Signature": "0/KCTR6DLpKmkAf8muzZqo1nDgQ="}
    own.answer(asked(signature, form, "/myapp.php?foo=1&bar=2"))
    with pytest.raises(Forbidden):
        own.answer(asked(signature, {**form, "Digits": "9999"}, "/myapp.php?foo=1&bar=2"))


SIGNED = pytest.mark.parametrize("provider", ["twilio", "telnyx", "plivo"])


@SIGNED
def test_a_signed_webhook_is_told_where_the_stream_goes(provider: str) -> None:
    answer = phone(provider).answer(asked(provider_of.signed(provider)))
    assert answer.media_type == "application/xml"
    assert provider_of.stream_of(answer.content).startswith("wss://voice.example.com/ws/")


@SIGNED
@pytest.mark.parametrize(
    "change",
    [{"form": {**provider_of.FORM, "To": "+1900"}}, {"form": {}}, {"headers": {}}, {"nonsense": True}],
    ids=["another number", "no form", "no signature", "nonsense"],
)
def test_what_it_did_not_sign_is_refused(provider: str, change: dict[str, Any]) -> None:
    headers = change.get("headers", provider_of.signed(provider))
    if change.get("nonsense"):
        headers = {**headers, **{name: "ü" for name in headers if "signature" in name.lower()}}
    with pytest.raises(Forbidden):
        phone(provider).answer(asked(headers, change.get("form", provider_of.FORM)))


@pytest.mark.parametrize("provider", ["twilio", "plivo"])
def test_a_signature_is_of_one_address(provider: str) -> None:
    with pytest.raises(Forbidden):
        phone(provider).answer(asked(provider_of.signed(provider), target="/?to=another"))
    with pytest.raises(Forbidden):
        phone(provider, url="https://another.example.com").answer(asked(provider_of.signed(provider)))


def test_plivo_signs_a_query_and_each_token_of_an_account() -> None:
    """Its guide on validating requests; the query is sorted and parted from the fields by a full stop."""
    fields = "".join(name + value for name, value in sorted(provider_of.FORM.items()))
    mark = provider_of.mark("sha256", f"{provider_of.URL}/?a=1&b=2.{fields}.n")
    headers = {"X-Plivo-Signature-V3": f"bm8=,{mark}", "X-Plivo-Signature-V3-Nonce": "n"}
    phone("plivo").answer(asked(headers, target="/?b=2&a=1"))


def test_an_old_request_of_telnyx_is_not_played_again(clock: Clock) -> None:
    headers = provider_of.signed("telnyx")
    clock.now = int(headers["Telnyx-Timestamp"]) + phones.TELNYX_SECONDS
    phone("telnyx", clock).answer(asked(headers))
    clock.now += 1
    with pytest.raises(Forbidden):
        phone("telnyx", clock).answer(asked(headers))


@SIGNED
def test_the_address_of_an_answer_is_good_for_one_stream_and_a_while(provider: str, clock: Clock) -> None:
    own = phone(provider, clock)
    clock.now = time.time()
    nobody = Asked("GET", "/ws/x", {})
    tickets = [
        provider_of.stream_of(own.answer(asked(provider_of.signed(provider))).content).rsplit("/", 1)[1]
        for _ in range(2)
    ]
    own.admit(nobody, tickets[0])
    with pytest.raises(Forbidden):
        own.admit(nobody, tickets[0])
    clock.now += phones.TICKET_SECONDS + 1
    with pytest.raises(Forbidden):
        own.admit(nobody, tickets[1])


@pytest.mark.parametrize("provider", ["twilio", "plivo", "exotel"])
def test_a_stream_that_is_signed_itself_needs_none(provider: str) -> None:
    headers = {name.lower(): value for name, value in provider_of.handshake(provider).items()}
    phone(provider).admit(Asked("GET", "/ws", headers), None)
    with pytest.raises(Forbidden):
        phone(provider).admit(Asked("GET", "/ws", {}), None)
    if provider != "exotel":
        with pytest.raises(Forbidden):
            phone(provider).admit(Asked("GET", "/ws/other", headers), None)


def test_exotel_is_told_of_its_applet_and_of_no_secret() -> None:
    answer = phone("exotel").answer(asked({}))
    assert '"websocket_url":"wss://voice.example.com/ws"' in answer.content
    assert provider_of.LOGIN not in answer.content
    wrong = {"authorization": f"Basic {base64.b64encode(b'stream:other').decode()}"}
    with pytest.raises(Forbidden):
        phone("exotel").admit(Asked("GET", "/ws", wrong), None)


@pytest.mark.parametrize("provider", provider_of.PROVIDERS)
def test_without_its_secret_nothing_starts(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in provider_of.ENVIRONMENT:
        monkeypatch.delenv(name)
    with pytest.raises(ConfigError, match="is not set"):
        phone(provider)


def test_a_public_key_that_is_none_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELNYX_PUBLIC_KEY", "KEY1")
    with pytest.raises(ConfigError, match="public key"):
        phone("telnyx")


def test_another_variable_may_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWILIO_AUTH_TOKEN")
    monkeypatch.setenv("PHONE_TOKEN", provider_of.TOKEN)
    settings = PhoneSettings(provider="twilio", url=provider_of.URL, secret_env="PHONE_TOKEN")
    Phone(settings).answer(asked(provider_of.signed("twilio")))
