"""The dashboard, and the files that bring it and its data to Grafana."""

import json
from itertools import combinations
from typing import Any

import pytest
import yaml

from tests.monitoring.expressions import DASHBOARD, DEPLOY, panels

PROVISIONING = DEPLOY / "grafana" / "provisioning"


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    """As Grafana reads it."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return found


def provisioned(name: str) -> dict[str, Any]:
    """A file of Grafana's provisioning."""
    found: dict[str, Any] = yaml.safe_load((PROVISIONING / name).read_text("utf-8"))
    return found


def test_every_panel_has_a_title_and_says_what_it_shows(dashboard: dict[str, Any]) -> None:
    """No two of them the same."""
    titles = [panel["title"] for panel in panels()]
    assert len(titles) == len(set(titles))
    assert all(panel["description"] and panel["targets"] for panel in panels())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_no_panel_covers_another(dashboard: dict[str, Any]) -> None:
    """Grafana would push them apart, and the rows would not hold what belongs together."""
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y


def test_every_panel_asks_the_data_source_that_is_provisioned() -> None:
    """By its uid: a name may be another one in a Grafana that was there before."""
    (source,) = provisioned("datasources/prometheus.yaml")["datasources"]
    for panel in panels():
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == {"type": source["type"], "uid": source["uid"]}


def test_grafana_finds_the_dashboard_by_itself(compose: dict[str, Any]) -> None:
    """It is mounted where the provider looks, and the data source is a service beside it."""
    (provider,) = provisioned("dashboards/camrelay.yaml")["providers"]
    mounts = dict(mount.split(":")[:2] for mount in compose["services"]["grafana"]["volumes"])
    inside = {place: (DEPLOY / source).resolve() for source, place in mounts.items()}
    assert inside[f"{provider['options']['path']}/camrelay.json"] == DASHBOARD
    assert inside["/etc/grafana/provisioning"] == PROVISIONING
    (source,) = provisioned("datasources/prometheus.yaml")["datasources"]
    host, port = source["url"].removeprefix("http://").split(":")
    assert host in compose["services"]
    assert port == "9090"


def test_prometheus_of_the_compose_file_asks_the_relays(compose: dict[str, Any]) -> None:
    """Every one of them, where its admin listener is."""
    settings = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text("utf-8"))
    (job,) = settings["scrape_configs"]
    (group,) = job["static_configs"]
    relays = [name for name, service in compose["services"].items() if "build" in service]
    ports = {
        compose["services"][name]["environment"]["CAMRELAY_ADMIN"].removeprefix("tcp:")
        for name in relays
    }
    assert group["targets"] == [f"{name}:{port}" for name in relays for port in ports]
    assert job["job_name"] == "camrelay"
