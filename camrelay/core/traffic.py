"""Counters of the messages that pass through a node."""

from camrelay.core.histogram import Histogram

# Seconds: from what a small room takes to what everybody notices.
WORK_SECONDS = (
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)


class Traffic:
    """Cheap counters: one addition for a received message or a fan-out, none for a single delivery
    to a member that keeps up.

    `received` counts messages of members. `sent` counts what was written to members: a message
    that reaches a hundred of them counts a hundred times. `conflated` are those that a newer one
    replaced while a member was behind, and `thinned` those of publishers that were too fast.
    `fan_out` has the seconds that the fan-outs of a turn took, and `latency` those from the first
    message of a turn to the last write.
    """

    __slots__ = ("conflated", "fan_out", "latency", "received", "sent", "thinned")

    def __init__(self) -> None:
        """Nothing has passed yet."""
        self.received = 0
        self.sent = 0
        self.conflated = 0
        self.thinned = 0
        self.fan_out = Histogram(WORK_SECONDS)
        self.latency = Histogram(WORK_SECONDS)
