"""The alert rules: each fires for what it is about, all are silent on a good day."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from tests.monitoring.expressions import DEPLOY, RULES, rules

CHECKOUT = DEPLOY.parent
SECONDS = 60.0

needs_promtool = pytest.mark.skipif(
    not which("promtool"), reason="needs promtool: apt-get install prometheus"
)

Series = Mapping[str, str]
"""What is scraped every minute, for half an hour: values by series, as promtool writes them."""

GOOD_DAY: Series = {
    "up": "1x30",
    "camrelay_ready": "1x30",
    "camrelay_workers_replaced_total": "3x30",
    'camrelay_log_lines_total{level="critical"}': "2x30",
    'camrelay_log_lines_total{level="info"}': "0+100x30",
    'process_cpu_seconds_total{worker="1"}': "0+30x30",
    'camrelay_reactor_delay_seconds_bucket{le="0.25"}': "0+240x30",
    "camrelay_reactor_delay_seconds_count": "0+240x30",
    'camrelay_relay_latency_seconds_bucket{le="0.01"}': "0+9990x30",
    'camrelay_relay_latency_seconds_bucket{le="0.25"}': "0+10000x30",
    'camrelay_relay_latency_seconds_bucket{le="+Inf"}': "0+10000x30",
    'camrelay_members_left_total{code="4xxx",reason="slow-consumer"}': "0+0.5x30",
    'camrelay_members_left_total{code="1xxx",reason="normal"}': "0+500x30",
    "camrelay_connections": "500x30",
    "camrelay_connections_limit": "1000x30",
    'camrelay_refusals_total{at="door",status="503"}': "0+6x30",
    'camrelay_refusals_total{at="room",status="404"}': "0+600x30",
    'camrelay_refusals_total{at="room",status="401"}': "0+6x30",
    "camrelay_keys_not_read_total": "1x30",
    "camrelay_bus_up": "1x30",
    'camrelay_bus_lag_seconds_bucket{le="0.005"}': "0+59x30",
    'camrelay_bus_lag_seconds_bucket{le="+Inf"}': "0+60x30",
    'camrelay_bus_problems_total{problem="not-carried"}': "7x30",
    "camrelay_history_refused_total": "5x30",
    'camrelay_messages_dropped_total{reason="malformed"}': "0+50x30",
    'camrelay_history_append_seconds_bucket{le="0.01"}': "0+600x30",
    'camrelay_history_append_seconds_bucket{le="+Inf"}': "0+600x30",
    'camrelay_certificate_seconds_left{file="/c.pem"}': "5184000-60x30",
    "camrelay_certificates_refused_total": "1x30",
}

BAD_DAYS: Mapping[str, Series] = {
    "CamrelayDown": {"up": "1x10 0x20"},
    "CamrelayNotReady": {"camrelay_ready": "1x10 0x20"},
    "CamrelayWorkersDie": {"camrelay_workers_replaced_total": "3x20 4+1x10"},
    "CamrelayErrors": {'camrelay_log_lines_total{level="critical"}': "2x25 3x5"},
    "CamrelayBusy": {'process_cpu_seconds_total{worker="1"}': "0+55x30"},
    "CamrelayReactorBlocked": {'camrelay_reactor_delay_seconds_bucket{le="0.25"}': "0+230x30"},
    "CamrelaySlow": {'camrelay_relay_latency_seconds_bucket{le="0.01"}': "0+9000x30"},
    "CamrelaySlowConsumers": {
        'camrelay_members_left_total{code="4xxx",reason="slow-consumer"}': "0+3x30"
    },
    "CamrelayAlmostFull": {"camrelay_connections": "500x20 950x10"},
    "CamrelayTurnsAway": {'camrelay_refusals_total{at="door",status="503"}': "0+120x30"},
    "CamrelayTokensRefused": {'camrelay_refusals_total{at="room",status="401"}': "0+120x30"},
    "CamrelayKeysNotRead": {"camrelay_keys_not_read_total": "1+1x30"},
    "CamrelayRedisDown": {
        "camrelay_bus_up": "1x10 0x20",
        'camrelay_bus_problems_total{problem="not-carried"}': "7x10 8+50x20",
    },
    "CamrelayBusSlow": {
        'camrelay_bus_lag_seconds_bucket{le="0.005"}': "0+30x30",
        'camrelay_bus_lag_seconds_bucket{le="0.5"}': "0+60x30",
    },
    "CamrelayNotCarried": {'camrelay_bus_problems_total{problem="not-carried"}': "7x25 17x5"},
    "CamrelayNotStored": {"camrelay_history_refused_total": "5x20 6+1x10"},
    "CamrelayHistorySlow": {
        'camrelay_history_append_seconds_bucket{le="0.01"}': "0+500x30",
        'camrelay_history_append_seconds_bucket{le="1.0"}': "0+600x30",
    },
    "CamrelayCertificateEndsSoon": {
        'camrelay_certificate_seconds_left{file="/c.pem"}': "259200-60x30"
    },
    "CamrelayCertificateEnds": {'camrelay_certificate_seconds_left{file="/c.pem"}': "3600-60x30"},
    "CamrelayCertificateRefused": {"camrelay_certificates_refused_total": "1x20 2x10"},
}


def run_promtool(series: Series, expected: list[str], tmp_path: Path) -> str:
    """The complaints of promtool when other alerts fire than the expected ones."""
    scenario = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": with_target(name), "values": values}
                    for name, values in series.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": "29m",
                        "exp_samples": [
                            {"labels": f'{{alertname="{name}"}}', "value": 1} for name in expected
                        ],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "scenario.yaml"
    file.write_text(json.dumps(scenario), "utf-8")  # JSON is YAML
    ran = subprocess.run(
        ["promtool", "test", "rules", file],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


def with_target(series: str) -> str:
    """As Prometheus stores it: with the labels of the target."""
    name, _, labels = series.rstrip("}").partition("{")
    target = 'job="camrelay",instance="relay-1"'
    return f"{name}{{{labels + ',' if labels else ''}{target}}}"


@needs_promtool
def test_a_good_day_is_quiet(tmp_path: Path) -> None:
    """What has happened once, long ago, wakes nobody, nor does what happens everywhere."""
    assert run_promtool(GOOD_DAY, [], tmp_path) == ""


@needs_promtool
@pytest.mark.parametrize("alert", BAD_DAYS)
def test_an_alert_fires_for_what_it_is_about(alert: str, tmp_path: Path) -> None:
    """And no other with it."""
    assert run_promtool({**GOOD_DAY, **BAD_DAYS[alert]}, [alert], tmp_path) == ""


def test_every_alert_is_tried() -> None:
    """One that is new needs its bad day."""
    assert [rule["alert"] for rule in rules()] == list(BAD_DAYS)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """It leads to a section of its own in a document that is there."""
    assert rule["labels"]["severity"] in ("page", "warning")
    assert rule["annotations"]["summary"]
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    text = (CHECKOUT / page).read_text("utf-8")
    headings = re.findall(r"^#+ (\w+)$", text, re.MULTILINE)
    assert anchor == rule["alert"].lower()
    assert rule["alert"] in headings
