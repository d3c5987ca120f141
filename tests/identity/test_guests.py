"""Guests: identities with a name of their own choice, and nothing else."""

import pytest

from camrelay.core.errors import Denied
from camrelay.core.identity import Grants
from camrelay.core.names import room_name
from camrelay.identity.guests import guest_identity


def test_a_guest_has_a_name_and_a_subject_that_nobody_chose() -> None:
    """Two guests of the same name are two people, and neither was granted anything."""
    one, other = guest_identity("  Alice "), guest_identity("Alice")
    assert one.name == other.name == one.shown_as == "Alice"
    assert one.subject != other.subject
    assert one.is_guest
    assert one.grants == Grants()


def test_a_guest_may_have_a_room() -> None:
    """The subject is a name for one."""
    subject = guest_identity("Alice").subject
    assert subject.startswith("guest-")
    assert room_name(subject) == subject


def test_a_name_that_deceives_is_refused() -> None:
    """By the rule for everything that is shown."""
    with pytest.raises(Denied) as caught:
        guest_identity("Ali\u202ece")
    assert caught.value.status == 400
