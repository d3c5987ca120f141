"""The operations on channels in Redis, each atomic: Lua scripts, and the keys they use.

A channel is a list of entries: 13 digits, a colon, the message. The digits are the time at which
the message expires, in milliseconds of Redis' own clock, so that machines need not agree on the
time. Beside it stands the bell of the channel, a list that holds a token for each message of which
no waiting receiver knows yet. Who waits, waits for a token (BLPOP) and then takes a message: one
who is gone before it takes it loses a token and no message. Tokens are hints: at worst a receiver
looks in vain, or finds a message without being told. A group is a sorted set of channels, each
with the time at which its membership expires.

Only Redis 6.2 is needed. In a Redis Cluster these keys would be on different nodes.
"""

from typing import Any

from camrelay.channels.promises import GroupSent

QUEUE, BELL, GROUP = "camrelay:channel:", "camrelay:bell:", "camrelay:group:"
STAMP_LENGTH = 14
"""The digits and the colon."""

# Seconds after which a receiver looks although nobody rang: a token may have been lost.
LOOK_AGAIN = 2.0
# Seconds after which a Redis that could not be asked is asked again.
ASK_AGAIN = 0.5


def milliseconds(seconds: float) -> int:
    """As the scripts want times; never 0."""
    return max(1, round(seconds * 1000))


def queue_key(channel: str) -> bytes:
    """The list of a channel."""
    return f"{QUEUE}{channel}".encode()


def bell_key(channel: str) -> bytes:
    """The tokens of a channel."""
    return f"{BELL}{channel}".encode()


def group_key(group: str) -> bytes:
    """The members of a group."""
    return f"{GROUP}{group}".encode()


_NOW = b"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_QUEUE = (
    _NOW
    + b"""
local function keep(key, milliseconds)
    if redis.call('PTTL', key) < milliseconds then
        redis.call('PEXPIRE', key, milliseconds)
    end
end

local function drop_expired(queue)
    local head = redis.call('LINDEX', queue, 0)
    while head and tonumber(string.sub(head, 1, 13)) <= now do
        redis.call('LPOP', queue)
        head = redis.call('LINDEX', queue, 0)
    end
end

local function ring(bell, queue, milliseconds)
    if redis.call('LLEN', bell) < redis.call('LLEN', queue) then
        redis.call('RPUSH', bell, '')
        keep(bell, milliseconds)
    end
end

local function send(queue, bell, message, expiry, capacity)
    drop_expired(queue)
    if redis.call('LLEN', queue) >= capacity then
        return false
    end
    redis.call('RPUSH', queue, string.format('%013d:', now + expiry) .. message)
    keep(queue, expiry)
    ring(bell, queue, expiry)
    return true
end
"""
)

SEND = (
    _QUEUE
    + b"""
-- KEYS: queue, bell. ARGV: message, expiry, capacity. Gives 1, or 0 when the channel is full.
return send(KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])) and 1 or 0
"""
)

RECEIVE = (
    _QUEUE
    + b"""
-- KEYS: queue, bell. ARGV: how many. Gives up to so many entries.
drop_expired(KEYS[1])
local entries = {}
while #entries < tonumber(ARGV[1]) do
    local entry = redis.call('LPOP', KEYS[1])
    if not entry then break end
    if tonumber(string.sub(entry, 1, 13)) > now then
        table.insert(entries, entry)
    end
end
local left = redis.call('LLEN', KEYS[1])
if left == 0 then
    redis.call('DEL', KEYS[2])
else
    redis.call('LTRIM', KEYS[2], 0, left - 1)
end
return entries
"""
)

PUT_BACK = (
    _QUEUE
    + b"""
-- KEYS: queue, bell. ARGV: entries that were received last, in order. Nobody got them after all.
for number = #ARGV, 1, -1 do
    local remaining = tonumber(string.sub(ARGV[number], 1, 13)) - now
    if remaining > 0 then
        redis.call('LPUSH', KEYS[1], ARGV[number])
        keep(KEYS[1], remaining)
        ring(KEYS[2], KEYS[1], remaining)
    end
end
"""
)

RING = (
    _QUEUE
    + b"""
-- KEYS: queue, bell. Somebody took a token who wants no message any more.
ring(KEYS[2], KEYS[1], redis.call('PTTL', KEYS[1]))
"""
)

ADD = (
    _NOW
    + b"""
-- KEYS: group. ARGV: channel, milliseconds.
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
"""
)

SEND_TO_GROUP = (
    _QUEUE
    + b"""
-- KEYS: group. ARGV: message, expiry, capacity, prefix of queues, prefix of bells.
-- Gives the number of channels that took it, and then the full ones.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local sent, outcome = 0, {0}
for _, channel in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    local queue, bell = ARGV[4] .. channel, ARGV[5] .. channel
    if send(queue, bell, ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])) then
        sent = sent + 1
    else
        table.insert(outcome, channel)
    end
end
outcome[1] = sent
return outcome
"""
)


def group_sent(outcome: list[Any]) -> GroupSent:
    """What SEND_TO_GROUP answers."""
    sent, *full = outcome
    return GroupSent(sent, tuple(name.decode() for name in full))
