"""Metrics as plain data: sent from one process to another, and merged from several.

The kinds are those of Prometheus (https://prometheus.io/docs/concepts/metric_types/).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from camrelay.core.histogram import Histogram

Kind = Literal["counter", "gauge", "histogram"]
Together = Literal["sum", "min", "max"]


class Sample(Struct, frozen=True, array_like=True):
    """One number; `suffix` is what its name has behind that of the family."""

    suffix: str
    labels: tuple[tuple[str, str], ...]
    value: float


class Family(Struct, frozen=True, array_like=True):
    """Numbers of one name. `together` says what those of several processes are as one."""

    name: str
    kind: Kind
    help: str
    samples: tuple[Sample, ...]
    together: Together = "sum"


Families = Sequence[Family]

# A number, or one for each combination of the values of the labels.
Values = float | Mapping[tuple[str, ...], float]


def counter(name: str, help: str, values: Values, labels: Sequence[str] = ()) -> Family:
    """A number that only grows; `name` without the "_total" that it gets."""
    return Family(name, "counter", help, _samples("_total", values, labels))


def gauge(
    name: str,
    help: str,
    values: Values,
    labels: Sequence[str] = (),
    together: Together = "sum",
) -> Family:
    """A number as it is now."""
    return Family(name, "gauge", help, _samples("", values, labels), together)


def _samples(suffix: str, values: Values, labels: Sequence[str]) -> tuple[Sample, ...]:
    if not isinstance(values, Mapping):
        return (Sample(suffix, (), values),)
    return tuple(
        Sample(suffix, tuple(zip(labels, key, strict=True)), value)
        for key, value in sorted(values.items())
    )


def histogram(name: str, help: str, seen: Histogram) -> Family:
    """A histogram; the buckets of Prometheus are cumulative."""
    bounds = [*map(str, seen.bounds), "+Inf"]
    counts = list(accumulate(seen.counts))
    buckets = [
        Sample("_bucket", (("le", bound),), count)
        for bound, count in zip(bounds, counts, strict=True)
    ]
    end = (Sample("_count", (), counts[-1]), Sample("_sum", (), seen.sum))
    return Family(name, "histogram", help, (*buckets, *end))


def merged(parts: Iterable[Families]) -> Families:
    """The families of several processes as those of one."""
    found: dict[str, list[Family]] = {}
    for family in (family for part in parts for family in part):
        found.setdefault(family.name, []).append(family)
    return [_as_one(same) for same in found.values()]


def _as_one(same: Sequence[Family]) -> Family:
    values: dict[tuple[str, tuple[tuple[str, str], ...]], list[float]] = {}
    for sample in (sample for family in same for sample in family.samples):
        values.setdefault((sample.suffix, sample.labels), []).append(sample.value)
    as_one = _TOGETHER[same[0].together]
    return replace(same[0], samples=tuple(Sample(*key, as_one(all)) for key, all in values.items()))


_TOGETHER: Mapping[Together, Callable[[Iterable[float]], float]] = {
    "sum": sum,
    "min": min,
    "max": max,
}


def counted(families: Families) -> Families:
    """The families of a process that has ended: its counters, which stay valid."""
    return [family for family in families if family.kind != "gauge"]


def labelled(families: Families, name: str, value: str) -> Families:
    """With one more label on every number."""
    return [
        replace(
            family,
            samples=tuple(
                replace(sample, labels=(*sample.labels, (name, value))) for sample in family.samples
            ),
        )
        for family in families
    ]
