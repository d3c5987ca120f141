"""What the relay needs from the world, and what the world may ask of the relay: the promises."""

from collections.abc import Callable, Sequence
from typing import Protocol

from camrelay.core.admission import Admission, Request
from camrelay.core.errors import Denied, Rejected
from camrelay.core.room import Publication
from camrelay.core.session import Session
from camrelay.core.sink import Sink


class Timer(Protocol):
    """A call that was put off."""

    def cancel(self) -> None:
        """Never make the call. Only before it was made."""
        ...


class Clock(Protocol):
    """Time, and calls at a later time. Everything happens in one thread, one call after another."""

    def now(self) -> float:
        """Seconds since some start; never runs backwards."""
        ...

    def at_turn_end(self, call: Callable[[], None]) -> None:
        """Call once all input that is ready now was read; at once when the node is idle."""
        ...

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call after `seconds`."""
        ...


class Bus(Protocol):
    """Carries publications between nodes.

    Order: the publications of one publisher arrive in the order in which they were published.
    Loss: at most once; what cannot be carried is dropped and counted, never sent late and never
    raised. No call waits for the network.
    """

    def room_opened(self, path: str) -> None:
        """This node has members in the room from now on."""
        ...

    def room_closed(self, path: str) -> None:
        """The last member on this node is gone."""
        ...

    def publish(self, path: str, turn: Sequence[Publication]) -> None:
        """Carry what the members of this node have already got to the other nodes."""
        ...


class Journal(Protocol):
    """Notes what happens, for the log and the counters. Never raises, never waits."""

    def denied(self, request: Request, denied: Denied) -> None:
        """A handshake was refused."""
        ...

    def connected(self, session: Session) -> None:
        """A connection is open and has joined its room."""
        ...

    def disconnected(self, session: Session, code: int | None, text: str) -> None:
        """A connection is over; `code` is None when no close frame was exchanged."""
        ...

    def rejected(self, session: Session, rejected: Rejected) -> None:
        """A message was dropped."""
        ...

    def failed(self, what: str) -> None:
        """A bug of ours or of a kind; called inside `except`, the traceback is logged."""
        ...


class Relaying(Protocol):
    """The relay as the network sees it: one call for each thing that happens to a connection."""

    def admit(self, request: Request) -> Admission:
        """Decide on a handshake. Raises Denied."""
        ...

    def join(self, admission: Admission, sink: Sink) -> Session:
        """The connection is open."""
        ...

    def receive(self, session: Session, payload: bytes, is_binary: bool) -> None:
        """A whole message came; text is valid UTF-8."""
        ...

    def fell_behind(self, session: Session) -> None:
        """The transport takes no more for now."""
        ...

    def caught_up(self, session: Session) -> None:
        """The transport takes more again."""
        ...

    def leave(self, session: Session, code: int | None, text: str) -> None:
        """The connection is closing or gone; no frame reaches it any more. May be repeated."""
        ...
