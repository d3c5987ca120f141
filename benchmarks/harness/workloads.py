"""The loads that every peer gets, as options of the client."""

from dataclasses import dataclass

CONNECTIONS_WHEN_IDLE = 5000


@dataclass(frozen=True, slots=True)
class Workload:
    """One load."""

    name: str
    title: str
    short: str
    """The title for a plot."""
    options: tuple[str, ...]
    secure: bool = False


def _options(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            "W1",
            "1 publisher, 1,000 subscribers, 4 messages in flight",
            "1 to 1,000",
            _options("--subscribers 1000 --window 4"),
        ),
        Workload(
            "W1-1",
            "the same with 1 message in flight",
            "1 to 1,000, one at a time",
            _options("--subscribers 1000 --window 1"),
        ),
        Workload(
            "W2",
            "10 publishers, 100 subscribers, one room, 4 in flight for each publisher",
            "10 to 100",
            _options("--publishers 10 --subscribers 100 --window 4"),
        ),
        Workload(
            "W3",
            "100 rooms of 1 publisher and 10 subscribers, 4 in flight in each",
            "100 rooms, 1 to 10",
            _options("--rooms 100 --subscribers 10 --window 4"),
        ),
        Workload(
            "W4",
            "50 publishers at 10 Hz in a room of 200: 100,000 deliveries/s, if it can",
            "latency at 100,000 deliveries per second",
            _options("--publishers 50 --subscribers 150 --rate 10"),
        ),
        Workload(
            "W5",
            f"{CONNECTIONS_WHEN_IDLE:,} idle connections",
            "idle connections",
            _options(f"--subscribers {CONNECTIONS_WHEN_IDLE} --idle --duration 0.5"),
        ),
        Workload(
            "W6",
            "W1 with 500 subscribers over TLS (certificate: EC P-256)",
            "1 to 500, TLS",
            _options("--subscribers 500 --window 4"),
            secure=True,
        ),
    )
}
