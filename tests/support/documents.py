"""The documents for programs: written by hand in YAML, and served as JSON, too.

    make documents

writes the JSON anew. It is in the repository because reading YAML takes a library that a server
does not need otherwise.
"""

import json
from pathlib import Path

import yaml

NAMES = ("asyncapi", "openapi")


def as_json(text: bytes) -> bytes:
    """The same document in JSON."""
    return json.dumps(yaml.safe_load(text), ensure_ascii=False, indent=1).encode() + b"\n"


def main() -> None:
    """Write those of this checkout."""
    folder = Path(__file__).parents[2] / "camrelay" / "web"
    for name in NAMES:
        written = (folder / f"{name}.yaml").read_bytes()
        (folder / f"{name}.json").write_bytes(as_json(written))


if __name__ == "__main__":
    main()
