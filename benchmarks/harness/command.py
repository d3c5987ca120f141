"""What the two commands that measure have in common."""

import json
import resource
from pathlib import Path
from typing import Any

import click

from harness.peers import BENCHMARKS, Peer, PeerError

RESULTS = BENCHMARKS / "results"


class Names(click.ParamType):
    """Names with commas in between, of those that there are."""

    name = "NAME,..."

    def __init__(self, known: list[str]) -> None:
        """Accept any of `known`."""
        self.known = known

    def convert(self, value: Any, param: Any, ctx: Any) -> list[str]:
        """The names one by one."""
        names = value.split(",") if isinstance(value, str) else value
        for name in names:
            if name not in self.known:
                self.fail(f"{name!r} is none of: {', '.join(self.known)}", param, ctx)
        return [*names]


def install(peers: dict[str, Peer]) -> tuple[dict[str, str], dict[str, str]]:
    """Versions of the peers that are there, and why the others are not."""
    versions, skipped = {}, {}
    for name, peer in peers.items():
        try:
            click.echo(f"installing {name} if need be")
            peer.install()
            versions[name] = peer.version()
        except PeerError as error:
            skipped[name] = str(error)
            click.echo(f"skipping {name}: {error}")
    return versions, skipped


def allow_files() -> None:
    """Give servers and clients as many descriptors as the system lets us have."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def write(results: dict[str, Any], path: Path) -> None:
    """One line per measurement, so that differences can be read."""
    runs = ",\n  ".join(json.dumps(run) for run in results["runs"])
    circumstances = {name: value for name, value in results.items() if name != "runs"}
    head = json.dumps(circumstances, indent=1).removesuffix("\n}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{head},\n "runs": [\n  {runs}\n ]\n}}\n', "utf-8")
