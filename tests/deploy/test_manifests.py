"""The configurations of deploy/ are valid, and name ports, paths and options that there are."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from recorder.cli import main
from recorder.monitoring.answers import HEALTH
from recorder.replay.engine.sessions.instances import COOKIE, checked
from tests.deploy.balancers import DEPLOY, INSTANCES, ROOT, nginx_conf
from tests.deploy.image import instructions

MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
HELP = CliRunner().invoke(main, ["replay", "--help"]).stdout
IMAGE = {one.name: one for one in instructions((ROOT / "Dockerfile").read_text())}


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


COMPOSE = documents(DEPLOY / "compose.yaml")[0]
(STATEFUL,) = (one for path in MANIFESTS for one in documents(path) if one["kind"] == "StatefulSet")
POD = STATEFUL["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
SERVICES = {one["metadata"]["name"]: one for path in MANIFESTS for one in documents(path) if one["kind"] == "Service"}


def options(words: list[str]) -> list[str]:
    return [word for word in words if word.startswith("--")]


@pytest.mark.balancers
@pytest.mark.parametrize("balance", ["leastconn", "source", "hash req.hdr(authorization)"])
def test_haproxy_takes_its_configuration(balance: str) -> None:
    command = ["haproxy", "-c", "-f", DEPLOY / "haproxy.cfg"]
    env = os.environ | {"RECORDER_BALANCE": balance}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)

    assert (done.returncode, done.stdout.strip()) == (0, "Configuration file is valid"), done.stderr
    assert "WARNING" not in done.stderr


@pytest.mark.balancers
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    servers = {f"RECORDER_{name.upper()}": f"127.0.0.1:809{n}" for n, name in enumerate(INSTANCES)}
    conf = nginx_conf(tmp_path, RECORDER_LISTEN="127.0.0.1:8099", RECORDER_TIMEOUT="1h", **servers)

    done = subprocess.run(["nginx", "-t", "-c", conf], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr
    assert "${" not in conf.read_text()


def test_nginx_names_the_variables_that_it_is_started_with() -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    (listed,) = re.findall(r"envsubst '([^']+)'", text)

    assert set(re.findall(r"\$\{(\w+)\}", text)) == {name.lstrip("$") for name in listed.split()}


@pytest.mark.parametrize("name", ["haproxy.cfg", "nginx.conf"])
def test_a_balancer_knows_the_cookie_and_a_backend_for_each_instance(name: str) -> None:
    text = (DEPLOY / name).read_text()

    assert COOKIE in text
    for instance in INSTANCES:
        block = re.search(
            rf"(?ms)^ *(?:backend|upstream) {instance}\b.*?(?=^ *(?:backend|upstream|server \{{)|\Z)", text
        )
        assert block is not None
        servers = re.findall(r"server (?:\w+ )?\"?\$\{RECORDER_(\w+)\}", block[0])
        assert servers[0].lower() == instance
        assert sorted(map(str.lower, servers)) == sorted(INSTANCES)


def test_haproxy_asks_for_the_health() -> None:
    assert f"uri {HEALTH}\n" in (DEPLOY / "haproxy.cfg").read_text()


# Compose


def test_compose_runs_an_instance_for_each_backend() -> None:
    services = COMPOSE["services"]

    assert set(services) == {*INSTANCES, "haproxy"}
    for name in INSTANCES:
        command = services[name]["command"]
        assert command[command.index("--instance") + 1] == name
        assert command[command.index("--listen") + 1].endswith(f":{IMAGE['EXPOSE'].rest}")
        assert [one for one in options(command) if one not in HELP] == []
        assert (services[name]["read_only"], services[name]["cap_drop"], services[name]["tmpfs"]) == (
            True,
            ["ALL"],
            ["/tmp"],
        )
    env = services["haproxy"]["environment"]
    assert env == {f"RECORDER_{name.upper()}": f"{name}:{IMAGE['EXPOSE'].rest}" for name in INSTANCES}


def test_compose_names_files_that_are_there() -> None:
    (volume,) = COMPOSE["services"]["haproxy"]["volumes"]

    assert (DEPLOY / volume.split(":")[0]).is_file()
    assert (DEPLOY / COMPOSE["services"]["one"]["build"] / "Dockerfile").is_file()
    assert COMPOSE["services"]["one"]["volumes"][0].split(":", 2)[-1].endswith(f"{IMAGE['WORKDIR'].rest}:ro")


# Kubernetes


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_fit_the_schemas(path: Path) -> None:
    for one in documents(path):
        kubernetes_validate.validate(one, "1.31", strict=True)


def test_an_instance_has_the_name_of_its_pod() -> None:
    args, (variable,) = CONTAINER["args"], CONTAINER["env"]

    assert args[args.index("--instance") + 1] == f"$({variable['name']})"
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert checked(f"{STATEFUL['metadata']['name']}-0") == "standin-0"


def test_the_container_is_started_with_options_that_there_are() -> None:
    assert [one for one in options(CONTAINER["args"]) if one not in HELP] == []


def test_probes_ask_for_the_health_at_the_port_of_the_stand_in() -> None:
    args, (port,) = CONTAINER["args"], CONTAINER["ports"]

    assert args[args.index("--listen") + 1] == f"0.0.0.0:{port['containerPort']}"
    assert str(port["containerPort"]) == IMAGE["EXPOSE"].rest
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert CONTAINER[kind]["httpGet"] == {"path": HEALTH, "port": port["name"]}


def test_the_pod_runs_as_the_image_does_and_writes_nothing() -> None:
    user, group = map(int, IMAGE["USER"].rest.split(":"))

    assert (POD["securityContext"]["runAsUser"], POD["securityContext"]["runAsGroup"]) == (user, group)
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {mount["name"]: mount for mount in CONTAINER["volumeMounts"]}
    assert (mounts["tmp"]["mountPath"], mounts["cassettes"]["readOnly"]) == ("/tmp", True)
    assert {volume["name"] for volume in POD["volumes"]} == set(mounts)


def test_names_of_clients_are_allowed() -> None:
    args = CONTAINER["args"]
    allowed = {args[n + 1] for n, word in enumerate(args) if word == "--allow-host"}
    (ingress,) = documents(DEPLOY / "kubernetes" / "ingress.yaml")
    (rule,) = ingress["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]

    assert allowed == {rule["host"], backend["name"]}
    assert backend["port"]["name"] in {port["name"] for port in SERVICES[backend["name"]]["spec"]["ports"]}


def test_services_lead_to_the_pods() -> None:
    labels = STATEFUL["spec"]["template"]["metadata"]["labels"]

    assert STATEFUL["spec"]["serviceName"] in SERVICES
    assert all(service["spec"]["selector"] == labels for service in SERVICES.values())
    assert {port["targetPort"] for one in SERVICES.values() for port in one["spec"]["ports"]} == {"http"}
