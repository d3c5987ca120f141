"""permessage-deflate (RFC 7692): refused by default, and safe where it is taken."""

from typing import Any

from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept


def refuse_deflate(offers: list[Any]) -> None:
    """No compression: it costs 300 KiB a connection, and positions do not get smaller."""


def accept_deflate(offers: list[Any]) -> PerMessageDeflateOfferAccept | None:
    """Inflate what clients send (RFC 7692); what the relay sends is shared and stays as it is.

    Without context takeover: WebSocketSharp ends each message with a final block, and an inflater
    that goes on after it returns nothing, silently.
    """
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(
                offer, request_no_context_takeover=True, no_context_takeover=True
            )
    return None
