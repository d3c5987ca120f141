"""Stores each chat message in a database, and only then sends it to the room.

    export REDIS_URL=redis://localhost
    twistd -n camrelay --port 8080 --data-dir data     # with the camrelay.toml of README.md
    twistd -n camrelay-worker --channel said --dead-letter not-stored store_then_say:store_then_say

    TOKEN=$(camrelay token --subject web --send said --data-dir data)
    curl -H "Authorization: Bearer $TOKEN" -d '{"room": "lobby", "user": "Ana", "text": "hello"}' \\
        http://localhost:8080/api/channels/said
"""

import json
import os
import sqlite3

from camrelay.publish import Publisher
from camrelay.redis.blocking import BlockingLink
from camrelay.redis.url import parse

publisher = Publisher(BlockingLink(parse(os.environ["REDIS_URL"])))


def store_then_say(message: bytes) -> None:
    """Called by the worker for each message of the channel, in a thread of its own."""
    said = json.loads(message)
    with sqlite3.connect("chat.sqlite") as database:
        database.execute("CREATE TABLE IF NOT EXISTS said (room, user, text)")
        database.execute("INSERT INTO said VALUES (:room, :user, :text)", said)
    publisher.publish(f"/ws/chat/{said['room']}", {"message": said["text"]}, user=said["user"])
