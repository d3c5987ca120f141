"""`python -m camrelay ARGUMENTS` is `twist --log-format=text camrelay ARGUMENTS`.

The format is named because twist, when no terminal listens, would write Twisted's own records.
"""

import sys

from twisted.application.twist._twist import Twist

if __name__ == "__main__":
    Twist.main(["twist", "--log-format=text", "camrelay", *sys.argv[1:]])
