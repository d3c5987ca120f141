"""The metrics of a node. Names and units follow Prometheus: seconds and bytes.

No room, user or address is a label: each combination of labels is one more time series to keep.
"""

from collections.abc import Iterator, Mapping

import camrelay
from camrelay.core.doorman import Doorman
from camrelay.core.readiness import Readiness
from camrelay.net.certificates import Certificates
from camrelay.net.keepalive import Keepalive
from camrelay.ops.families import Family, counter, gauge, histogram
from camrelay.redis.bus import RedisBus
from camrelay.relay import Relay


def of_server(readiness: Readiness) -> Iterator[Family]:
    """What there is once, however many processes serve."""
    yield gauge(
        "camrelay_build_info",
        "1; the version is the label.",
        {(camrelay.__version__,): 1.0},
        ("version",),
    )
    yield gauge(
        "camrelay_ready",
        "1 if the server accepts new clients: see /readyz.",
        float(not readiness.reasons),
    )


def of_door(doorman: Doorman) -> Iterator[Family]:
    """TCP connections, whatever they are for."""
    yield gauge("camrelay_connections", "Open connections, pages included.", doorman.open)
    yield gauge(
        "camrelay_connections_limit",
        "Connections that may be open at once; 0 is no limit.",
        doorman.in_all,
    )
    yield counter("camrelay_connections_accepted", "Connections accepted.", doorman.arrived)


def of_relay(relay: Relay) -> Iterator[Family]:
    """Rooms, members and messages."""
    traffic, unread = relay.traffic, relay.unread()
    yield gauge("camrelay_rooms", "Open rooms, echoes not included.", len(relay.rooms()))
    yield gauge("camrelay_members", "Members of rooms.", relay.connections)
    yield gauge(
        "camrelay_members_behind",
        "Members whose sockets accept no more data at the moment.",
        unread.behind,
    )
    yield gauge("camrelay_outbox_bytes", "Bytes that wait in outboxes of members.", unread.bytes)
    yield counter("camrelay_messages_received", "Messages from members.", traffic.received)
    yield counter(
        "camrelay_messages_sent",
        "Messages written to members: one for each member that gets it.",
        traffic.sent,
    )
    yield counter(
        "camrelay_messages_conflated",
        "Positions replaced by newer ones: of publishers that are too fast, for members behind.",
        {("publisher",): traffic.thinned, ("subscriber",): traffic.conflated},
        ("side",),
    )
    yield histogram(
        "camrelay_fan_out_seconds",
        "Time to write the messages of one turn of the reactor to all members.",
        traffic.fan_out,
    )
    yield histogram(
        "camrelay_relay_latency_seconds",
        "From the first message of a turn of the reactor to its last write.",
        traffic.latency,
    )


def of_keepalive(keepalive: Keepalive) -> Iterator[Family]:
    """How far away clients are."""
    yield histogram(
        "camrelay_ping_round_trip_seconds", "From a ping to its pong.", keepalive.round_trips
    )


def of_bus(bus: RedisBus) -> Iterator[Family]:
    """The way to other nodes."""
    yield gauge(
        "camrelay_bus_up",
        "1 if Redis works in both directions; otherwise /status says why not.",
        float(bus.state == "up"),
        together="min",
    )
    yield gauge("camrelay_bus_nodes", "Other live nodes.", bus.nodes, together="max")
    yield gauge(
        "camrelay_bus_unanswered_bytes", "Bytes that Redis has not answered yet.", bus.unanswered
    )
    yield gauge(
        "camrelay_bus_waiting_cameras",
        "Cameras whose newest position waits for Redis.",
        bus.waiting,
    )
    yield histogram(
        "camrelay_bus_lag_seconds",
        "Time in which a heartbeat of this node comes back through Redis.",
        bus.lags,
    )


def of_certificates(certificates: Certificates) -> Iterator[Family]:
    """How long TLS goes on."""
    left: Mapping[str, float] = certificates.seconds_left()
    yield gauge(
        "camrelay_certificate_seconds_left",
        "Time until the certificate in a file expires; negative when it has.",
        {(path,): seconds for path, seconds in left.items()},
        ("file",),
        together="min",
    )
    yield counter(
        "camrelay_certificates_refused",
        "Times that a certificate could not be used, and the previous one was kept.",
        certificates.refused,
    )
    yield counter(
        "camrelay_certificates_renewed",
        "Certificates that replaced an earlier one.",
        certificates.renewed,
    )
