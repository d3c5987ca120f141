"""`python -m camrelay ARGUMENTS` is `twist camrelay ARGUMENTS`."""

import sys

from twisted.application.twist._twist import Twist

if __name__ == "__main__":
    Twist.main(["twist", "camrelay", *sys.argv[1:]])
