"""How long a place stays empty after a worker has died, and when a worker is taken for hung."""

from signal import SIGABRT, SIGKILL, Signals
from types import SimpleNamespace

import msgspec
import pytest
from twisted.internet.error import ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from camrelay.ops.families import counter, gauge
from camrelay.workers.orders import EVENTS
from camrelay.workers.place import SECONDS_OF_HEALTH, SECONDS_OF_SILENCE, Place
from camrelay.workers.process import WorkerProcess


class Factory:
    """Starts processes that exist on paper only."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.started: list[WorkerProcess] = []
        self.signals: list[Signals] = []
        self.place = Place(1, b"", self.spawn, self.clock)
        self.place.start()

    def spawn(self, number: int, process: WorkerProcess) -> None:
        process.transport = SimpleNamespace(pid=4711, signalProcess=self.signals.append)
        self.started.append(process)

    def report(self) -> None:
        """The newest process says that it is well."""
        self.started[-1].childDataReceived(EVENTS, b'report {"state": "ready"}\n')

    def look_after(self, seconds: float) -> list[Signals]:
        """The signals that were sent after so many more seconds."""
        self.clock.advance(seconds)
        self.place.look()
        return self.signals

    def die_after(self, seconds: float) -> float:
        """The newest process dies; gives the seconds until there is another."""
        self.clock.advance(seconds)
        self.started[-1].processExited(Failure(ProcessTerminated(exitCode=1)))
        (call,) = self.clock.getDelayedCalls()
        wait = float(call.getTime() - self.clock.seconds())
        self.clock.advance(wait)
        return wait

    def measure(self, sent: int) -> None:
        """The newest process tells how much it has sent."""
        families = [counter("sent", "", sent), gauge("members", "", 5)]
        line = b"metrics " + msgspec.json.encode(families) + b"\n"
        self.started[-1].childDataReceived(EVENTS, line)

    def measured(self) -> dict[str, float]:
        """What the place tells."""
        return {family.name: family.samples[0].value for family in self.place.families()}


@pytest.fixture
def factory() -> Factory:
    """A place whose first process runs."""
    return Factory()


def test_pauses_double_up_to_ten_seconds(factory: Factory) -> None:
    """Workers that die young are replaced more and more slowly."""
    pauses = [factory.die_after(0.5) for _ in range(9)]
    least = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert [pause for pause, low in zip(pauses, least, strict=True) if pause < low] == []
    assert [pause for pause, low in zip(pauses, least, strict=True) if pause > low + 0.1] == []


def test_healthy_life_is_followed_by_a_short_pause(factory: Factory) -> None:
    """A worker that was well for a while starts the count anew."""
    for _ in range(6):
        factory.die_after(0.5)
    assert factory.die_after(SECONDS_OF_HEALTH + 1) <= 0.2


def test_machine_without_processes_is_tried_again() -> None:
    """When no process can be started the place waits like for one that died."""
    clock = Clock()
    tries = []

    def spawn(number: int, process: WorkerProcess) -> None:
        tries.append(clock.seconds())
        raise BlockingIOError(11, "Resource temporarily unavailable")

    Place(1, b"", spawn, clock).start()
    clock.pump([0.1] * 20)
    assert 3 <= len(tries) <= 5


def test_worker_that_reports_is_left_alone(factory: Factory) -> None:
    """However long it lives; what it said last can be asked for."""
    for _ in range(10):
        factory.report()
        assert factory.look_after(SECONDS_OF_SILENCE - 1) == []
    assert factory.place.report == {"state": "ready", "number": 1}


def test_worker_that_is_silent_is_killed(factory: Factory) -> None:
    """First so that it can say where it hangs, then so that it cannot refuse."""
    factory.report()
    assert factory.look_after(SECONDS_OF_SILENCE - 0.1) == []
    assert factory.look_after(0.2) == [SIGABRT]
    assert factory.look_after(3) == [SIGABRT, SIGKILL]


def test_worker_that_never_reports_is_killed(factory: Factory) -> None:
    """One that hangs while it starts would be waited for for ever."""
    assert factory.place.report["state"] == "starting"
    assert factory.look_after(SECONDS_OF_SILENCE) == [SIGABRT]


def test_worker_that_could_not_be_heard_is_not_blamed(factory: Factory) -> None:
    """When the supervisor itself stood still, silence proves nothing."""
    factory.clock.advance(SECONDS_OF_SILENCE + 1)
    factory.place.excuse()
    assert factory.look_after(1) == []


def test_report_of_a_dead_worker_is_forgotten(factory: Factory) -> None:
    """The next one has to say itself that it is ready."""
    factory.report()
    factory.started[-1].processExited(Failure(ProcessTerminated(exitCode=1)))
    assert factory.place.report["state"] == "starting"


def test_a_counter_goes_on_where_that_of_the_dead_ended(factory: Factory) -> None:
    """Over several deaths; what was only so while it lived is gone."""
    factory.measure(sent=3)
    assert factory.measured() == {"sent": 3, "members": 5}
    factory.die_after(1.0)
    assert factory.measured() == {"sent": 3}
    factory.measure(sent=4)
    assert factory.measured() == {"sent": 7, "members": 5}
    factory.die_after(1.0)
    factory.measure(sent=1)
    assert factory.measured() == {"sent": 8, "members": 5}
    assert factory.place.deaths == 2


def test_last_words_are_not_counted_twice(factory: Factory) -> None:
    """They may come after the death that they are from."""
    factory.measure(sent=3)
    factory.started[-1].processExited(Failure(ProcessTerminated(exitCode=1)))
    factory.measure(sent=4)
    assert factory.measured() == {"sent": 3}
