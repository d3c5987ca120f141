"""A room on Django Channels, as its tutorial writes one (part 3, asynchronous).

CHANNEL_LAYER names the layer: `memory`, or the path of a Redis socket.
"""

import json
import os

from django.conf import settings

layer = os.environ["CHANNEL_LAYER"]
settings.configure(
    SECRET_KEY="only for benchmarks",
    ALLOWED_HOSTS=["*"],
    CHANNEL_LAYERS={
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
        if layer == "memory"
        else {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            # Every consumer waits on a connection of its own; the client's default allows 100.
            "CONFIG": {"hosts": [{"address": f"unix://{layer}", "max_connections": 16000}]},
        }
    },
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
