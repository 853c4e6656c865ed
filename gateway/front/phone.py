"""Telephone calls by a provider's media streams: what its webhook is answered, and whether a request is its own.

Pure but for the clock and randomness. The answers are those of Pipecat's runner (docs/bots.md, The phone).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.environment import phone_secret
from gateway.errors import ConfigError, Forbidden
from gateway.sections import PhoneSettings

TICKET_SECONDS: Final = 300.0
"""For a provider to connect once its webhook was answered; what Pipecat's tokens are good for."""
TELNYX_SECONDS: Final = 300
"""How old a request of Telnyx's may be, as its own libraries have it."""
_MAX_TICKETS: Final = 256
_XML: Final[Mapping[str, str]] = {
    "twilio": """<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Connect>
    <Stream url="{url}"></Stream>
  </Connect>
</Response>""",
    "telnyx": """<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Connect>
    <Stream url="{url}" bidirectionalMode="rtp"></Stream>
  </Connect>
</Response>""",
    "plivo": """<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Stream bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000">{url}</Stream>
</Response>""",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its headers by names in lower case, and its body; `target` is path and query as they came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    def form(self) -> list[tuple[str, str]]:
        """The fields of its body, sorted; none where that is no form."""
        if "json" in self.headers.get("content-type", ""):
            return []
        return sorted(set(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a webhook is answered."""

    content: str
    media_type: str


class Phone:
    """Answers the webhook of one provider, and admits its media streams, and nobody else's.

    Args:
        settings: whose.
        clock: seconds since 1970.

    Raises:
        ConfigError: what its requests are checked by is missing, or is none.
    """

    def __init__(self, settings: PhoneSettings, clock: Callable[[], float] = time.time) -> None:
        self.provider = settings.provider
        self.host = urlsplit(settings.url).hostname or ""
        self._url = settings.url
        self._streams = "wss://" + settings.url.removeprefix("https://")
        self._secret = phone_secret(settings)
        self._clock = clock
        self._tickets: OrderedDict[str, float] = OrderedDict()
        if self.provider == "telnyx":
            _telnyx_key(self._secret)

    def answer(self, asked: Asked) -> Answer:
        """What the webhook of a call is answered: where its media stream goes.

        Raises:
            Forbidden: the provider has not signed this.
        """
        if self.provider == "exotel":  # has no webhook: its applet has the address
            told = {
                "error": "Exotel doesn't use POST webhooks",
                "websocket_url": f"{self._streams}/ws",
                "note": "Configure the WebSocket URL above in your Exotel App Bazaar Voicebot Applet",
            }
            return Answer(json.dumps(told, separators=(",", ":")), "application/json")
        if not self._is_signed(asked, self._url):
            raise Forbidden(
                f"this was not signed by {self.provider} for {self._url}{asked.target}",
                remedy="set phone.url to what the provider calls, and the secret to its account's",
            )
        return Answer(
            _XML[self.provider].format(url=f"{self._streams}/ws/{self._ticket()}"), "application/xml"
        )

    def admit(self, asked: Asked, ticket: str | None) -> None:
        """See that a media stream is the provider's: by the ticket of an answer, once, or by its own signature.

        Raises:
            Forbidden: it is not.
        """
        if ticket is not None and self._tickets.pop(ticket, 0.0) >= self._clock():
            return
        if self.provider == "telnyx" or not self._is_signed(asked, self._streams):
            raise Forbidden(
                f"this media stream is not {self.provider}'s",
                remedy="let the webhook's answer say where it goes; each of its addresses is good for one stream",
            )

    def _ticket(self) -> str:
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = self._clock() + TICKET_SECONDS
        while len(self._tickets) > _MAX_TICKETS:
            self._tickets.popitem(last=False)
        return ticket

    def _is_signed(self, asked: Asked, origin: str) -> bool:
        check = {"twilio": _of_twilio, "telnyx": self._of_telnyx, "plivo": _of_plivo, "exotel": _of_exotel}
        return check[self.provider](asked, origin, self._secret)

    def _of_telnyx(self, asked: Asked, _origin: str, secret: str) -> bool:
        """Ed25519 of time stamp and body (Telnyx, Webhook fundamentals)."""
        stamp = asked.headers.get("telnyx-timestamp", "")
        if not stamp.isascii() or not stamp.isdigit() or abs(self._clock() - int(stamp)) > TELNYX_SECONDS:
            return False
        try:
            signature = base64.b64decode(asked.headers.get("telnyx-signature-ed25519", ""))
            _telnyx_key(secret).verify(signature, f"{stamp}|".encode() + asked.body)
        except (InvalidSignature, ValueError):
            return False
        return True


def _telnyx_key(secret: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(secret, validate=True))
    except ValueError:
        raise ConfigError(
            "Telnyx's public key is none", remedy="copy it from Mission Control, Account, Keys & Credentials"
        ) from None


def _of_twilio(asked: Asked, origin: str, secret: str) -> bool:
    """HMAC-SHA1 of the URL and the fields of the form, in their order (Twilio, Security, Validating requests)."""
    fields = "".join(name + value for name, value in asked.form())
    signed = f"{origin}{asked.target}{fields}".encode()
    return _is_one_of([asked.headers.get("x-twilio-signature", "")], secret, signed, "sha1")


def _of_plivo(asked: Asked, origin: str, secret: str) -> bool:
    """HMAC-SHA256 of the URL, the fields of the form and a nonce (Plivo, Validating requests, V3)."""
    path, _, query = asked.target.partition("?")
    queried = "&".join(f"{k}={v}" for k, v in sorted(parse_qsl(query, keep_blank_values=True)))
    fields = "".join(name + value for name, value in asked.form()) if asked.method == "POST" else ""
    signed = origin + path
    if queried or fields:
        signed += "?" + queried
    if queried and fields:
        signed += "."
    signed += f"{fields}.{asked.headers.get('x-plivo-signature-v3-nonce', '')}"
    given = asked.headers.get("x-plivo-signature-v3", "").split(",")  # one for each token of the account
    return _is_one_of(given, secret, signed.encode(), "sha256")


def _of_exotel(asked: Asked, _origin: str, secret: str) -> bool:
    """USER:PASSWORD, which stand in the URL of its applet (Exotel, Voicebot applet, Authentication)."""
    scheme, _, given = asked.headers.get("authorization", "").partition(" ")
    expected = base64.b64encode(secret.encode()).decode()
    return scheme.lower() == "basic" and hmac.compare_digest(given.strip().encode(), expected.encode())


def _is_one_of(given: Sequence[str], secret: str, signed: bytes, digest: str) -> bool:
    mark = base64.b64encode(hmac.new(secret.encode(), signed, getattr(hashlib, digest)).digest())
    return any(hmac.compare_digest(one.strip().encode(), mark) for one in given)
