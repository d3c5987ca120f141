"""The desktop client of the JSON echo as it is in use: a terminal and a WebSocketApp.

    python typed_echo.py URL CA.pem

Each line that is typed is sent, each answer is printed; Ctrl-C and SIGTERM close the connection.
"""

import signal
import sys
import threading

import websocket


def send_typed_lines(app: websocket.WebSocketApp) -> None:
    """Send what is typed, line by line."""
    for line in sys.stdin:
        app.send(line.rstrip("\n"))


def on_open(app: websocket.WebSocketApp) -> None:
    """Start to read the terminal."""
    print("open", flush=True)
    threading.Thread(target=send_typed_lines, args=[app], daemon=True).start()


def on_message(app: websocket.WebSocketApp, message: str) -> None:
    """Print an answer."""
    print(f"< {message}", flush=True)


def on_error(app: websocket.WebSocketApp, error: Exception) -> None:
    """Print what went wrong."""
    print(f"error {error!r}", flush=True)


def on_close(app: websocket.WebSocketApp, code: int | None, reason: str | None) -> None:
    """Print how the server closed: empty when this side did."""
    print(f"closed {code} {reason}", flush=True)


if __name__ == "__main__":
    client = websocket.WebSocketApp(
        sys.argv[1], on_open=on_open, on_message=on_message, on_error=on_error, on_close=on_close
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    client.run_forever(sslopt={"ca_certs": sys.argv[2]})
