"""The history of a room in Redis: atomic Lua scripts, and the keys they use.

The place of a room is a hash:

    epoch   what offsets count in
    base    the offset behind which the epoch begins: 0, unless what followed was lost
    top     the offset of the newest entry
    at      its time, in milliseconds since 1970; never less than that of an entry before it

Beside it stands the stream, whose ids are `OFFSET-0`. Offsets never begin again within an epoch:
the place outlives the stream by PLACE_SECONDS, and when it is gone all the same (it has expired, or
Redis has lost it) the next one has a new epoch, and what is left of the stream is dropped. Who asks
says what it knows. When Redis knows less (it was restored from an older copy, or a replica that was
behind has become the master), the epoch ends, and what is left is kept in a new one.

Only Redis 6.2 is needed. In a Redis Cluster these keys would be on different nodes.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from camrelay.core.history import Entry, Keep, Page, Position, Said
from camrelay.redis.command import Word
from camrelay.redis.envelope import Unreadable
from camrelay.redis.stored import entry_from_bytes, to_bytes

# Seconds for which a place is remembered after its entries have expired.
PLACE_SECONDS = 7 * 86400.0
# Seconds for which the place of a room is remembered in which nothing was ever said.
EMPTY_SECONDS = 600.0
# Seconds within which a message that is stored again under the same key is not stored again.
ONCE_SECONDS = 3600.0

# Entries and bytes of one step when what was missed is read.
MOST_ENTRIES = 200
MOST_BYTES = 256 << 10

# What is known of a room when nothing is.
NOWHERE = Position("", 0)


def place_key(path: str) -> bytes:
    """The hash with the room's position."""
    return f"camrelay:place:{path}".encode()


def stream_key(path: str) -> bytes:
    """The entries of the room."""
    return f"camrelay:history:{path}".encode()


def once_key(path: str, key: str) -> bytes:
    """Where it is noted that something was stored under `key`."""
    return f"camrelay:once:{path}:{key}".encode()


def milliseconds(seconds: float) -> int:
    """As the scripts want times; never 0."""
    return max(1, round(seconds * 1000))


_BEGIN = b"""
local function begin(epoch)
    redis.call('HSET', KEYS[1], 'epoch', epoch, 'base', 0, 'top', 0, 'at', 0)
    redis.call('DEL', KEYS[2])  -- not first: a full Redis refuses a script before its first write
end
"""

_FIND = (
    _BEGIN
    + b"""
-- ARGV: epoch for a new beginning, milliseconds of an empty place and of another one
local epoch, base, top = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'base', 'top'))
if not epoch then
    begin(ARGV[1])
    epoch, base, top = ARGV[1], 0, 0
end
base, top = tonumber(base), tonumber(top)
redis.pcall('PEXPIRE', KEYS[1], top > 0 and ARGV[3] or ARGV[2])

local function from(offset, count)
    return redis.call('XRANGE', KEYS[2], offset .. '-0', '+', 'COUNT', count) or {}
end

local function offset_of(entry)
    return tonumber(string.match(entry[1], '^%d+'))
end

local function put(entry, reply)
    table.insert(reply, offset_of(entry))
    table.insert(reply, entry[2][2])
end
"""
)

_APPEND = (
    _BEGIN
    + b"""
-- KEYS: place, stream, and perhaps one that notes it.
-- ARGV: channel, entry, its time, epoch for a new beginning, epoch and offset that are known,
-- how many are kept, milliseconds of the stream, of the place and of the note.
local function append()
    if KEYS[3] then
        local epoch, offset = string.match(redis.call('GET', KEYS[3]) or '', '^(.*):(%d+)$')
        if epoch then return {epoch, tonumber(offset), 0} end
    end
    local epoch, top, at = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'top', 'at'))
    if not epoch then
        begin(ARGV[4])
        epoch, top, at = ARGV[4], 0, 0
    elseif epoch == ARGV[5] and tonumber(top) < tonumber(ARGV[6]) then
        epoch = ARGV[4]
        redis.call('HSET', KEYS[1], 'epoch', epoch, 'base', top)
    end
    local offset = redis.call('HINCRBY', KEYS[1], 'top', 1)
    at = math.max(tonumber(at), tonumber(ARGV[3]))
    redis.call('HSET', KEYS[1], 'at', at)
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[7], offset .. '-0', 'e', ARGV[2], 'at', at)
    redis.call('PEXPIRE', KEYS[2], ARGV[8])
    redis.call('PEXPIRE', KEYS[1], ARGV[9])
    if KEYS[3] then
        redis.call('SET', KEYS[3], epoch .. ':' .. offset, 'PX', ARGV[10])
    end
    local version, entry = string.sub(ARGV[2], 1, 1), string.sub(ARGV[2], 2)
    local news = version .. '\\147' .. cmsgpack.pack(epoch) .. cmsgpack.pack(offset) .. entry
    return {epoch, offset, redis.call('PUBLISH', ARGV[1], news)}
end
"""
)

APPEND = _APPEND + b"return append()  -- epoch, offset, how many nodes hear of it"

SAY = _APPEND + b"return append()[3]  -- how many nodes hear of it; 0 when it was there before"

CATCH_UP = (
    _FIND
    + b"""
-- ARGV, further: epoch and offset that are known, how many entries, how many bytes.
-- Gives epoch, base and top, whether there is more, and offset and entry of each, the known one
-- included; all of another epoch; or, when nothing is known, the newest.
local first = top
if ARGV[4] == epoch then
    first = tonumber(ARGV[5])
elseif ARGV[4] ~= '' then
    first = base + 1
end
local reply, size = {epoch, base, top, 0}, 0
for number, entry in ipairs(from(first, ARGV[6] + 1)) do
    size = size + #entry[2][2]
    if number > tonumber(ARGV[6]) or (size > tonumber(ARGV[7]) and number > 2) then
        reply[4] = 1
        break
    end
    put(entry, reply)
end
return reply
"""
)

RENEW = b"""
-- KEYS: place. ARGV: an epoch that has to end, and one that begins behind what is left.
if redis.call('HGET', KEYS[1], 'epoch') == ARGV[1] then
    redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'base', redis.call('HGET', KEYS[1], 'top'))
end
"""

READ = (
    _FIND
    + b"""
-- ARGV, further: how many are kept, since when, the offset before the first (or nothing), how many.
-- Gives epoch, the first offset that is kept, top, where the entries should begin, and offset and
-- entry of each.
local head = from(0, 1)[1]
local low, high = top + 1, top + 1
if head then
    low = math.max(offset_of(head), top + 1 - ARGV[4])
end
while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = from(middle, 1)[1]
    if not entry or tonumber(entry[2][4]) >= tonumber(ARGV[5]) then
        high = middle
    else
        low = middle + 1
    end
end
local first = low
if ARGV[6] ~= '' then
    first = math.max(first, ARGV[6] + 1)
else
    first = math.max(first, top + 1 - ARGV[7])
end
local reply = {epoch, low, top, first}
for _, entry in ipairs(from(first, ARGV[7])) do
    put(entry, reply)
end
return reply
"""
)


class Found(NamedTuple):
    """What CATCH_UP answers: where the room stands, and entries in their order.

    `end`: all up to here that can be read are among them.
    """

    epoch: str
    base: int
    top: int
    end: int
    entries: Sequence[Entry]


def found(reply: list[Any]) -> Found:
    """Read the answer of CATCH_UP."""
    epoch, base, top, is_more, *flat = reply
    end = flat[-2] if is_more else top
    entries = []
    for offset, data in _pairs(flat):
        with suppress(Unreadable):  # as good as gone
            entries.append(entry_from_bytes(offset, data))
    return Found(epoch.decode(), base, top, end, entries)


def page(reply: list[Any]) -> Page:
    """Read the answer of READ: the entries behind the last one that is gone or unreadable."""
    epoch, first, top, begin, *flat = reply
    entries: list[Entry] = []
    following = begin
    for offset, data in _pairs(flat):
        if offset != following:
            entries, first = [], offset
        following = offset + 1
        try:
            entries.append(entry_from_bytes(offset, data))
        except Unreadable:
            entries, first = [], following
    if begin <= top and not flat:
        first = top + 1
    return Page(epoch.decode(), first, top, tuple(entries))


def place(reply: list[Any]) -> Position:
    """Read the answer of APPEND."""
    return Position(reply[0].decode(), reply[1])


def append_words(channel: bytes, keep: Keep, said: Said, known: Position) -> Sequence[Word]:
    """The arguments of APPEND and SAY; `channel` as it is called on the server."""
    return (
        *(channel, to_bytes(said), round(said.at * 1000), new_epoch(), *known, keep.messages),
        *map(milliseconds, (keep.seconds, keep.seconds + PLACE_SECONDS, ONCE_SECONDS)),
    )


def find_words(keep: Keep) -> Sequence[Word]:
    """The arguments that CATCH_UP and READ begin with."""
    seconds = (EMPTY_SECONDS, keep.seconds + PLACE_SECONDS)
    return (new_epoch(), *map(milliseconds, seconds))


def new_epoch() -> str:
    """One that no room had before."""
    return secrets.token_hex(5)


def _pairs(flat: list[Any]) -> Sequence[tuple[int, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))
