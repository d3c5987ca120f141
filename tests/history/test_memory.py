"""What only the history in memory does: it lives on a few megabytes."""

import pytest
import pytest_twisted

from camrelay.core.history import Keep
from camrelay.history.memory import ENTRY_OVERHEAD, ROOM_OVERHEAD, MemoryHistory
from camrelay.testing import ManualClock
from tests.support.kept import Kept, texts

ANY, OTHER, THIRD = "/ws/chat/any", "/ws/chat/other", "/ws/chat/third"
LINE = "x" * 500
ENTRY = ENTRY_OVERHEAD + len(LINE)


def kept_within(room: int = 1 << 20, total: int = 64 << 20) -> Kept:
    """A history with room for so many lines in a room, and in all rooms."""
    clock = ManualClock()
    bounds = (ROOM_OVERHEAD + room * ENTRY, total * (ROOM_OVERHEAD + ENTRY))
    return Kept(MemoryHistory(clock, *bounds), clock)


async def say_in_new_room(kept: Kept, path: str) -> None:
    """Somebody comes, says a line and goes."""
    await kept.open(path)
    await kept.say(path, LINE)
    kept.close(path)


@pytest_twisted.ensureDeferred
async def test_a_room_has_so_many_bytes() -> None:
    """Its oldest entries go first."""
    kept = kept_within(room=3)
    await kept.open(ANY)
    await kept.say(ANY, *[LINE] * 5)
    page = await kept.read(ANY, 0)
    assert (page.first, page.top, len(page.entries)) == (3, 5, 3)


@pytest_twisted.ensureDeferred
async def test_where_bytes_are_short_the_room_that_was_silent_for_longest_goes() -> None:
    """It begins in a new epoch: its count is lost."""
    kept = kept_within(total=2)
    opened = await kept.open(ANY)
    kept.close(ANY)
    for path in (ANY, OTHER):
        await say_in_new_room(kept, path)
    await say_in_new_room(kept, ANY)  # 2 entries, in the room that was touched last
    await say_in_new_room(kept, THIRD)
    again = await kept.open(OTHER)
    assert again.offset == 0
    assert again.epoch != opened.epoch
    assert len((await kept.read(OTHER)).entries) == 0
    await kept.open(THIRD)
    assert len((await kept.read(THIRD)).entries) == 1


@pytest_twisted.ensureDeferred
async def test_an_open_room_that_loses_its_entries_counts_on() -> None:
    """Its members do not notice, unless they ask for what was before."""
    kept = kept_within(total=1)
    opened = await kept.open(ANY)
    await kept.say(ANY, LINE)
    await say_in_new_room(kept, OTHER)
    page = await kept.read(ANY, 0)
    assert (page.epoch, page.first, page.top, page.entries) == (opened.epoch, 2, 1, ())
    assert [place.offset for place in await kept.say(ANY, LINE)] == [2]


@pytest_twisted.ensureDeferred
async def test_a_million_rooms_take_no_more_bytes_than_allowed() -> None:
    """What a room costs beside its texts counts as well."""
    kept = kept_within(total=10)
    for number in range(100):
        await say_in_new_room(kept, f"/ws/chat/{number}")
    present = [await kept.open(f"/ws/chat/{number}") for number in range(100)]
    assert sum(position.offset for position in present) == 10


@pytest_twisted.ensureDeferred
async def test_another_process_counts_in_another_epoch() -> None:
    """Nothing of what it had is left, and it says so."""
    assert (await kept_within().open(ANY)).epoch != (await kept_within().open(ANY)).epoch


@pytest.mark.parametrize(("seconds", "expected"), [(50.0, [LINE]), (70.0, [])])
@pytest_twisted.ensureDeferred
async def test_a_closed_room_is_kept_for_its_time(seconds: float, expected: list[str]) -> None:
    """And not for longer, as others come and go."""
    kept = kept_within()
    await kept.open(ANY, Keep(100, 60.0))
    await kept.say(ANY, LINE)
    kept.close(ANY)
    kept.clock.advance(seconds)
    await say_in_new_room(kept, OTHER)
    await kept.open(ANY, Keep(100, 1000.0))
    assert texts((await kept.read(ANY)).entries) == expected
