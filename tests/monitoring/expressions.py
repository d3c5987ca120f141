"""What the dashboard and the alert rules ask Prometheus."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yaml"
DASHBOARD = DEPLOY / "grafana" / "camrelay.json"

# A name of ours or of the client library's, and its matchers.
_SELECTOR = re.compile(r"\b((?:camrelay|process|python)_\w+)(?:\{([^}]*)\})?")
_EQUAL = re.compile(r'(\w+)="([^"]*)"')


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    (group,) = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    """The panels of the dashboard, without the headings of its rows."""
    found = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def expressions() -> dict[str, str]:
    """Each expression under the name of its alert or panel, with Grafana's variables filled in."""
    found = {rule["alert"]: rule["expr"] for rule in rules()}
    for panel in panels():
        for target in panel["targets"]:
            name = f"{panel['title']}, {target['refId']}"
            text = target["expr"].replace("$__rate_interval", "5s").replace("$instance", ".*")
            found[name] = text
    return found


def selectors(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The names in an expression, each with the labels that it asks for; those of the target not,
    which Prometheus adds.
    """
    for name, matchers in _SELECTOR.findall(expression):
        labels = dict(_EQUAL.findall(matchers))
        labels.pop("job", None)
        yield name, labels
