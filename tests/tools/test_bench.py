"""`camrelay bench` against real servers: what it counts, and what it says."""

from pathlib import Path

import pytest

from tests.conftest import StartRelay
from tests.support.server import Server
from tests.tools.commands import Bench, Broadcast, run_camrelay, url_of

LOADS = (("--window", "4"), ("--rate", "20"))


@pytest.mark.parametrize("load", LOADS)
def test_every_message_reaches_every_receiver(
    broadcast: Broadcast, bench: Bench, tmp_path: Path, load: tuple[str, str]
) -> None:
    """What the server counted, times the receivers, is what was received; nothing is lost."""
    count = tmp_path / "count"
    server = broadcast("--count", str(count))
    report = bench(server, "-s", "15", "-p", "3", *load)
    server.stop()
    messages = int(count.read_text("ascii"))
    assert messages > 0
    assert report["expected"] == messages * (15 + 3)
    assert (report["lost"], report["dropped"], report["stalls"]) == (0, 0, 0)
    assert report["fewest_per_subscriber"] == report["most_per_subscriber"] == messages


@pytest.mark.parametrize("load", LOADS)
def test_rooms_are_counted_apart(broadcast: Broadcast, bench: Bench, load: tuple[str, str]) -> None:
    """With several rooms every message is expected, and received, in its own room only."""
    report = bench(broadcast(), "-r", "7", "-s", "3", *load)
    assert report["expected"] % (3 + 1) == 0
    assert report["expected"] > 0
    assert report["lost"] == 0
    assert report["connections"]["count"] == 7 * 4


@pytest.mark.parametrize("load", LOADS)
def test_several_processes_count_together(
    broadcast: Broadcast, bench: Bench, tmp_path: Path, load: tuple[str, str]
) -> None:
    """One room spread over three client processes loses nothing either."""
    count = tmp_path / "count"
    server = broadcast("--count", str(count))
    report = bench(server, "-s", "10", "-p", "2", "--processes", "3", *load)
    server.stop()
    assert report["expected"] == int(count.read_text("ascii")) * (10 + 2)
    assert report["lost"] == 0
    deliveries = [client["deliveries"] for client in report["clients"]]
    assert len(deliveries) == 3
    assert min(deliveries) > 0
    assert sum(deliveries) == report["expected"]


@pytest.mark.parametrize("load", LOADS)
def test_rooms_divided_among_processes_lose_nothing(
    broadcast: Broadcast, bench: Bench, load: tuple[str, str]
) -> None:
    """Two processes with rooms of their own count all their rooms."""
    report = bench(broadcast(), "-r", "5", "-s", "2", "--processes", "2", *load)
    assert report["expected"] > 0
    assert report["lost"] == 0


def test_what_the_server_swallows_is_lost(
    broadcast: Broadcast, bench: Bench, tmp_path: Path
) -> None:
    """A server that withholds every fifth message is found out to the message."""
    count = tmp_path / "count"
    server = broadcast("--swallow", "5", "--count", str(count))
    report = bench(server, "-s", "9", "--rate", "100")
    server.stop()
    assert report["lost"] == int(count.read_text("ascii")) // 5 * (9 + 1)
    assert report["lost"] > 0


def test_a_closed_loop_goes_on_after_a_loss(broadcast: Broadcast, bench: Bench) -> None:
    """Messages that never arrive hold a window up for a moment, not for ever."""
    report = bench(broadcast("--swallow", "5"), "-s", "5", "--window", "2", "--duration", "3")
    assert report["stalls"] > 0
    assert report["expected"] > 5 * 2 * (5 + 1)
    assert any("message-rate" in note for note in report["notes"])


def test_a_window_is_never_exceeded(broadcast: Broadcast, bench: Bench) -> None:
    """When nothing arrives, exactly the window is in flight: 3 messages of each publisher."""
    report = bench(broadcast("--swallow", "1"), "-s", "5", "-p", "2", "--window", "3")
    assert report["expected"] == report["lost"] == 3 * 2 * (5 + 2)


def test_a_rate_is_never_exceeded(broadcast: Broadcast, bench: Bench) -> None:
    """In half a second, two publishers at 40 Hz publish at most 40 messages."""
    report = bench(broadcast(), "-s", "1", "-p", "2", "--rate", "40")
    assert 0 < report["expected"] <= 40 * (1 + 2)


def test_the_latency_is_the_time_from_sending_to_receiving(
    broadcast: Broadcast, bench: Bench
) -> None:
    """What the server holds back for 80 ms cannot have arrived any sooner."""
    report = bench(broadcast("--delay", "0.08"), "-s", "3", "--rate", "50", "--duration", "0.6")
    assert report["latency_ms"]["samples"] > 0
    assert 79 < report["latency_ms"]["p50"] <= report["latency_ms"]["p99"]


def test_bytes_in_any_pieces_are_counted(
    broadcast: Broadcast, bench: Bench, tmp_path: Path
) -> None:
    """Frames cut anywhere, with pings in between, make no difference to the count."""
    count = tmp_path / "count"
    server = broadcast("--splinter", "--count", str(count))
    report = bench(server, "-s", "4", "--window", "8")
    server.stop()
    assert report["lost"] == 0
    assert report["expected"] == int(count.read_text("ascii")) * (4 + 1)
    assert report["latency_ms"]["samples"] > 0


def test_tls_with_an_authority(broadcast: Broadcast, bench: Bench) -> None:
    """Over wss, with the authority named, nothing is lost."""
    server = broadcast("--tls")
    report = bench(server, "-s", "5", "--authority", str(server.authority))
    assert report["expected"] > 0
    assert report["lost"] == 0


def test_tls_unverified(broadcast: Broadcast, bench: Bench) -> None:
    """--insecure accepts a certificate that nobody vouches for."""
    assert bench(broadcast("--tls"), "-s", "5", "--insecure")["lost"] == 0


def test_an_unknown_authority_is_refused_with_the_remedy(broadcast: Broadcast) -> None:
    """Without the authority nothing is measured, and the message says what to do."""
    completed = run_camrelay("bench", url_of(broadcast("--tls")), "--quiet")
    assert completed.returncode == 1
    assert "--authority" in completed.stderr
    assert len(completed.stderr.splitlines()) == 1


def test_a_refusal_is_quoted(relay: Server) -> None:
    """When the server refuses, its status and its words are what the user sees."""
    completed = run_camrelay("bench", url_of(relay, "no/such/path/{room}"), "--quiet")
    assert completed.returncode == 1
    assert "connection 1 of 101 was refused: HTTP/1.1 404" in completed.stderr
    assert len(completed.stderr.splitlines()) == 1


def test_camrelay_itself(relay_with: StartRelay, bench: Bench) -> None:
    """camrelay without its limits delivers every position, the sender's own included."""
    relay = relay_with("--message-rate", "0", "--connections-per-address", "0")
    report = bench(relay, "-r", "2", "-s", "20", path="ws/camera/{room}")
    assert report["expected"] > 0
    assert report["lost"] == 0
    assert report["latency_ms"]["samples"] > 0


def test_reserialised_numbers_still_tell_the_latency(relay: Server, bench: Bench) -> None:
    """A server that reads and writes the JSON again, numbers included, sends the stamp back."""
    report = bench(relay, "-s", "2", "--rate", "20", "--duration", "1", path="ws/camera/{room}")
    assert report["latency_ms"]["samples"] > 0
    assert not any("have no latency" in note for note in report["notes"])


def test_a_dialect(broadcast: Broadcast, bench: Bench, tmp_path: Path) -> None:
    """A file tells the subprotocol, the greeting and what surrounds the JSON of a message."""
    dialect = tmp_path / "polite.toml"
    dialect.write_text(
        'subprotocol = "polite"\nprefix = "PUB "\n'
        '[[hello]]\nsend = "JOIN {room}"\nwait = "WELCOME {room}"\n',
        "utf-8",
    )
    report = bench(
        broadcast("--greet"), "-r", "2", "-s", "5", "--dialect", str(dialect), path="relay"
    )
    assert report["expected"] > 0
    assert report["lost"] == 0


def test_padding_makes_messages_longer(broadcast: Broadcast, bench: Bench) -> None:
    """Messages of two kilobytes, whose frames have another kind of header, are counted as well."""
    report = bench(broadcast(), "-s", "5", "--padding", "2000")
    assert report["expected"] > 0
    assert report["lost"] == 0


def test_slow_readers_and_churn_are_not_counted(broadcast: Broadcast, bench: Bench) -> None:
    """Extra clients that never read, or come and go, change nothing about what is expected."""
    report = bench(
        broadcast(), "-s", "6", "--rate", "20", "--slow", "2", "--churn", "10", "--duration", "1.2"
    )
    assert report["expected"] % (6 + 1) == 0
    assert report["lost"] == 0
    assert report["slow_readers"] == {"connected": 2, "closed": 0}
    assert report["churn"]["came"] > 0
    assert report["churn"]["refused"] == 0


def test_publishers_that_hear_only_others(relay_with: StartRelay, bench: Bench) -> None:
    """More deliveries than --echo promises are not hidden: a note says why the count is off."""
    relay = relay_with("--message-rate", "0")
    report = bench(relay, "-s", "3", "--rate", "30", "--echo", "none", path="ws/camera/{room}")
    assert report["lost"] < 0
    assert any("--echo" in note for note in report["notes"])


def test_idle_connections(broadcast: Broadcast, bench: Bench) -> None:
    """--idle connects, publishes nothing, and tells what a connection costs the server."""
    server = broadcast()
    report = bench(server, "-s", "200", "--idle", "--server-pid", str(server.pid))
    assert report["connections"]["count"] == 200
    assert report["connections"]["per_second"] > 0
    assert report["expected"] == 0
    assert report["server"]["kib_per_connection"] > 0


def test_the_server_process_is_measured(broadcast: Broadcast, bench: Bench) -> None:
    """With --server-pid the report says what the server used for it."""
    server = broadcast()
    report = bench(server, "-s", "50", "--server-pid", str(server.pid), "--duration", "1")
    assert report["server"]["us_per_delivery"] > 0
    assert report["server"]["memory_after_kib"] > 1024


def test_the_search_stops_at_what_the_server_can_do(broadcast: Broadcast, bench: Bench) -> None:
    """--find-limit ends below a rate at which the server starts to lose messages.

    In 1.1 s there are at least 0.55 s of one and the same second: 60 messages a second are never
    too much for this server, 115 always are.
    """
    report = bench(
        *(broadcast("--capacity", "60"), "-s", "3", "--find-limit", "--p99", "5000"),
        *("--rate", "20", "--warm-up", "0", "--duration", "1.1"),
    )
    limit = report["limit"]
    assert limit["rate"] < 115
    assert limit["too_much"] > 60
    assert "lost" in limit["because"]
    assert [step["rate"] for step in limit["steps"][:2]] == [20, 40]
    assert report["load"]["rate"] == limit["rate"]
    assert report["lost"] == 0


def test_progress_is_on_stderr_and_the_table_on_stdout(broadcast: Broadcast) -> None:
    """While it runs there is a line a second; the table stands alone on stdout."""
    completed = run_camrelay(
        "bench", url_of(broadcast()), "-s", "5", "--warm-up", "0.5", "--duration", "2"
    )
    assert completed.returncode == 0
    assert "deliveries/s" in completed.stderr
    table = completed.stdout
    for word in ("deliveries", "p99.9", "lost", "connections", "client"):
        assert word in table


def test_quiet_is_quiet(broadcast: Broadcast) -> None:
    """--quiet says nothing on stderr."""
    completed = run_camrelay(
        *("bench", url_of(broadcast()), "-s", "2"),
        *("--warm-up", "0.5", "--duration", "1", "--quiet"),
    )
    assert (completed.returncode, completed.stderr) == (0, "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rooms", "2"), "--rooms: 2 needs {room} in the URL"),
        (("--rate", "5", "--window", "2"), "--rate: 5.0 and --window exclude each other"),
        (("--publishers", "0"), "--publishers: 0 publish nothing"),
        (("-s", "0", "--echo", "none"), "--subscribers: 0 leaves nobody"),
        (("--processes", "500"), "--processes: 500 is more than there are connections"),
        (("--find-limit", "--window", "2"), "--window: 2 has no rate to search for"),
        (("--idle", "--rate", "2"), "--idle: True publishes nothing"),
        (("--server-pid", "4194999"), "--server-pid: 4194999 is no running process"),
        (("-s", "90000000"), "open files"),
    ],
)
def test_options_that_make_no_sense(options: tuple[str, ...], said: str) -> None:
    """A plan that cannot work is refused before anything is connected, in one line."""
    completed = run_camrelay("bench", "ws://localhost:1/", *options)
    assert completed.returncode == 2
    assert said in completed.stderr
    assert len(completed.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://localhost:1/", "must begin with ws://HOST or wss://HOST"),
        ("ws://localhost:1/", "is the server running?"),
        ("ws://localhost:123456/", "cannot be read"),
        ("ws://no-such-host.invalid/", "names a host that is not found"),
    ],
)
def test_urls_that_lead_nowhere(url: str, said: str) -> None:
    """A URL that cannot be connected to is quoted, with what is wrong, in one line."""
    completed = run_camrelay("bench", url)
    assert completed.returncode == 2
    assert said in completed.stderr
    assert len(completed.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prefix = 3", "prefix = 3 must be of type str"),
        ("prefx = ''", "'prefx' is unknown"),
        ("[[hello]]\nonly = 'pub'", "'pub' must be 'subscriber' or 'publisher'"),
        ("[[reply]]\nto = 'PING'", "needs `to` and `with`"),
        ("prefix = '", "cannot be used"),
    ],
)
def test_dialects_that_make_no_sense(tmp_path: Path, text: str, said: str) -> None:
    """A dialect file with a mistake is named, with the mistake, in one line."""
    file = tmp_path / "dialect.toml"
    file.write_text(text, "utf-8")
    completed = run_camrelay("bench", "ws://localhost:1/", "--dialect", file)
    assert completed.returncode == 2
    assert str(file) in completed.stderr
    assert said in completed.stderr
    assert len(completed.stderr.splitlines()) == 1
