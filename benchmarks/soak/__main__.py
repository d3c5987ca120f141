"""The command."""

import json
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from benchmarks.soak.visitors import TROUBLE, VISITS, Place, Visit, slow_reader
from benchmarks.soak.watch import Sample, look, report
from tests.support.admin import ADMIN, wait_for_status
from tests.support.certificates import AUTHORITY, issue
from tests.support.process import Process
from tests.support.redis import RedisServer
from tests.support.server import Server, start_relay

RESULTS = Path(__file__).parents[1] / "results"
SECONDS_BETWEEN_LOOKS = 5.0
SECONDS_BETWEEN_CERTIFICATES = 60.0
SECONDS_BETWEEN_REDIS_DEATHS = 300.0
# The worst that all can do at once comes first. An allocator keeps what the busiest moment needed,
# and if that moment came late, its memory would look like something that grows.
WORST_VISITS = [slow_reader] * 5


class Crowd:
    """Threads that visit again and again, a little apart."""

    def __init__(self, place: Place, threads: int, pause: float) -> None:
        """`pause`: seconds between two visits of a thread, on average."""
        self.visits = 0
        self.failure: BaseException | None = None
        self._place = place
        self._pause = pause
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._come_and_go, args=(random.Random(number),))
            for number in range(threads)
        ]

    @contextmanager
    def there(self) -> Iterator[None]:
        """They come, and have gone when the block is left."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()

    def _come_and_go(self, chance: random.Random) -> None:
        for visit in WORST_VISITS:
            self._make(visit, chance)
        while not self._over.wait(chance.uniform(0, 2 * self._pause)):
            self._make(chance.choice(VISITS), chance)

    def _make(self, visit: Visit, chance: random.Random) -> None:
        try:
            visit(self._place, chance)
        except TROUBLE:
            pass  # refused, cut off, too late: so it is with visitors
        except BaseException as failure:
            self.failure = failure
            self._over.set()
        self.visits += 1


class Rounds:
    """Does something every so many seconds."""

    def __init__(self, seconds: float) -> None:
        """The first time is a round from now."""
        self._seconds = seconds
        self._next = time.monotonic() + seconds

    def is_due(self) -> bool:
        """Whether it is time again."""
        if time.monotonic() < self._next:
            return False
        self._next += self._seconds
        return True


@click.command()
@click.option("--seconds", default=3600.0, help="how long it goes on")
@click.option("--threads", default=24, help="visitors at the same time")
@click.option("--pause", default=0.5, help="seconds between two visits of one of them")
def main(seconds: float, threads: int, pause: float) -> None:
    """Churn: joins, leaves, slow readers, garbage, Redis restarts, certificate reloads."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        authority = directory / "authority.pem"
        AUTHORITY.cert_pem.write_to_path(authority)
        certificate = issue(directory / "relay.pem", "localhost", "127.0.0.1")
        options = ["--tls", "--certificate", str(certificate), "--connections-per-address", "0"]
        with RedisServer(directory) as redis:
            options += ["--redis", redis.url, "--history", "redis", *ADMIN]
            with start_relay(directory, *options) as server:
                wait_for_status(server, redis="up")  # its connections belong to the start
                place = Place(server.port, authority)
                found = _soak(server, place, redis, Crowd(place, threads, pause), seconds)
    text = json.dumps(found, indent=2)
    RESULTS.joinpath(f"soak-{datetime.now(UTC):%Y-%m-%d}.json").write_text(text + "\n")
    click.echo(text)


def _soak(
    server: Server, place: Place, redis: RedisServer, crowd: Crowd, seconds: float
) -> dict[str, object]:
    began = time.monotonic()
    samples = [look(server, began)]
    certificates = Rounds(SECONDS_BETWEEN_CERTIFICATES)
    deaths = Rounds(SECONDS_BETWEEN_REDIS_DEATHS)
    minutes = Rounds(60.0)
    with crowd.there():
        while samples[-1].at < seconds and crowd.failure is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            if certificates.is_due():
                issue(place.authority.with_name("relay.pem"), "localhost", "127.0.0.1")
            if deaths.is_due():
                redis.kill()
                redis.start()
            samples.append(look(server, began))
            if minutes.is_due():
                click.echo(f"{samples[-1]}", err=True)
    if crowd.failure is not None:
        raise crowd.failure
    return report(samples, _quiet(server, began), crowd.visits, server.log)


def _quiet(server: Process, began: float) -> Sample:
    """The first look with nobody there, or the last one before patience is over."""
    deadline = time.monotonic() + 90
    while True:
        seen = look(server, began)
        if not seen.connections or time.monotonic() > deadline:
            time.sleep(15)  # door deadlines and close time-outs are timers, too
            return look(server, began)
        time.sleep(1)


if __name__ == "__main__":
    main()
