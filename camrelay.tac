"""camrelay for `twistd -y camrelay.tac`; its options come from CAMRELAY_ARGS and the environment."""

import os
import shlex

from twisted.application.service import Application

from camrelay.tap import Options, makeService

options = Options()
options.parseOptions(shlex.split(os.environ.get("CAMRELAY_ARGS", "")))
application = Application("camrelay")
makeService(options).setServiceParent(application)
