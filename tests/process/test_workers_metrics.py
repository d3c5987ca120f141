"""The metrics of several workers as one target."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.admin import ADMIN, wait_for_status
from tests.support.metrics import Scrape, ask, scrape, scrape_until
from tests.support.redis import RedisServer
from tests.support.server import Server
from tests.support.workers import connect_to_each, start_workers, wait_for_workers


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Server]:
    """A camrelay with two workers that are ready."""
    with RedisServer(tmp_path) as redis, start_workers(tmp_path, redis, *ADMIN) as server:
        yield server


def echoed(now: Scrape) -> float:
    """How many messages went through echoes."""
    return now.value("camrelay_messages_sent_total")


def test_one_scrape_shows_all_workers(workers: Server) -> None:
    """Numbers are added up, whichever worker counted; each name is there once."""
    with connect_to_each(workers, "/echo") as clients:
        for client in clients.values():
            client.send("hello")
            client.recv()
        scrape_until(workers, lambda now: now.value("camrelay_members") == 2)
        now = scrape_until(workers, lambda now: echoed(now) == 2)
        assert now.value("camrelay_members_joined_total") >= 2
        assert now.value("camrelay_fan_out_seconds_count") == 2
    assert now.text.count("# TYPE camrelay_members gauge") == 1
    now = scrape_until(workers, lambda now: now.value("camrelay_ready") == 1)
    assert now.value("camrelay_workers", state="ready") == 2
    assert now.value("python_info") == now.value("camrelay_build_info") == 1
    scrape_until(workers, lambda now: now.value("camrelay_bus_nodes") == 1)  # each knows the other


def test_each_process_tells_what_it_costs(workers: Server) -> None:
    """One that needs a whole core is not hidden behind the others."""
    now = scrape(workers)
    for worker in ("supervisor", "1", "2"):
        assert now.value("process_resident_memory_bytes", worker=worker) > 1 << 20


def test_what_a_dead_worker_counted_still_counts(workers: Server) -> None:
    """A sum that shrinks would look like a start from 0, and like traffic that never was."""
    with connect_to_each(workers, "/echo") as clients:
        for client in clients.values():
            client.send("hello")
            client.recv()
        scrape_until(workers, lambda now: echoed(now) == 2)
        os.kill(wait_for_workers(workers, 1)[0], signal.SIGKILL)
        workers.wait_for_log("takes its place")
        assert echoed(scrape(workers)) == 2
        wait_for_workers(workers, 3)
        now = scrape_until(workers, lambda now: now.value("camrelay_workers", state="ready") == 2)
    assert echoed(now) == 2
    assert now.value("camrelay_workers_replaced_total") == 1


def test_the_supervisor_says_how_all_are(workers: Server) -> None:
    """Ready, and nothing is amiss."""
    wait_for_status(workers, state="ready", degraded={})
    response, text = ask(workers, "/readyz")
    assert (response.status, '"degraded": {}' in text) == (200, True)
