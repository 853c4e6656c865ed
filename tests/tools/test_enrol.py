from __future__ import annotations

import contextlib
import errno
import http.server
import socket
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from zeroconf import IPVersion, ServiceInfo, Zeroconf

from ground import operator
from ground.trouble import Trouble
from hil.gateway import Gateway as Process
from tests.support.certificates import self_signed
from tests.support.lan import alone_on_loopback
from tests.support.waiting import PATIENCE
from tools import devices, doctor, enrol, findings, lan
from tools.enrol import Gateway
from tools.errors import EnrolError, ToolError


@pytest.fixture
def registry(gateway: Process) -> Iterator[Gateway]:
    made = Gateway(gateway.url)
    yield made
    made.close()


def listed(gateway: Process) -> list[str]:
    found = gateway.get("/api/devices")
    return [device["name"] for device in found if not device.get("revoked")]


def may_talk(gateway: Process, key: str) -> bool:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{gateway.url}/start", headers=headers, trust_env=False).status_code == 200


def test_an_enrolled_device_may_talk_and_a_replaced_one_no_more(gateway: Process, registry: Gateway) -> None:
    first = registry.enrol("bath", replace=False).key
    assert may_talk(gateway, first)
    second = registry.enrol("bath", replace=True).key
    assert [may_talk(gateway, key) for key in (first, second)] == [False, True]


def test_a_key_that_nobody_got_is_revoked(gateway: Process, registry: Gateway) -> None:
    def fail() -> None:
        with registry.enrolled("loft", replace=False):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert "loft" not in listed(gateway)


def test_a_key_that_could_not_be_revoked_is_said(gateway: Process, registry: Gateway) -> None:
    def fail() -> None:
        with (
            contextlib.closing(sqlite3.connect(gateway.folder / "data" / "devices.db")) as other,
            registry.enrolled("cellar", replace=False),
        ):
            other.execute("BEGIN IMMEDIATE")
            raise ToolError("the cable came out", remedy="plug it in")

    with pytest.raises(ToolError, match="the cable came out") as error:
        fail()
    assert "cellar is enrolled still" in error.value.remedy
    assert "voicegw devices revoke cellar" in error.value.remedy
    assert "cellar" in listed(gateway)


def test_without_an_operators_key_it_says_how_to_get_one(gateway: Process) -> None:
    with pytest.raises(EnrolError, match="does not let us enrol") as error:
        Gateway(gateway.url, "vgw_wrong").enrol("porch", replace=False)
    assert "--role operator" in error.value.remedy


@pytest.mark.parametrize("key", ["vgw_secret\rx", "vgw_s\u00e9cret"])
def test_an_operators_key_that_is_none_is_refused_and_not_shown(gateway: Process, key: str) -> None:
    with pytest.raises(Trouble, match="operator's key file or VOICEGW_KEY") as error:
        Gateway(gateway.url, key).enrol("porch", replace=False)
    assert "cret" not in f"{error.value.message}{error.value.remedy}"


def test_an_operators_key_goes_over_no_plain_http_off_this_machine() -> None:
    with pytest.raises(Trouble, match="everyone on the way") as error:
        Gateway("http://192.0.2.1:9", "vgw_secret")
    assert "https://192.0.2.1:9" in error.value.remedy


def test_the_line_end_of_another_system_is_no_part_of_a_key(gateway: Process) -> None:
    with pytest.raises(EnrolError, match="does not let us enrol"):  # it was sent, and is unknown
        Gateway(gateway.url, "vgw_wrong\r").enrol("porch", replace=False)


def test_a_file_to_trust_that_holds_no_certificate_is_said(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("attic")
    for name, cause in (("ca.pem", "it is no certificate"), ("none.pem", "it is not there")):
        with pytest.raises(Trouble, match=cause):
            Gateway("https://127.0.0.1:9", ca=str(tmp_path / name))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_to_trust_may_have_words_beside_its_certificate(tmp_path: Path, encoding: str) -> None:
    made = self_signed(tmp_path / "made").path.read_text()
    (tmp_path / "ca.pem").write_bytes(f"# Küche\n{made}# Flur ☕\n".encode(encoding))
    Gateway("https://127.0.0.1:9", ca=str(tmp_path / "ca.pem")).close()


@contextlib.contextmanager
def stranger(body: bytes) -> Iterator[str]:
    """A server that is no gateway, and answers everything with that; gives its URL."""

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            self.send_response(201)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("body", [b"", b"5", b"null", b"<html>", b'"status"', b'{"key":5}', b"[" * 50_000])
def test_what_is_no_gateway_is_taken_for_none(body: bytes) -> None:
    with stranger(body) as url:
        assert not enrol.answers(url)
        with pytest.raises(EnrolError, match="gave no key"):
            Gateway(url).enrol("porch", replace=False)


def test_a_name_that_the_gateway_refuses_is_said(registry: Gateway) -> None:
    with pytest.raises(EnrolError, match="is no device name"):
        registry.enrol("a b", replace=False)


def test_a_gateway_on_loopback_is_found_but_not_told_to_the_board(gateway: Process) -> None:
    assert enrol.find(gateway.url) == enrol.Found(gateway.url, {})
    assert enrol.settings_for("http://192.168.1.2:7860") == {"gateway": "http://192.168.1.2:7860"}


def test_a_port_where_nobody_is_is_no_gateway() -> None:
    with pytest.raises(EnrolError, match="no gateway answers"):
        enrol.find("http://127.0.0.1:9/")


def test_gateways_are_found_by_mdns() -> None:
    with (
        alone_on_loopback(),
        Zeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only) as zeroconf,
    ):
        info = ServiceInfo(
            lan.GATEWAYS, f"workshop.{lan.GATEWAYS}", addresses=[socket.inet_aton("127.0.0.1")], port=7861,
            properties={"v": "1", "id": "0a1b2c3d", "path": "/api/offer", "tls": "0"}, server="workshop.local.",
        )  # fmt: skip
        zeroconf.register_service(info)
        found = lan.browse(lan.GATEWAYS, PATIENCE, loopback=True, enough=lambda seen: "workshop" in seen)
        zeroconf.unregister_all_services()
    there = next(service for service in found if service.name == "workshop")
    assert (there.url, there.properties["id"]) == ("http://127.0.0.1:7861", "0a1b2c3d")


@pytest.mark.parametrize("addresses", [("192.168.1.7", "fd00::7"), ("fd00::7",), ()])
def test_a_device_has_an_address_and_no_page(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    device = lan.Service("hall", addresses, 9, {"board": "xmini-c3"})
    monkeypatch.setattr(lan, "browse", lambda kind, _: [device] if kind == lan.DEVICES else [])
    monkeypatch.setattr("serial.tools.list_ports.comports", list)
    [row] = devices.look(0)
    assert (row["kind"], row["where"]) == ("device", addresses[0] if addresses else "")


@pytest.mark.parametrize(
    ("state", "reason", "well"),
    [("live", "no_gateway", True), ("backoff", "no_gateway", None), ("live", "", True)],
)
def test_the_doctor_finds_a_device_well_that_is_live(
    monkeypatch: pytest.MonkeyPatch, state: str, reason: str, well: bool | None
) -> None:
    values = {"board": "xmini-c3", "fw": "0.1.0", "state": state, "reason": reason}
    monkeypatch.setattr(lan, "browse", lambda *_: [lan.Service("hall", ("192.168.1.7",), 9, values)])
    [found] = doctor.announced()
    assert found.well is well
    assert (reason or state) in found.text


def test_an_operators_key_is_not_for_whoever_announces_a_gateway() -> None:
    enrol.must_be_given(enrol.Found("http://127.0.0.1:7860", {}))
    with pytest.raises(EnrolError, match="announces itself") as caught:
        enrol.must_be_given(enrol.Found("http://10.0.0.9:7860", {"gateway_id": "0a1b2c3d"}, announced=True))
    assert "--gateway http://10.0.0.9:7860" in caught.value.remedy


def test_the_doctor_tells_the_gateways_version(gateway: Process) -> None:
    found = list(findings.gateway(gateway.url))
    assert [f.well for f in found] == [True]
    assert found[0].text.endswith(f"version {findings._own_version()}")


def test_the_doctor_says_that_there_is_no_gateway() -> None:
    found = list(findings.gateway("http://127.0.0.1:9"))
    assert [(f.what, f.well) for f in found] == [("gateway", False)]
    assert "make run" in found[0].remedy


def test_the_doctor_hears_its_own_multicast_on_loopback() -> None:
    assert findings._multicast("lo", "127.0.0.1").well


HELD = OSError(errno.EADDRINUSE, "Address already in use")


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program has UDP 5353 for itself."""

    def refuse(*_: object, **__: object) -> None:
        raise HELD

    monkeypatch.setattr(lan, "Zeroconf", refuse)
    monkeypatch.setattr(lan, "interfaces", lambda: {"eth0": ["192.168.1.2"]})
    monkeypatch.setattr(operator, "here", lambda: "http://127.0.0.1:9")


@pytest.mark.usefixtures("held")
def test_a_port_of_mdns_that_another_holds_is_told_and_not_taken_for_an_empty_network(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(EnrolError, match="held by another program") as caught:
        enrol.find(None)
    assert "--gateway URL" in caught.value.remedy
    assert [(f.what, f.well) for f in doctor.announced()] == [("mDNS", False)]
    assert all(row["kind"] == "port" for row in devices.look(0))
    assert "held by another program" in capsys.readouterr().err
