"""Channels: named queues between processes, and groups of them.

    camrelay.channels.local       within one process
    camrelay.channels.redis       across processes and machines, for Twisted
    camrelay.channels.blocking    the same channels for plain code, such as a Django view

What they promise is written down in camrelay.channels.promises.
"""
