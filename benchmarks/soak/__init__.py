"""An hour of everything that happens to a server, to see that nothing of it stays behind.

make soak                          # one hour
make soak ARGS="--seconds 60"
"""
