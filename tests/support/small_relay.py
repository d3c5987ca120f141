"""A relay in memory with a route for each sort of kind, and what is said there."""

from collections.abc import Sequence

from camrelay.core.errors import CloseReason
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.echo import RawEcho
from camrelay.core.kinds.kind import Message
from camrelay.core.kinds.pose import Pose
from camrelay.core.limits import Limits
from camrelay.core.routes import Route
from camrelay.core.terms import USUAL, Terms
from camrelay.ports import Bus
from camrelay.testing import MemoryRelay, RecordingSink


class Failing:
    """A kind with a bug."""

    newest_counts = False
    private = False
    is_json = False
    max_size = 100

    def read(self, payload: bytes, is_binary: bool, user: str) -> Message:
        """Raise what no kind should raise."""
        raise LookupError(payload.decode())


class BrokenSink(RecordingSink):
    """A sink that does not keep its promise, not even when it is closed."""

    def write(self, frames: bytes) -> None:
        """Raise."""
        raise OSError("broken write")

    def close(self, reason: CloseReason) -> None:
        """Record the reason and raise."""
        super().close(reason)
        raise OSError("broken close")


def routes(terms: Terms = USUAL) -> Sequence[Route]:
    """The routes, all on the same terms."""
    return (
        Route("/ws/camera/{room}", Pose(), terms),
        Route("/ws/chat/{room}", Chat(), terms),
        Route("/echo", RawEcho(), terms),
        Route("/failing", Failing(), terms),
    )


ROUTES = routes()


def relay_with(bus: Bus | None = None, **limits: object) -> MemoryRelay:
    """A relay with `ROUTES`; keyword arguments change the limits of a connection."""
    return MemoryRelay(*routes(Terms(limits=Limits(**limits))), bus=bus)


def join_broken(relay: MemoryRelay, url: str) -> BrokenSink:
    """A member whose connection is broken in every way, beside one that is not."""
    sink = BrokenSink()
    relay.relay.join(relay.connect(url).session.admission, sink)
    return sink


def position(x: float, **more: object) -> dict[str, object]:
    """A position as it comes out again."""
    return {"x": float(x), "y": 0.0, "z": 0.0, **more}


def line(text: str) -> dict[str, str]:
    """A chat message."""
    return {"message": text}
