"""The HTTP API, beside the pages on the same port: what programs do that are no members of a room.

Each module has the calls of one idea; `table.py` says which path leads to which. It is described
for programs in camrelay/web/openapi.yaml, which the server serves.
"""
