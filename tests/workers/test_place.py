"""How long a place stays empty after a worker has died."""

from types import SimpleNamespace

import pytest
from twisted.internet.error import ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from camrelay.workers.place import SECONDS_OF_HEALTH, Place
from camrelay.workers.process import WorkerProcess


class Factory:
    """Starts processes that exist on paper only."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.started: list[WorkerProcess] = []
        self.place = Place(1, b"", self.spawn, self.clock)
        self.place.start()

    def spawn(self, number: int, process: WorkerProcess) -> None:
        process.transport = SimpleNamespace(pid=4711)
        self.started.append(process)

    def die_after(self, seconds: float) -> float:
        """The newest process dies; gives the seconds until there is another."""
        self.clock.advance(seconds)
        self.started[-1].processExited(Failure(ProcessTerminated(exitCode=1)))
        (call,) = self.clock.getDelayedCalls()
        wait = float(call.getTime() - self.clock.seconds())
        self.clock.advance(wait)
        return wait


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
