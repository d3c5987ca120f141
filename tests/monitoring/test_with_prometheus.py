"""Dashboard and alerts against what a real server tells, and through a real Prometheus."""

import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

from tests.monitoring.expressions import DEPLOY, RULES, expressions, rules, selectors
from tests.support.admin import ADMIN, ADMIN_LINE
from tests.support.metrics import Scrape, scrape, scrape_until
from tests.support.process import Process
from tests.support.redis import RedisServer, free_port
from tests.support.server import Server
from tests.support.workers import start_workers

SECONDS = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with everything that can be measured."""
    folder = tmp_path_factory.mktemp("monitored")
    options = (*ADMIN, "--tls", "--history", "redis")
    with RedisServer(folder) as redis, start_workers(folder, redis, *options) as started:
        scrape_until(started, lambda now: now.value("camrelay_ready") == 1)
        yield started


@pytest.fixture(scope="module")
def now(server: Server) -> Scrape:
    """What it tells."""
    return scrape(server)


@pytest.mark.parametrize("name", expressions())
def test_what_is_asked_for_is_told(name: str, now: Scrape) -> None:
    """A name or a label that no server has would show nothing, or never fire, for ever."""
    for metric, labels in selectors(expressions()[name]):
        assert metric in now.names
        now.value(metric, **labels)


def test_every_metric_is_explained(now: Scrape) -> None:
    """In the table of docs/operations.md, where names after the first may leave "camrelay" out."""
    explained = set()
    for line in (DEPLOY.parent / "docs" / "operations.md").read_text("utf-8").splitlines():
        if line.startswith("| `camrelay_"):
            names = re.findall(r"`((?:camrelay)?_\w+)`", line.split("|")[1])
            explained |= {f"camrelay{name.removeprefix('camrelay')}" for name in names}
    told = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in now.families
        if family.name.startswith("camrelay_")
    }
    assert told == explained


class Prometheus(Process):
    """A Prometheus with our rules that asks one server every second."""

    def __init__(self, folder: Path, target: str) -> None:
        """The settings are those of deploy/, for another target and faster."""
        settings = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text("utf-8"))
        settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        settings["rule_files"] = [str(RULES)]
        settings["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(settings), "utf-8")
        self.port = free_port()
        command = [
            *("prometheus", "--config.file=prometheus.yaml", "--storage.tsdb.path=data"),
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        super().__init__(command, folder, {"PATH": "/usr/bin:/usr/local/bin"})

    def ask(self, path: str, **query: str) -> Any:
        """What its HTTP API answers."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            return json.load(answer)["data"]

    def wait_for(self, expression: str) -> None:
        """Return when the expression has a result."""
        deadline = time.monotonic() + SECONDS
        while not self.ask("query", query=expression)["result"]:
            assert time.monotonic() < deadline, f"never {expression}"


@pytest.fixture(scope="module")
def prometheus(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It has seen the server three times."""
    if not which("prometheus"):
        pytest.skip("needs Prometheus: apt-get install prometheus")
    target = f"127.0.0.1:{server.wait_for_log(ADMIN_LINE)[1]}"
    with Prometheus(tmp_path_factory.mktemp("prometheus"), target) as started:
        started.wait_for_log("Server is ready to receive web requests", SECONDS)
        started.wait_for('count_over_time(up{job="camrelay"}[1m]) > 2')
        yield started


def test_a_server_is_one_target_that_is_up(prometheus: Prometheus) -> None:
    """With all its workers."""
    (target,) = prometheus.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    (found,) = prometheus.ask("query", query='camrelay_workers{state="ready"}')["result"]
    assert found["value"][1] == "2"


def test_every_expression_is_understood(prometheus: Prometheus) -> None:
    """Those of panels have a result on a quiet server, except where they leave out zeros."""
    for name, expression in expressions().items():
        found = prometheus.ask("query", query=expression)["result"]
        is_alert = name in {rule["alert"] for rule in rules()}
        assert bool(found) or is_alert or expression.endswith("> 0"), name


def test_the_rules_work_and_are_silent(prometheus: Prometheus) -> None:
    """On a server that is well."""
    (group,) = prometheus.ask("rules")["groups"]
    assert {rule["health"] for rule in group["rules"]} <= {"ok", "unknown"}
    assert [rule["name"] for rule in group["rules"] if rule["state"] != "inactive"] == []
