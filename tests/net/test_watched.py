"""Files that are read again when they have changed: when, and what happens meanwhile."""

import os
from pathlib import Path

import pytest

from camrelay.core.errors import StartError
from camrelay.net.watched import PATIENCE, Watched


class Page:
    """A file with a word in it; "bad" is no word."""

    def __init__(self, directory: Path) -> None:
        """The word is "old", and was read."""
        self.file = directory / "page"
        self.read = 0
        self.write("old")
        self.watched = Watched([self.file], self._read)
        self.watched.read()

    def write(self, word: str) -> None:
        """Replace the file, as programs do that write carefully."""
        new = self.file.with_suffix(".new")
        new.write_text(word, "utf-8")
        new.replace(self.file)

    def _read(self) -> str:
        self.read += 1
        try:
            word = self.file.read_text("utf-8")
        except OSError as error:
            raise StartError("--page", str(self.file), "is gone") from error
        if word == "bad":
            raise StartError("--page", word, "is bad")
        return word

    def look_until_refused(self) -> int:
        """How many looks it takes until somebody complains."""
        for looks in range(1, 100):
            try:
                self.watched.look()
            except StartError:
                return looks
        raise AssertionError("nobody complains")


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """A page that was read."""
    return Page(tmp_path)


def test_what_does_not_change_is_read_once(page: Page) -> None:
    """Looking costs nothing but a look."""
    assert not any(page.watched.look() for _ in range(10))
    assert page.read == 1


def test_a_new_file_is_read_once_it_is_at_rest(page: Page) -> None:
    """The first look sees that it changes, the second that it does so no more."""
    page.write("new")
    assert not page.watched.look()
    assert page.watched.value == "old"
    assert page.watched.look()
    assert page.watched.value == "new"
    assert not page.watched.look()


def test_a_file_that_keeps_changing_is_left_alone(page: Page) -> None:
    """It is still being written."""
    for word in ("n", "ne", "new"):
        page.write(word)
        assert not page.watched.look()
    assert page.read == 1


def test_permissions_count_as_a_change(page: Page) -> None:
    """Whoever was told to run chmod wants no more than that."""
    page.file.chmod(0o600)
    page.watched.look()
    assert page.watched.look()


def test_what_a_link_leads_to_counts(tmp_path: Path) -> None:
    """certbot and Kubernetes leave the file as it is and turn the link."""
    for word in ("old", "new"):
        (tmp_path / word).write_text(word, "utf-8")
    link = tmp_path / "link"
    link.symlink_to("old")
    watched = Watched([link], lambda: link.read_text("utf-8"))
    watched.read()
    (tmp_path / "turned").symlink_to("new")
    os.replace(tmp_path / "turned", link)
    watched.look()
    assert watched.look()
    assert watched.value == "new"


@pytest.mark.parametrize("word", ["bad", None], ids=["bad", "gone"])
def test_what_makes_no_sense_is_complained_of_once(page: Page, word: str | None) -> None:
    """After some looks, since the rest may be on its way; the value stays."""
    if word is None:
        page.file.unlink()
    else:
        page.write(word)
    assert page.look_until_refused() == PATIENCE + 1
    assert page.watched.is_refused
    assert page.watched.value == "old"
    assert not any(page.watched.look() for _ in range(10))


def test_a_file_that_makes_sense_again_is_taken(page: Page) -> None:
    """Whatever was complained of before."""
    page.write("bad")
    page.look_until_refused()
    page.write("new")
    page.watched.look()
    assert page.watched.look()
    assert (page.watched.value, page.watched.is_refused) == ("new", False)


def test_what_was_never_read_is_read_by_a_look(tmp_path: Path) -> None:
    """A file that turned up in a directory needs no change to be taken."""
    (tmp_path / "page").write_text("new", "utf-8")
    watched = Watched([tmp_path / "page"], lambda: "new")
    assert watched.look()
    assert watched.value == "new"
