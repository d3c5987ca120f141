"""Keys that are believed no more, found out without a token that asks for one."""

from camrelay.identity.retired import RetiredKeys


class Watched:
    """Keys that change, and what was said about it."""

    def __init__(self, *keys: str) -> None:
        """These are believed at first."""
        self.keys = frozenset(keys)
        self.told: list[object] = []
        self.retired = RetiredKeys(lambda: self.keys, self.told.append)

    def change(self, *keys: str) -> None:
        """From now on these are."""
        self.keys = frozenset(keys)
        self.retired.look()


def test_a_key_that_is_gone_is_told_once() -> None:
    """With those that are left; also when another one has come in its place."""
    watched = Watched("a", "b")
    watched.change("b", "c")
    assert watched.told == [{"b", "c"}]
    watched.retired.look()
    assert len(watched.told) == 1
    watched.change()
    assert watched.told[1:] == [set()]


def test_a_key_that_is_new_is_no_matter() -> None:
    """Nobody has to go for it."""
    watched = Watched("a")
    watched.change("a", "b")
    assert watched.told == []
