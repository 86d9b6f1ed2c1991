# SPDX-License-Identifier: BSD-3-Clause
"""Time that a CPU did not run at all, though its kernel counts it as used: a hypervisor gave it to others."""

import mmap
import os
import struct
import time

from .child import Child

SLEEP_S, LATE_S = 0.002, 0.001      # a task that is first of all wakes later than that only if nobody could run
PRIORITY = 50


class Watch:
    """A process on this process's CPU, before all others there: it sleeps, and adds up how late it was woken."""

    def __init__(self):
        self.sum = mmap.mmap(-1, 8)
        self.child = Child(self._watch)

    def _watch(self):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        stolen_s, before = 0.0, time.monotonic()
        while True:
            time.sleep(SLEEP_S)
            now = time.monotonic()
            late_s = now - before - SLEEP_S
            if late_s > LATE_S:
                stolen_s += late_s
                self.sum[:] = struct.pack("d", stolen_s)
            before = now

    def stolen_s(self):
        return struct.unpack("d", self.sum[:])[0]

    def close(self):
        self.child.kill()
