"""Servers are killed under chat load: nobody notices but for the pause.

tests/faults/test_kills.py does it twenty times.
"""

from pathlib import Path

from tests.support.kills import kill_alone, kill_in_turn

KILLS = 3


def test_a_server_that_is_killed_loses_nothing_that_it_told(tmp_path: Path) -> None:
    """Everybody hears everything once and in order, and what was acknowledged is in its place."""
    account, integrity = kill_alone(tmp_path, KILLS)
    assert account.is_whole, account
    assert integrity == [("ok",)]
    assert account.resumed >= KILLS
    assert account.acknowledged > 100


def test_clients_of_a_node_that_is_killed_go_on_at_another(tmp_path: Path) -> None:
    """The same, with two nodes that keep what is said in Redis."""
    account = kill_in_turn(tmp_path, KILLS)
    assert account.is_whole, account
    assert account.resumed >= KILLS
    assert account.acknowledged > 100
