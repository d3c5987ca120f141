"""The `twistd camrelay-worker` subcommand: strings only, imported by every twistd."""

from twisted.application.service import ServiceMaker

camrelay_worker = ServiceMaker(
    "camrelay worker",
    "camrelay.worker_tap",
    "Call a function with each message of a camrelay channel.",
    "camrelay-worker",
)
