"""`camrelay bench`: how much can a WebSocket relay take?

A load client has to be faster than what it measures. camrelay delivers up to several million
messages a second on one core, so this client is written around one hot loop (`reading.py`) on raw
non-blocking sockets and epoll, without Twisted: a delivery costs a share of one recv() and of one
comparison, never a Python function call. Everything around that loop is ordinary code.

    plan.py        what is asked for            board.py      counters the processes share
    dialect.py     how the server is spoken to  fleet.py      the client processes
    address.py     where the server is          measure.py    one run: start, watch, collect
    frames.py      RFC 6455 for a client        find_limit.py the search over runs
    handshake.py   one connection, to ready     usage.py      CPU and memory of the server
    dial.py        many of them at once         histogram.py  percentiles
    reading.py     the hot loop                 progress.py   one line a second
    pacing.py      when to publish              report.py     table and JSON
    churn.py       clients that come and go     command.py    the command line
    client.py      one client process
"""
