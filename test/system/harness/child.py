# SPDX-License-Identifier: BSD-3-Clause
"""A process beside the tests' own that does one thing until it is killed."""

import os
import signal

from .net import die_with_parent


class Child:
    def __init__(self, work):
        self.pid = os.fork()
        if self.pid == 0:
            try:
                die_with_parent()
                for which in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
                    signal.signal(which, signal.SIG_DFL)
                work()
            finally:
                os._exit(1)

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
