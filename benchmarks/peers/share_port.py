"""Start several processes that accept from one port: share_port.py COUNT PORT COMMAND...

The command gets `--fd N`, a listening socket that all of them have: as Channels' page on deployment
does it with supervisor (https://channels.readthedocs.io/en/stable/deploying.html).
"""

import socket
import subprocess
import sys


def main(count: int, port: int, command: list[str]) -> None:
    """Serve until all of them have ended."""
    with socket.create_server(("127.0.0.1", port), backlog=4096) as listening:
        descriptor = listening.fileno()
        processes = [
            subprocess.Popen([*command, "--fd", str(descriptor)], pass_fds=[descriptor])
            for _ in range(count)
        ]
    for process in processes:
        process.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
