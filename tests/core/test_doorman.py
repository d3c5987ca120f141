"""How many connections there are, and who has to wait outside."""

import pytest

from camrelay.core.doorman import COURTESY, Doorman
from camrelay.core.errors import Denied


def refusal(doorman: Doorman, address: str | None) -> Denied:
    """How the doorman keeps a connection from `address` out."""
    with pytest.raises(Denied) as caught:
        doorman.admit(address)
    return caught.value


def crowd(doorman: Doorman, count: int) -> None:
    """So many connections arrive, and every one is let in."""
    for _ in range(count):
        assert doorman.arrive()


def test_without_limits_everybody_comes_in() -> None:
    """0 is no limit, neither in all nor for one address."""
    doorman = Doorman(0, 0)
    for _ in range(1000):
        assert doorman.arrive()
        doorman.admit("198.51.100.7")


def test_a_doorman_who_refuses_says_when_to_come_back() -> None:
    """Each time anew, even where there would be seats; who has one keeps it."""
    doorman = Doorman(0, 0)
    crowd(doorman, 3)
    doorman.admit("198.51.100.7")
    times = iter([7, 3])
    doorman.refuse(lambda: next(times))
    refused = [refusal(doorman, "198.51.100.8"), refusal(doorman, None)]
    assert [(denied.status, denied.retry_after) for denied in refused] == [(503, 7), (503, 3)]
    assert refused[0].text == "this server is going away: come back in 7 s"
    assert not doorman.is_empty


def test_a_full_house_says_so() -> None:
    """One connection more than there are seats is answered with 503."""
    doorman = Doorman(2, 0)
    crowd(doorman, 2)
    doorman.admit("198.51.100.7")
    doorman.admit("198.51.100.8")
    crowd(doorman, 1)
    refused = refusal(doorman, "198.51.100.9")
    assert (refused.status, refused.text) == (503, "this server is full: try again later")


def test_a_crowd_before_a_full_house_is_not_answered() -> None:
    """Only so many may wait for their refusal; the rest costs nothing at all."""
    doorman = Doorman(2, 0)
    crowd(doorman, 2 + COURTESY)
    assert not doorman.arrive()
    doorman.depart()
    assert doorman.arrive()


def test_a_seat_that_was_given_up_is_free_again() -> None:
    """When somebody departs, the next one is admitted."""
    doorman = Doorman(1, 0)
    crowd(doorman, 2)
    refusal(doorman, "198.51.100.7")
    doorman.depart()
    doorman.admit("198.51.100.7")


def test_one_address_has_so_many_connections() -> None:
    """One more is answered with 429 and the option that decides; others come in as ever."""
    doorman = Doorman(0, 2)
    doorman.admit("198.51.100.7")
    doorman.admit("198.51.100.7")
    refused = refusal(doorman, "198.51.100.7")
    assert refused.status == 429
    assert refused.text == (
        "198.51.100.7 already has 2 connections here (the operator's --connections-per-address)"
    )
    doorman.admit("198.51.100.8")


def test_who_leaves_gives_up_one_seat() -> None:
    """The other connections of the address keep theirs."""
    doorman = Doorman(0, 2)
    doorman.admit("198.51.100.7")
    doorman.admit("198.51.100.7")
    doorman.leave("198.51.100.7")
    doorman.admit("198.51.100.7")
    assert refusal(doorman, "198.51.100.7").status == 429


def test_who_was_refused_takes_no_seat() -> None:
    """A refused connection has nothing to give up, and does not count against its address."""
    doorman = Doorman(0, 1)
    doorman.admit("198.51.100.7")
    refusal(doorman, "198.51.100.7")
    doorman.leave("198.51.100.7")
    doorman.admit("198.51.100.7")


def test_connections_without_an_address_are_not_counted_by_address() -> None:
    """Over a unix socket everybody would look the same."""
    doorman = Doorman(0, 1)
    for _ in range(3):
        doorman.admit(None)
    doorman.leave(None)
    doorman.admit(None)


def test_the_house_is_empty_when_all_have_departed() -> None:
    """That is what a server waits for before it ends."""
    doorman = Doorman(0, 0)
    assert doorman.is_empty
    crowd(doorman, 2)
    assert not doorman.is_empty
    doorman.depart()
    assert not doorman.is_empty
    doorman.depart()
    assert doorman.is_empty


def test_addresses_that_left_are_forgotten() -> None:
    """The memory of a doorman does not grow with everybody who was ever there."""
    doorman = Doorman(0, 5)
    for number in range(1000):
        doorman.admit(f"address {number}")
        doorman.leave(f"address {number}")
    assert not doorman._by_address
