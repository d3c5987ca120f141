"""A camera that walks in a circle: sends its position ten times a second, as a headset does.

    pip install websocket-client
    python camera.py wss://localhost:8443/ws/camera --ca camrelay_development_ca.crt

The file is the "authority" that camrelay prints when it starts with a development certificate.
Leave --ca out for ws:// and for certificates that the system trusts. Ctrl-C ends it.
"""

import argparse
import contextlib
import json
import math
import threading
import time

import websocket

SECONDS_BETWEEN_POSITIONS = 0.1
SECONDS_TO_RECONNECT = 2


def position(seconds: float) -> str:
    """The camera's position in metres: a circle in ten seconds, at eye level."""
    angle = seconds * math.tau / 10
    return json.dumps({"x": math.cos(angle), "y": 1.6, "z": math.sin(angle), "id": "python"})


def walk(connection: websocket.WebSocket) -> None:
    """Send positions until the connection ends."""
    with contextlib.suppress(OSError, websocket.WebSocketException):
        while connection.connected:
            connection.send(position(time.time()))
            time.sleep(SECONDS_BETWEEN_POSITIONS)


def on_open(app: websocket.WebSocketApp) -> None:
    """Walk in another thread: this one has to read, and answers the server's pings."""
    print("connected", flush=True)
    threading.Thread(target=walk, args=[app.sock], daemon=True).start()


def on_message(app: websocket.WebSocketApp, message: str) -> None:
    """Everyone in the room gets every position, the sender included."""
    print(message, flush=True)


def on_error(app: websocket.WebSocketApp, error: Exception) -> None:
    """Print why the connection failed, with the text of the server."""
    print(f"{type(error).__name__}: {error}", flush=True)


def on_close(app: websocket.WebSocketApp, code: int | None, reason: str | None) -> None:
    """Print the close code and reason."""
    print(f"closed: {code} {reason}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Send a moving position to a camera room.")
    parser.add_argument("url", help="wss://HOST:8443/ws/camera or .../ws/camera/ROOM")
    parser.add_argument("--ca", help="PEM file of the certificate authority to trust")
    options = parser.parse_args()
    websocket.WebSocketApp(
        options.url, on_open=on_open, on_message=on_message, on_error=on_error, on_close=on_close
    ).run_forever(
        reconnect=SECONDS_TO_RECONNECT, sslopt={"ca_certs": options.ca} if options.ca else None
    )
