"""Prints the positions of the cameras in a room: what the phone does, in a terminal.

    pip install websocket-client
    python viewer.py wss://localhost:8443/ws/camera --ca camrelay_development_ca.crt

The file is the "authority" that camrelay prints when it starts with a development certificate.
Leave --ca out for ws:// and for certificates that the system trusts. Ctrl-C ends it.
"""

import argparse
import json

import websocket

SECONDS_TO_RECONNECT = 2


def on_message(app: websocket.WebSocketApp, message: str) -> None:
    """Print one position. x, y and z are always present, and always finite numbers."""
    position = json.loads(message)
    name = position.get("id", "camera")
    print(f"{name}: {position['x']:.2f} {position['y']:.2f} {position['z']:.2f}", flush=True)


def on_error(app: websocket.WebSocketApp, error: Exception) -> None:
    """Print why the connection failed, with the text of the server."""
    print(f"{type(error).__name__}: {error}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Print the positions of a camera room.")
    parser.add_argument("url", help="wss://HOST:8443/ws/camera or .../ws/camera/ROOM")
    parser.add_argument("--ca", help="PEM file of the certificate authority to trust")
    options = parser.parse_args()
    websocket.WebSocketApp(options.url, on_message=on_message, on_error=on_error).run_forever(
        reconnect=SECONDS_TO_RECONNECT, sslopt={"ca_certs": options.ca} if options.ca else None
    )
