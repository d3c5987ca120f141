"""A room on Django Channels, as its tutorial writes one (part 3, asynchronous).

CHANNEL_LAYER is the layer: `memory`; `core`, which Channels' documentation uses; or `pubsub`, the
other one of channels_redis. CLUSTER_REDIS is the path of Redis' socket. A core layer drops what
does not fit into CHANNEL_CAPACITY messages for each process, by default 100.
"""

import json
import os

from django.conf import settings

REDIS = f"unix://{os.environ.get('CLUSTER_REDIS', '')}"
LAYERS = {
    "memory": {"BACKEND": "channels.layers.InMemoryChannelLayer"},
    "core": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # Every consumer waits on a connection of its own; the client's default allows 100.
            "hosts": [{"address": REDIS, "max_connections": 16000}],
            "capacity": int(os.environ.get("CHANNEL_CAPACITY", "100")),
        },
    },
    "pubsub": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS}]},
    },
}

settings.configure(
    SECRET_KEY="only for benchmarks",
    ALLOWED_HOSTS=["*"],
    CHANNEL_LAYERS={"default": LAYERS[os.environ["CHANNEL_LAYER"]]},
)

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class CameraConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        self.group = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data):
        pose = json.loads(text_data)
        await self.channel_layer.group_send(self.group, {"type": "pose.message", "pose": pose})

    async def pose_message(self, event):
        await self.send(text_data=json.dumps(event["pose"]))


application = ProtocolTypeRouter(
    {"websocket": URLRouter([path("ws/<str:room>", CameraConsumer.as_asgi())])}
)
