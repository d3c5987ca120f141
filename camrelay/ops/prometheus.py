"""Metrics as Prometheus reads them, with the official client library, which nobody else imports.

It writes the text format (https://prometheus.io/docs/instrumenting/exposition_formats/) and knows
what a process costs. Its own counters take a lock and half a microsecond each: here, numbers are
counted where they arise and are looked at when somebody asks.
"""

from collections.abc import Iterable
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric

from camrelay.ops.families import Families, Family, Sample, Together

CONTENT_TYPE: str = CONTENT_TYPE_PLAIN_0_0_4


class _Collected:
    """Stands where the library wants a registry."""

    def __init__(self, families: Families) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        for family in self._families:
            metric = Metric(family.name, family.help, family.kind)
            for sample in family.samples:
                name = family.name + sample.suffix
                metric.add_sample(name, dict(sample.labels), sample.value)
            yield metric


def exposition(families: Families) -> bytes:
    """The answer to a scrape, of the content type CONTENT_TYPE."""
    return generate_latest(_Collected(families))


def of_process(pid: int | None = None) -> Families:
    """Memory, processor time and descriptors of a process; our own without `pid`."""
    registry = CollectorRegistry()
    ProcessCollector(pid=lambda: pid or "self", registry=registry)
    return _read(registry)


def of_python() -> Families:
    """Which Python this is, and the work of its garbage collector."""
    registry = CollectorRegistry()
    PlatformCollector(registry)
    GCCollector(registry)
    return _read(registry)


def _read(registry: Any) -> Families:
    return [
        Family(metric.name, metric.type, metric.documentation, _samples(metric), _together(metric))
        for metric in registry.collect()
    ]


def _together(metric: Metric) -> Together:
    return "max" if metric.type == "gauge" else "sum"  # a gauge of 1 says what its labels say


def _samples(metric: Metric) -> tuple[Sample, ...]:
    return tuple(
        Sample(each.name.removeprefix(metric.name), tuple(each.labels.items()), each.value)
        for each in metric.samples
    )
