"""The files for several machines: they name what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import settings
from gateway.bus import trust

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "packaging" / "fleet" / "compose.yaml"
MANIFESTS = sorted((ROOT / "packaging" / "kubernetes").glob("*.yaml"))
UNITS = ROOT / "packaging" / "systemd"


def manifests() -> list[dict[str, Any]]:
    return [found for path in MANIFESTS for found in yaml.safe_load_all(path.read_text())]


@pytest.mark.parametrize("path", [COMPOSE, *MANIFESTS], ids=lambda path: path.name)
def test_the_nats_client_is_the_locked_one(path: Path) -> None:
    locked = re.search(r"^nats-py==(\S+)", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE)
    assert locked is not None
    assert set(re.findall(r"nats-py==([\d.]+)", path.read_text())) <= {locked[1]}


def test_compose_has_two_fronts_three_hosts_and_nats() -> None:
    found = yaml.safe_load(COMPOSE.read_text())
    commands = [service["command"][0] for service in found["services"].values()]
    assert sorted(commands) == ["-c", "host", "host", "host", "serve", "serve"]
    volumes = {v.split(":")[0] for s in found["services"].values() for v in s["volumes"]}
    assert {v for v in volumes if not v.startswith(".")} == set(found["volumes"])
    members = {v.split("/")[2].split(":")[0] for v in volumes if v.startswith("./members/")}
    assert members == {"nats"} | {name for name in found["services"] if name != "nats"}


def test_each_fronts_health_check_asks_that_front() -> None:
    """It reads the port where `serve` does, but for options (`packaging/container/healthy.py`)."""
    found = yaml.safe_load(COMPOSE.read_text())["services"].values()
    fronts = [service for service in found if service["command"][0] == "serve"]
    assert [service["command"] for service in fronts] == [["serve"], ["serve"]]
    ports = [
        int(service.get("environment", {}).get("VOICEGW_PORT", settings.Settings().port))
        for service in fronts
    ]
    assert len(set(ports)) == 2


def test_what_members_are_given_is_the_containers_to_read() -> None:
    """`voicegw nats` writes it for its owner alone."""
    user = re.search(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user is not None
    assert f"chown -R {user[1]} members/front-* members/host-*" in COMPOSE.read_text()


def test_hosts_are_on_the_nodes_own_network_and_fronts_are_not() -> None:
    by_name = {m["metadata"]["name"]: m for m in manifests() if m["kind"] in {"DaemonSet", "StatefulSet"}}
    on_nodes = {name for name, m in by_name.items() if m["spec"]["template"]["spec"].get("hostNetwork")}
    assert on_nodes == {"host"}
    assert set(by_name) == {"nats", "front-one", "front-two", "host"}
    spec = by_name["host"]["spec"]["template"]["spec"]
    assert spec["dnsPolicy"] == "ClusterFirstWithHostNet"


def test_no_service_sets_what_a_gateway_reads_as_a_setting() -> None:
    """Kubernetes tells each pod of its namespace's services: in VOICEGW_PORT, of the one called voicegw."""
    services = {m["metadata"]["name"] for m in manifests() if m["kind"] == "Service"}
    assert "voicegw" in services
    pods = {
        m["metadata"]["name"]: m["spec"]["template"]["spec"]
        for m in manifests()
        if m["kind"] in {"DaemonSet", "StatefulSet"}
    }
    ours = {n: p for n, p in pods.items() if "voicegw" in p["containers"][0]["image"]}
    assert set(ours) == {"front-one", "front-two", "host"}
    assert all(pod.get("enableServiceLinks") is False for pod in ours.values())


def test_each_host_is_a_member_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its pod's name; and it is given no other one's password."""
    found = next(m for m in manifests() if m["metadata"]["name"] == "host" and m["kind"] != "Service")
    assert found["kind"] == "StatefulSet"  # whose pods are called NAME-0, NAME-1, …
    pods = [f"host-{n}" for n in range(found["spec"]["replicas"])]
    nats_yaml = (ROOT / "packaging" / "kubernetes" / "nats.yaml").read_text()
    assert [f"host-{name}" for name in re.findall(r"--host (\S+)", nats_yaml)] == pods
    [container] = found["spec"]["template"]["spec"]["containers"]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    (tmp_path / "voicegw.toml").write_text(trust.member("host-0", ["tls://nats.voicegw.svc:4222"]))
    for pod in pods:
        for variable in container["env"]:
            if "value" not in variable:
                assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
            monkeypatch.setenv(variable["name"], variable.get("value", pod))
        nats = settings.load(tmp_path / "voicegw.toml", {}).nats
        assert nats is not None
        assert nats.user == pod
        assert mounts[str(nats.password_file)]["subPathExpr"] == "$(VOICEGW_NATS__USER).password"
        assert str(Path(str(nats.ca)).parent) in mounts


def test_each_manifests_mounts_are_there() -> None:
    for found in manifests():
        if found["kind"] not in {"DaemonSet", "StatefulSet"}:
            continue
        spec = found["spec"]["template"]["spec"]
        volumes = {v["name"] for v in spec["volumes"]}
        volumes |= {v["metadata"]["name"] for v in found["spec"].get("volumeClaimTemplates", [])}
        mounts = {m["name"] for c in spec["containers"] for m in c["volumeMounts"]}
        assert mounts == volumes


def test_a_hosts_unit_is_the_gateways_but_for_what_it_runs() -> None:
    own, other = (
        (UNITS / name).read_text().splitlines() for name in ("voicegw-host.service", "voicegw.service")
    )
    differ = [line for line in own if line not in other]
    assert [line.split("=")[0] for line in differ[1:]] == ["Description", "ExecStart", "TimeoutStopSec"]
    lacks = [line.split("=")[0] for line in other if line not in own and not line.startswith("#")]
    # It goes with whoever stops first, and on one machine is the front's, whose commands need it.
    runtime = ["RuntimeDirectory", "RuntimeDirectoryMode"]
    assert lacks == ["Description", "ExecStart", *runtime, "TimeoutStopSec"]
    drain = re.search(r"voicegw host --drain (\d+)", "\n".join(own))
    stop = re.search(r"TimeoutStopSec=(\d+)", "\n".join(own))
    assert drain is not None
    assert stop is not None
    assert int(stop[1]) >= int(drain[1]) + 30
