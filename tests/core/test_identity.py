"""Who somebody is."""

from camrelay.core.identity import Identity


def test_somebody_is_shown_by_name() -> None:
    """Or by the subject, when the token says no name."""
    assert Identity("user-7", "Alice").shown_as == "Alice"
    assert Identity("user-7").shown_as == "user-7"
