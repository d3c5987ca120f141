"""How a camrelay goes away: when its clients hear of it, and what newcomers meet meanwhile.

    python benchmarks/stop.py                       # about two minutes
    python benchmarks/stop.py --clients 200 --restarts 1

Two measurements, each with a camrelay of its own:

* SIGTERM while clients are connected: how the close frames spread over `--drain-time`, with which
  codes and times to come back, and when the process ends with which exit code.
* Restarts with TLS on the descriptor of a socket unit, as systemd hands it over, while clients come
  at a steady pace, each staying until it is sent away: what became of every one of them.

The figures stand in docs/operations.md.
"""

import asyncio
import re
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

from tests.support.frames import CLOSE, frame, parse_frame
from tests.support.server import Server, start_relay
from tests.support.systemd import FakeSystemd
from tests.support.visitors import restart_among_visitors
from tests.support.wire import handshake

UNLIMITED = ("--connections-per-address", "0")
PARTS = 10
NO_CLOSE_FRAME = 1006


@click.command()
@click.option("--clients", default=2000, show_default=True, help="Connected at the SIGTERM.")
@click.option("--drain-time", default=5.0, show_default=True, help="Seconds of the drain.")
@click.option("--a-second", default=100.0, show_default=True, help="Newcomers during restarts.")
@click.option("--restarts", default=5, show_default=True, help="How often it is restarted.")
def main(clients: int, drain_time: float, a_second: float, restarts: int) -> None:
    """Measure, and print what came out."""
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(stop(Path(directory), clients, drain_time))
    with tempfile.TemporaryDirectory() as directory, FakeSystemd(Path(directory)) as systemd:
        visitors = restart_among_visitors(systemd, Path(directory), a_second, restarts)
    total = sum(visitors.outcomes.values())
    print(f"\n{restarts} restarts, {total} clients came, {a_second:g} a second:")
    for outcome in sorted({"refused": 0, **visitors.outcomes}):
        print(f"  {visitors.outcomes[outcome]:>6} {outcome}")
    print(f"  longest wait to be let in: {visitors.longest_wait:.1f} s")


async def stop(directory: Path, clients: int, drain_time: float) -> None:
    """Connect, send SIGTERM, and print when each client heard of it."""
    options = (*UNLIMITED, "--drain-time", str(drain_time))
    with start_relay(directory, *options) as server:
        stays = await asyncio.gather(*(connect(server) for _ in range(clients)))
        asked = time.monotonic()
        server.send_signal(signal.SIGTERM)
        ends = await asyncio.gather(*(stay(*streams) for streams in stays))
        code = await asyncio.to_thread(server.wait)
        took = time.monotonic() - asked
    print(f"SIGTERM with {clients} clients, --drain-time {drain_time:g}:")
    print(f"  ended after {took:.1f} s with exit code {code}")
    print(f"  close codes: {dict(Counter(code for _, code, _ in ends))}")
    parts = Counter(min(PARTS, int((at - asked) / drain_time * PARTS)) for at, _, _ in ends)
    print(f"  clients in each tenth of the time: {[parts[part] for part in range(PARTS + 1)]}")
    returns = [at - asked + wait for at, _, wait in ends]
    print(f"  to come back {min(returns):.1f} to {max(returns):.1f} s after the SIGTERM")


async def connect(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A member of a camera room."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(handshake("/ws/camera", port=server.port))
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def stay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[float, int, float]:
    """When the close frame came, its code, and in how many seconds to come back."""
    received = bytearray()
    while True:
        data = await reader.read(4096)
        if not data:
            return time.monotonic(), NO_CLOSE_FRAME, 0.0
        received += data
        parsed = parse_frame(received)
        if parsed is None:
            continue
        came, size = parsed
        del received[:size]
        if came.opcode == CLOSE:
            break
    at = time.monotonic()
    writer.write(frame(CLOSE, came.payload))
    await reader.read()
    writer.close()
    told = re.search(rb"in (\d+) ms", came.payload)
    return at, int.from_bytes(came.payload[:2]), int(told[1]) / 1000 if told else 0.0


if __name__ == "__main__":
    main()
