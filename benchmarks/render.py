"""Make the tables of README.md and the plots from results: `python benchmarks/render.py`."""

from pathlib import Path

import click
from harness import plots, results, tables
from harness.peers import BENCHMARKS

README = BENCHMARKS / "README.md"
RESULTS = BENCHMARKS / "results"


@click.command()
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def main(file: Path | None) -> None:
    """Show the results in FILE: by default the newest in benchmarks/results."""
    files = sorted(RESULTS.glob("20*.json"))
    if file is None and not files:
        raise click.ClickException("there are no results yet: run benchmarks/run.py first")
    found = results.read(file or files[-1])
    for name, table in (
        ("circumstances", tables.circumstances),
        ("workloads", tables.legend),
        ("throughput", tables.throughput),
        ("ratios", tables.ratios),
        ("latency", tables.latency_and_connections),
        ("utilisation", tables.utilisation),
    ):
        tables.between_markers(README, name, table(found))
    for path in plots.draw_all(found, RESULTS):
        click.echo(f"drew {path}")
    click.echo(f"wrote {README}")


if __name__ == "__main__":
    main()
