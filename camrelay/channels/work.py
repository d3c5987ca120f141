"""The user's function, called in a thread or in the reactor, as it needs."""

import inspect
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

Function = Callable[[bytes], object]


class _Threads(ThreadPool):
    """Threads that do not keep the process from ending when the user's code hangs."""

    threadFactory = staticmethod(partial(threading.Thread, daemon=True))  # type: ignore[assignment]


class Work:
    """Does the user's work on one message after the other, or on several at once.

    `async def` functions and those that return a Deferred run in the thread of the reactor, and
    must not block it. All others run in a thread of their own.
    """

    def __init__(self, reactor: Any, function: Function, concurrency: int) -> None:
        """`concurrency`: how many threads there may be."""
        self._reactor = reactor
        self._function = function
        self._is_coroutine = inspect.iscoroutinefunction(function)
        self._is_deferred = _returns_deferred(function)
        self._threads = _Threads(minthreads=0, maxthreads=concurrency, name="camrelay-worker")

    def start(self) -> None:
        """Messages may come."""
        self._threads.start()

    def stop(self) -> None:
        """Waits for every thread to end: only when nothing is worked on any more."""
        self._threads.stop()

    def on(self, message: bytes) -> Deferred[object]:
        """Fires when it is done; fails with whatever the user's code raised.

        When cancelled it fails at once, whatever the user's code makes of that: a coroutine or
        Deferred is cancelled, a thread is left to itself.
        """
        begun = self._begin(message)
        outcome: Deferred[object] = Deferred(lambda _: begun.cancel())
        begun.addBoth(lambda result: None if outcome.called else outcome.callback(result))
        return outcome

    def _begin(self, message: bytes) -> Deferred[object]:
        if self._is_coroutine:
            return Deferred.fromCoroutine(self._function(message))  # type: ignore[arg-type]
        if self._is_deferred:
            return maybeDeferred(self._function, message)
        return deferToThreadPool(self._reactor, self._threads, _in_thread, self._function, message)


def _returns_deferred(function: Function) -> bool:
    """It says so (`-> Deferred[None]`), or is decorated with inlineCallbacks."""
    says = str(getattr(function, "__annotations__", {}).get("return", ""))
    is_generator = inspect.isgeneratorfunction(inspect.unwrap(function))
    return "Deferred" in says or (is_generator and not inspect.isgeneratorfunction(function))


def _in_thread(function: Function, message: bytes) -> object:
    outcome = function(message)
    if inspect.iscoroutine(outcome):
        outcome.close()
    elif not isinstance(outcome, Deferred):
        return outcome
    raise TypeError(
        f"{function} was called in a thread and returned a {type(outcome).__name__}: declare it "
        "as `async def`, or with `-> Deferred[None]`, and it will be called in the reactor's thread"
    )
