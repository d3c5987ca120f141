"""What every history promises to a relay, wherever it keeps things."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_twisted

from camrelay.core.history import Entry, Keep, Page, Position, Said
from camrelay.core.kinds.kind import Message
from camrelay.history.memory import MemoryHistory
from camrelay.redis.history import RedisHistory
from camrelay.testing import ManualClock, RecordingJournal
from tests.support.kept import Kept, said, texts
from tests.support.links import WatchedLink, within
from tests.support.redis import RedisServer, redis_server
from tests.support.sqlite_history import sqlite_history

__all__ = ["redis_server"]

LOBBY = "/ws/chat/lobby"
HALL = "/ws/chat/Café-大厅"


class Place(NamedTuple):
    """What a history may use."""

    clock: ManualClock
    directory: Path
    server: RedisServer


async def in_memory(place: Place) -> AsyncIterator[Kept]:
    """Everything is answered at once."""
    yield Kept(MemoryHistory(place.clock), place.clock)


async def in_sqlite(place: Place) -> AsyncIterator[Kept]:
    """A file of its own, in a thread."""
    async with sqlite_history(place.directory, place.clock) as kept:
        yield kept


async def in_redis(place: Place) -> AsyncIterator[Kept]:
    """Everything is answered by a real Redis."""
    link = WatchedLink(place.server.url)
    history = RedisHistory(link, place.clock, RecordingJournal())
    link.startService()
    history.startService()
    await within(link.when_up())
    yield Kept(history, place.clock)
    history.stopService()
    await within(link.stopService())


@pytest_twisted.async_yield_fixture(params=[in_memory, in_sqlite, in_redis])
async def kept(
    request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer
) -> AsyncIterator[Kept]:
    """The same questions to each history, which is empty at first."""
    async for kept in request.param(Place(ManualClock(), tmp_path, redis_server)):
        yield kept


# Appending


@pytest_twisted.ensureDeferred
async def test_a_room_counts_from_one(kept: Kept) -> None:
    """Behind the position at which it was opened, each entry gets the next place."""
    opened = await kept.open(LOBBY)
    assert opened.epoch
    assert opened.offset == 0
    places = await kept.say(LOBBY, "one", "two", "three")
    assert places == [Position(opened.epoch, offset) for offset in (1, 2, 3)]


@pytest_twisted.ensureDeferred
async def test_what_is_stored_is_told_as_it_was_said(kept: Kept) -> None:
    """Nothing is lost of it, not even a byte that is no text."""
    await kept.open(LOBBY)
    sayings = [
        Said("node-1", "Zoë 大", 1767225600.123456, Message("¡Olá! 你好".encode())),
        Said("node-2", "", 1767225601.5, Message(b'{"x":1.0}', key="camera 7")),
        Said("node-3", "Ben", 1767225602.0, Message(bytes(range(256)) * 256, is_binary=True)),
        Said("node-3", "Ben", 1767225602.0, Message(b"")),
    ]
    for each in sayings:
        kept.append_soon(LOBBY, each)
    await kept.settle()
    expected = [Entry(offset, each) for offset, each in enumerate(sayings, 1)]
    assert kept.entries[LOBBY] == expected
    assert list((await kept.read(LOBBY)).entries) == expected


@pytest_twisted.ensureDeferred
async def test_what_is_appended_fast_keeps_its_order(kept: Kept) -> None:
    """In each room for itself, without a hole, although nobody waits for an answer."""
    await kept.open(LOBBY)
    await kept.open(HALL)
    lines = [f"line {number}" for number in range(500)]
    for line in lines:
        kept.say_soon(LOBBY, line)
        kept.say_soon(HALL, line, f"{line} again")
    await kept.settle()
    assert kept.told(LOBBY) == texts((await kept.read(LOBBY)).entries) == lines
    assert [entry.offset for entry in kept.entries[HALL]] == list(range(1, 1001))
    assert kept.breaks == []


# Reading


@pytest_twisted.ensureDeferred
async def test_the_newest_are_read_without_a_place(kept: Kept) -> None:
    """As many as were asked for, oldest first."""
    opened = await kept.open(LOBBY)
    await kept.say(LOBBY, *"abcde")
    page = await kept.read(LOBBY, limit=2)
    assert texts(page.entries) == ["d", "e"]
    assert page == Page(opened.epoch, 1, 5, page.entries)


@pytest_twisted.ensureDeferred
async def test_what_came_behind_a_place_is_read_in_parts(kept: Kept) -> None:
    """The end of one part is the place of the next."""
    await kept.open(LOBBY)
    await kept.say(LOBBY, *"abcde")
    assert texts((await kept.read(LOBBY, 0, 2)).entries) == ["a", "b"]
    assert texts((await kept.read(LOBBY, 2, 2)).entries) == ["c", "d"]
    assert texts((await kept.read(LOBBY, 4, 2)).entries) == ["e"]
    page = await kept.read(LOBBY, 5, 2)
    assert (list(page.entries), page.top) == ([], 5)
    page = await kept.read(LOBBY, 17, 2)
    assert (list(page.entries), page.top) == ([], 5)


@pytest_twisted.ensureDeferred
async def test_a_room_without_a_word_is_read(kept: Kept) -> None:
    """There is nothing, and the first entry will be number one."""
    opened = await kept.open(LOBBY)
    for after in (None, 0):
        page = await kept.read(LOBBY, after)
        assert (page.epoch, page.first, page.top, list(page.entries)) == (opened.epoch, 1, 0, [])


@pytest_twisted.ensureDeferred
async def test_what_was_appended_before_is_read(kept: Kept) -> None:
    """A question sees everything that was appended before it, also what is not answered yet."""
    await kept.open(LOBBY)
    kept.say_soon(LOBBY, "one", "two")
    asked = kept.read_soon(LOBBY)
    kept.say_soon(LOBBY, "three")
    assert texts((await kept.answer(asked)).entries)[:2] == ["one", "two"]


# Bounds


@pytest_twisted.ensureDeferred
async def test_a_room_keeps_so_many(kept: Kept) -> None:
    """The oldest go; the page says from where on there is something."""
    await kept.open(LOBBY, Keep(3, 1000.0))
    await kept.say(LOBBY, *"abcdefghij")
    for after, expected in [(None, "hij"), (0, "hij"), (6, "hij"), (8, "ij"), (10, "")]:
        page = await kept.read(LOBBY, after)
        assert (page.first, page.top) == (8, 10)
        assert "".join(texts(page.entries)) == expected
    assert "".join(texts((await kept.read(LOBBY, 2, limit=1)).entries)) == "h"


@pytest_twisted.ensureDeferred
async def test_a_room_keeps_so_long(kept: Kept) -> None:
    """Whether or not anything is said meanwhile; the count goes on."""
    await kept.open(LOBBY, Keep(1000, 60.0))
    await kept.say(LOBBY, "old", "old too")
    kept.clock.advance(40.0)
    await kept.say(LOBBY, "newer")
    kept.clock.advance(30.0)
    page = await kept.read(LOBBY, 0)
    assert (page.first, page.top, texts(page.entries)) == (3, 3, ["newer"])
    kept.clock.advance(40.0)
    page = await kept.read(LOBBY)
    assert (page.first, page.top, list(page.entries)) == (4, 3, [])
    assert [place.offset for place in await kept.say(LOBBY, "newest")] == [4]
    assert texts((await kept.read(LOBBY, 0)).entries) == ["newest"]


@pytest_twisted.ensureDeferred
async def test_a_clock_that_is_set_back_makes_no_hole(kept: Kept) -> None:
    """An older time behind a newer one goes when the newer one goes, not before."""
    await kept.open(LOBBY, Keep(1000, 60.0))
    now = kept.clock.unix()
    for line, at in (("first", now), ("second", now - 50.0), ("third", now)):
        await kept.append(LOBBY, said(line, at))
    kept.clock.advance(30.0)
    page = await kept.read(LOBBY, 0)
    assert (page.first, texts(page.entries)) == (1, ["first", "second", "third"])


# Opening and closing


@pytest_twisted.ensureDeferred
async def test_what_was_said_outlives_the_members(kept: Kept) -> None:
    """Who opens the room again finds it as it was, and the count goes on."""
    opened = await kept.open(LOBBY)
    await kept.say(LOBBY, "one", "two")
    kept.close(LOBBY)
    await kept.open(HALL)
    assert await kept.open(LOBBY) == Position(opened.epoch, 2)
    assert texts((await kept.read(LOBBY, 0)).entries) == ["one", "two"]
    assert await kept.say(LOBBY, "three") == [Position(opened.epoch, 3)]
    assert kept.told(LOBBY) == ["one", "two", "three"]


@pytest_twisted.ensureDeferred
async def test_a_room_that_is_opened_with_another_keep_has_it(kept: Kept) -> None:
    """Also for what was said before."""
    await kept.open(LOBBY)
    await kept.say(LOBBY, *"abc")
    kept.close(LOBBY)
    await kept.open(LOBBY, Keep(2, 1000.0))
    page = await kept.read(LOBBY, 0)
    assert (page.first, texts(page.entries)) == (2, ["b", "c"])


@pytest_twisted.ensureDeferred
async def test_a_closed_room_hears_nothing_and_stores_all(kept: Kept) -> None:
    """What was appended before it closed is answered, but not told any more."""
    await kept.open(LOBBY)
    asked = kept.say_soon(LOBBY, "one", "two")
    told = kept.told(LOBBY)
    kept.close(LOBBY)
    await kept.settle()
    assert [each.answers[0].offset for each in asked] == [1, 2]
    assert kept.told(LOBBY) == told
    await kept.open(LOBBY)
    assert texts((await kept.read(LOBBY, 0)).entries) == ["one", "two"]
    assert kept.told(LOBBY) == told


@pytest_twisted.ensureDeferred
async def test_a_room_that_opens_again_at_once_hears_what_is_new(kept: Kept) -> None:
    """Entries from before are behind the position that it is told, and not told again."""
    await kept.open(LOBBY)
    kept.say_soon(LOBBY, "one", "two")
    kept.close(LOBBY)
    asked = kept.open_soon(LOBBY)
    kept.say_soon(LOBBY, "three")
    await kept.settle()
    assert asked.answers[0].offset == 2
    assert kept.told(LOBBY)[-1] == "three"
    assert texts((await kept.read(LOBBY, 0)).entries) == ["one", "two", "three"]


@pytest_twisted.ensureDeferred
async def test_a_room_may_come_and_go(kept: Kept) -> None:
    """As often and as fast as it likes."""
    for number in range(50):
        asked = kept.open_soon(LOBBY)
        kept.say_soon(LOBBY, str(number))
        kept.close(LOBBY)
    await kept.settle()
    assert asked.answers[0].offset == 49
    await kept.open(LOBBY)
    page = await kept.read(LOBBY, 0)
    assert texts(page.entries) == [str(number) for number in range(50)]


@pytest_twisted.ensureDeferred
async def test_a_room_without_a_word_may_close_and_keeps_its_epoch(kept: Kept) -> None:
    """Who was there before has missed nothing: the place is still good."""
    opened = await kept.open(LOBBY)
    kept.close(LOBBY)
    assert await kept.open(LOBBY) == opened


@pytest_twisted.ensureDeferred
async def test_an_offset_is_never_given_twice_in_an_epoch(kept: Kept) -> None:
    """Where everything has become too old, the count goes on, or begins in a new epoch."""
    opened = await kept.open(LOBBY, Keep(1000, 60.0))
    await kept.say(LOBBY, "one", "two")
    kept.close(LOBBY)
    kept.clock.advance(3600.0)
    await kept.open(HALL)
    again = await kept.open(LOBBY, Keep(1000, 60.0))
    assert again.epoch != opened.epoch or again.offset == 2
    assert (await kept.read(LOBBY, 0)).entries == ()
