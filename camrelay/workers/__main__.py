"""`python -m camrelay.workers NUMBER`, as the supervisor starts it; the number is for `ps`."""

import importlib
import sys
from typing import Any

from camrelay.workers.orders import LIFELINE, Lifeline


def main() -> None:
    """Run the worker that the supervisor has ordered."""
    lifeline = Lifeline(LIFELINE)
    try:
        orders = lifeline.orders()
    except ValueError:
        sys.exit("camrelay.workers is started by `twistd camrelay --workers N`, not by hand")
    reactor = _install_reactor(orders.reactor)
    # Only now: txredisapi and others import the reactor, which would install another one.
    from camrelay.workers.worker import run

    run(orders, lifeline, reactor)


def _install_reactor(module: str) -> Any:
    importlib.import_module(module).install()
    from twisted.internet import reactor

    return reactor


if __name__ == "__main__":
    main()
