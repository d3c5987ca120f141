"""The `twistd camrelay` and `twist camrelay` subcommand: strings only, imported by every twistd."""

from twisted.application.service import ServiceMaker

camrelay = ServiceMaker(
    "camrelay",
    "camrelay.tap",
    "Relay camera positions, chat and echo between WebSocket clients.",
    "camrelay",
)
