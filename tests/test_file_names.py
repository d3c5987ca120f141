"""pytest imports test files by their bare names: no two folders may have the same one."""

from collections import Counter
from pathlib import Path


def test_each_test_file_has_a_name_of_its_own() -> None:
    """Of two with one name, only the first that is collected would run."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
