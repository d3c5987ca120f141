"""Servers are killed twenty times under chat load, each time at a moment of chance."""

from pathlib import Path

import pytest

from tests.faults.table import Record, add_kills
from tests.support.kills import kill_alone, kill_in_turn

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

KILLS = 20


def test_a_server_is_killed_and_started_again(tmp_path: Path, record_property: Record) -> None:
    """What SQLite was given is there, once and in its place, and everybody hears all of it."""
    account, integrity = kill_alone(tmp_path, KILLS)
    add_kills(record_property, f"one server, SQLite: kill -9, {KILLS} times", account)
    assert account.is_whole, account
    assert integrity == [("ok",)]
    assert account.resumed >= KILLS


def test_one_of_two_nodes_is_killed_in_turn(tmp_path: Path, record_property: Record) -> None:
    """Its people go to the other node and miss nothing there."""
    account = kill_in_turn(tmp_path, KILLS)
    add_kills(record_property, f"two nodes, Redis: kill -9 of one, {KILLS} times", account)
    assert account.is_whole, account
    assert account.resumed >= KILLS
