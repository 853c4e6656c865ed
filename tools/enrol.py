"""Letting a new device in: find the gateway, and have it make a key."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from ground import operator, pinned, text, typed
from ground.trouble import Trouble
from tools import lan
from tools.errors import EnrolError

_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\\s]+-----END CERTIFICATE-----")
_SECONDS = 10.0
_BROWSE_SECONDS = 3.0
_NO_GATEWAY = "start one with: make run, or voicegw serve; or give its address with --gateway URL"
_OPERATOR = (
    "run this on the gateway's own machine as the user that runs it, or give an operator's key: "
    "voicegw devices add me --role operator, and VOICEGW_KEY or --operator-key-file"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A gateway: where we reach it, and the settings by which a device does (none: it looks by mDNS)."""

    url: str
    settings: dict[str, str]
    announced: bool = False
    """Whether only mDNS says that it is one, as anyone on the network can."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device that the gateway lets in, and its key."""

    name: str
    key: str


def find(url: str | None) -> Found:
    """The gateway: the one that is given, else one on this machine, else the one that the LAN announces.

    From another machine one is reached over https where it speaks that, whatever was written.

    Raises:
        EnrolError: none answers, or several do. Trouble: what is given is no URL, or several run here.
    """
    if url is not None:
        url = typed.gateway_url(url)
        secure = url.replace("http://", "https://", 1)
        if not operator.leads_here(url) and secure != url and answers(secure):
            url = secure
        elif not answers(url):
            raise EnrolError(f"no gateway answers at {url}", remedy=_NO_GATEWAY)
        return Found(url, settings_for(url))
    here = operator.here()
    if answers(here):
        return Found(here, {})
    try:
        found = lan.browse(lan.GATEWAYS, _BROWSE_SECONDS)
    except OSError as error:
        why, remedy = lan.why_not(error)
        raise EnrolError(
            f"no gateway was found here, and none can be looked for: {why}",
            remedy=f"{remedy}; or give its address with --gateway URL",
        ) from None
    if not found:
        raise EnrolError("no gateway was found, here or on the network", remedy=_NO_GATEWAY)
    if len(found) > 1:
        named = ", ".join(f"{s.name} at {s.url}" for s in found)
        raise EnrolError(f"there are several gateways: {named}", remedy="say which one with --gateway URL")
    gateway_id = found[0].properties.get("id", "")
    return Found(found[0].url, {"gateway_id": gateway_id} if gateway_id else {}, announced=True)


def must_be_given(found: Found) -> None:
    """Raises EnrolError for a gateway that only announces itself: an operator's key is not for whoever does."""
    if found.announced:
        raise EnrolError(
            f"{found.url} announces itself as a gateway, as anyone on the network can",
            remedy=f"if it is yours, say so with --gateway {found.url}",
        )


def answers(url: str) -> bool:
    """Whether a gateway is there."""
    try:
        health = httpx.get(f"{url.rstrip('/')}/healthz", timeout=2.0, trust_env=False, verify=False)  # noqa: S501 -- nothing is told yet
        return "status" in _object(health)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def _object(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer; an empty one for anything else: who knows what listens there."""
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def settings_for(url: str) -> dict[str, str]:
    """What a device is told, so that it calls the gateway at a URL."""
    return {} if operator.leads_here(url) else {"gateway": url}


class Gateway:
    """The registry of a gateway, over HTTP.

    Args:
        url: of the gateway.
        operator_key: needed where the gateway is not on this machine, or another account's.
        ca: path of a PEM file to trust instead of the system's, for https.
        identity: of the gateway, to be trusted over https; or VOICEGW_IDENTITY.

    Raises:
        EnrolError: the file cannot be used. Trouble: the key cannot be sent, others could read it, or nobody
            vouches for who is there.
    """

    def __init__(
        self, url: str, operator_key: str | None = None, ca: str | None = None, identity: str | None = None
    ) -> None:
        self.url = url
        told = identity or os.environ.get("VOICEGW_IDENTITY")
        self._identity = pinned.pin(told) if told else None
        self._by_ca = ca is not None
        key = operator_key or os.environ.get("VOICEGW_KEY") or operator.secret_for(url)
        key = typed.key(key, "the operator's key file or VOICEGW_KEY") if key else None
        if key:
            pinned.must_be_private(url)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=_SECONDS,
            trust_env=False,
            verify=_trust(ca) if ca else self._pinned() if url.startswith("https:") else True,
        )

    def _pinned(self) -> Any:
        try:
            return pinned.trust(self.url, self._identity)
        except Trouble as error:
            raise EnrolError(error.message, remedy=error.remedy) from None

    def pin(self) -> dict[str, str]:
        """The setting by which a device knows this gateway from now on; none where it is to trust an authority.

        Raises:
            EnrolError: it cannot be reached.
        """
        if self._by_ca:
            return {}
        told = _object(self._request("GET", "/api/identity", None)).get("pin")  # an older one has none
        return {"fingerprint": told} if isinstance(told, str) and pinned.PIN.fullmatch(told) else {}

    def enrol(self, name: str, *, replace: bool) -> Enrolled:
        """Have the gateway make a device of this name.

        Args:
            name: of the device.
            replace: a device that has the name already loses its key.

        Raises:
            EnrolError: it is refused; says why and what to do.
        """
        answer = self._request("POST", "/api/devices", {"name": name})
        if answer.status_code == 409 and replace:
            self.revoke(name)
            answer = self._request("POST", "/api/devices", {"name": name})
        if answer.status_code != 201:
            raise _refused(answer, name)
        key = _object(answer).get("key")
        if not isinstance(key, str) or not key:
            raise EnrolError("the gateway gave no key", remedy="look whether its version is this one's")
        return Enrolled(name, key)

    def revoke(self, name: str) -> None:
        """Let a device in no more; one that is not there is none, too.

        Raises:
            EnrolError: the gateway did not do it.
        """
        answer = self._request("DELETE", f"/api/devices/{quote(name, safe='')}", None)
        if answer.status_code not in {204, 404}:
            raise _refused(answer, name)

    def shared_keys(self) -> dict[str, list[str]]:
        """The boards that use one key at once, by the device whose key it is; none where we may not see it.

        Raises:
            EnrolError: it cannot be reached.
        """
        answer = self._request("GET", "/api/devices", None)
        try:
            return {
                str(device["name"]): [
                    f"{b['id'] or 'a board'} at {b['address']}" for b in device["shared_by"]
                ]
                for device in answer.json()
                if device["shared_by"]
            }
        except (ValueError, RecursionError, KeyError, TypeError):  # no operator's key, or an older gateway
            return {}

    @contextlib.contextmanager
    def enrolled(self, name: str, *, replace: bool) -> Iterator[Enrolled]:
        """Enrol a device for a block; if the block fails, the key is revoked, as nobody has it.

        Raises:
            EnrolError: as `enrol`. The block's own error says so if the key could not be revoked.
        """
        made = self.enrol(name, replace=replace)
        try:
            yield made
        except BaseException as failure:
            try:
                self.revoke(name)
            except EnrolError as undone:
                if isinstance(failure, Trouble):
                    failure.remedy += (
                        f"; {name} is enrolled still ({undone.cause}): voicegw devices revoke {name}"
                    )
            raise

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    def _request(self, method: str, path: str, body: dict[str, str] | None) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise EnrolError(
                f"the gateway at {self.url} cannot be reached: {reason}", remedy=_NO_GATEWAY
            ) from None


def pin_of(url: str | None, identity: str | None = None) -> dict[str, str]:
    """The setting by which a device knows the gateway that it is to call; none where none answers now.

    Raises:
        EnrolError: nobody vouches for who answers, and no identity was given.
    """
    try:
        found = find(url or operator.here())
    except EnrolError:
        return {"fingerprint": pinned.pin(identity)} if identity else {}
    gateway = Gateway(found.url, None, None, identity)
    try:
        return gateway.pin()
    finally:
        gateway.close()


def _trust(ca: str) -> Any:
    import ssl  # noqa: PLC0415 -- for https alone

    held = "\n".join(_CERTIFICATE.findall(text.read(Path(ca))))  # what stands between is no ASCII, perhaps
    with contextlib.suppress(ssl.SSLError, ValueError):
        if held:
            return ssl.create_default_context(cadata=held)
    raise EnrolError(
        f"{ca} cannot be used: it is no certificate",
        remedy="give a PEM file with the certificate that the gateway's is signed by",
    )


def _refused(answer: httpx.Response, name: str) -> EnrolError:
    problem = _object(answer)
    try:
        code, detail, remedy = problem["code"], problem["detail"], problem["remedy"]
    except KeyError:
        return EnrolError(
            f"the gateway answers {answer.status_code}", remedy="look whether this is a voicegw gateway"
        )
    if code == "conflict":
        return EnrolError(
            f"the gateway has a device {name} already", remedy="give --replace, or another --name"
        )
    if code in {"key_required", "forbidden"}:
        return EnrolError(f"the gateway does not let us enrol a device: {detail}", remedy=_OPERATOR)
    return EnrolError(f"the gateway refuses {name}: {detail}", remedy=remedy)
