"""What `deploy/` holds: each file is linted, and its commands are run as they are written."""

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copy, copytree, ignore_patterns
from typing import Any
from urllib.parse import urlsplit

import pytest
import websocket
import yaml

from camrelay.config import OPTIONS
from tests.support.redis import RedisServer, redis_server
from tests.support.server import Server
from tests.support.workers import wait_until_heard

__all__ = ["redis_server"]

CHECKOUT = Path(__file__).parent.parent
DEPLOY = CHECKOUT / "deploy"
SCRIPTS = Path(sysconfig.get_path("scripts"))
SECONDS = 60.0
PATH = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"


def tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program that pip has installed beside this Python."""
    return subprocess.run(
        [SCRIPTS / name, *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=CHECKOUT,
    )


def instruction(word: str) -> list[str]:
    """The words of the last CMD or HEALTHCHECK of the Dockerfile."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    words: list[str] = json.loads(re.findall(rf"^{word}\b.*?(\[.*\])$", text, re.MULTILINE)[-1])
    return words


@contextmanager
def running(command: list[str], folder: Path, **environment: str) -> Iterator[Server]:
    """A server that was started by a command of `deploy/`, found as the image finds it."""
    folder.mkdir(exist_ok=True)
    settings = {"PATH": PATH, "CAMRELAY_DATA_DIR": str(folder / "data")} | environment
    with Server(command, folder, **settings) as server:
        yield server


def connect(server: Server) -> websocket.WebSocket:
    """A client in a chat room."""
    url = f"ws://localhost:{server.port}/ws/chat/hall"
    return websocket.create_connection(url, timeout=SECONDS)


# Dockerfile


def test_the_dockerfile_is_lint_free() -> None:
    """Hadolint knows what costs space, time and safety in an image."""
    ran = tool("hadolint", DEPLOY / "Dockerfile")
    assert ran.returncode == 0, ran.stdout


def test_the_image_does_not_run_as_root() -> None:
    """By number, so that Kubernetes can see it too."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users
    assert int(users[-1]) >= 1000


def test_the_image_serves_and_knows_whether_it_is_healthy(tmp_path: Path) -> None:
    """Command and health check as they are written, with the PORT of a platform."""
    check = instruction("HEALTHCHECK")
    with running(instruction("CMD"), tmp_path / "relay", PORT="0") as server:
        environment = {"PATH": PATH, "PORT": str(server.port)}
        healthy = subprocess.run(check, env=environment, timeout=SECONDS, check=False)
        assert healthy.returncode == 0
        assert server.stop() == 0
    gone = subprocess.run(check, env=environment, timeout=SECONDS, check=False)
    assert gone.returncode == 1


def test_the_image_is_built_from_enough(tmp_path: Path) -> None:
    """What the build gets makes the wheel that the whole checkout makes."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    for name in (line.removeprefix("!") for line in lines if line.startswith("!")):
        if (CHECKOUT / name).is_dir():
            copytree(CHECKOUT / name, tmp_path / name, ignore=ignore_patterns("__pycache__"))
        else:
            copy(CHECKOUT / name, tmp_path)
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", ".")
    subprocess.run(pip, cwd=tmp_path, timeout=SECONDS, check=True)
    pages = {path.name for path in (CHECKOUT / "camrelay" / "web").glob("*.html")}
    assert pages <= {path.name for path in (tmp_path / "build" / "lib").rglob("*.html")}
    assert (tmp_path / "build/lib/twisted/plugins/camrelay_plugin.py").exists()


# compose


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return read


def test_the_compose_file_keeps_to_the_specification() -> None:
    """By its own schema."""
    arguments = ("--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")
    ran = tool("check-jsonschema", *arguments)
    assert ran.returncode == 0, ran.stdout


def test_the_compose_file_names_what_is_there(compose: dict[str, Any]) -> None:
    """Two relays, built from our Dockerfile, whose settings exist and whose Redis is a service."""
    services = compose["services"]
    relays = [service for service in services.values() if "build" in service]
    assert len(relays) == 2
    for relay in relays:
        context = (DEPLOY / relay["build"]["context"]).resolve()
        assert (context / relay["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")
        assert urlsplit(relay["environment"]["REDIS_URL"]).hostname in services
        assert set(relay["depends_on"]) <= set(services)
        known = {option.variable for option in OPTIONS.values()} | {"REDIS_URL"}
        assert set(relay["environment"]) <= known


def test_few_can_end_the_relays_of_the_compose_file(compose: dict[str, Any]) -> None:
    """Their admin port is not published, and reached by those who share a network with them."""
    networks = {
        name: set(service.get("networks", ["default"]))
        for name, service in compose["services"].items()
    }
    relays = {name for name, service in compose["services"].items() if "build" in service}
    shared = set().union(*(networks[name] for name in relays))
    assert {name for name in networks if networks[name] & shared} == {
        *relays,
        *("redis", "prometheus"),
    }
    assert {name for name in networks if "redis" in networks[name]} == {*relays, "redis"}
    for name in relays:
        assert all(port.endswith(":8080") for port in compose["services"][name]["ports"])


def test_the_relays_of_the_compose_file_are_one(
    compose: dict[str, Any], redis_server: RedisServer, tmp_path: Path
) -> None:
    """Started as it says, with a Redis of this test: what is said at one is heard at the other."""
    with ExitStack() as stack:
        clients = []
        for name in ("relay-1", "relay-2"):
            settings = compose["services"][name]["environment"] | {
                "REDIS_URL": redis_server.url,
                "CAMRELAY_ADMIN": "tcp:0:interface=127.0.0.1",
                "PORT": "0",
            }
            server = stack.enter_context(running(instruction("CMD"), tmp_path / name, **settings))
            server.wait_for_log("is up")
            clients.append(connect(server))
            stack.callback(clients[-1].close)
        wait_until_heard(*clients)


# Procfile


def test_the_procfile_serves_on_the_port_of_the_platform(tmp_path: Path) -> None:
    """Run by a shell, as platforms do."""
    (line,) = (DEPLOY / "Procfile").read_text("utf-8").splitlines()
    kind, command = line.split(": ", 1)
    assert kind == "web"
    with running(["/bin/sh", "-c", f"exec {command}"], tmp_path / "relay", PORT="0") as server:
        client = connect(server)
        client.send('{"message": "here"}')
        assert json.loads(client.recv()) == {"message": "here"}
        client.close()
