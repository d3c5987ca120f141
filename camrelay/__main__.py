"""`python -m camrelay ARGUMENTS` is `twistd --nodaemon --pidfile= camrelay ARGUMENTS`."""

import sys

from twisted.scripts.twistd import run

if __name__ == "__main__":
    sys.argv[:] = ["twistd", "--nodaemon", "--pidfile=", "camrelay", *sys.argv[1:]]
    run()
