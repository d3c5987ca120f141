"""Make the tables and the plot about several processes: `python benchmarks/render_cluster.py`."""

from pathlib import Path

import click
from harness.cluster import million, plot, tables
from harness.cluster.results import read
from harness.command import RESULTS
from harness.peers import BENCHMARKS
from harness.tables import between_markers

README = BENCHMARKS / "README.md"
DOCS = BENCHMARKS.parent / "docs"
PAGES = {
    README: (
        ("cluster", tables.circumstances),
        ("cluster throughput", tables.throughput),
        ("cluster usage", tables.usage),
        ("cluster latency", tables.latency),
        ("cluster costs", tables.costs),
    ),
    DOCS / "workers.md": (
        ("machine", tables.machine),
        ("throughput", tables.throughput),
        ("latency", tables.latency),
    ),
    DOCS / "cluster.md": (
        ("machine", tables.machine),
        ("latency", tables.latency),
        ("costs", tables.costs),
    ),
    DOCS / "scale.md": (
        ("machine", tables.machine),
        ("costs", tables.costs),
        ("others", tables.others),
        ("load A", million.load_a),
        ("load B", million.load_b),
        ("limits", million.limits),
    ),
}


@click.command()
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def main(file: Path | None) -> None:
    """Show the results in FILE: by default the newest in benchmarks/results."""
    files = sorted(RESULTS.glob("cluster-*.json"))
    if file is None and not files:
        raise click.ClickException("there are no results yet: run benchmarks/cluster.py first")
    results = read(file or files[-1])
    click.echo(f"drew {plot.draw(results, RESULTS / 'workers.svg')}")
    for page, parts in PAGES.items():
        for name, table in parts:
            between_markers(page, name, table(results))
        click.echo(f"wrote {page}")


if __name__ == "__main__":
    main()
