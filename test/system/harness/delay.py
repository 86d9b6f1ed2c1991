# SPDX-License-Identifier: BSD-3-Clause
"""How long a VM's packets wait in weir, by weir's own clock, in short windows.  One in which weir itself lost time (telemetry
tells it), and the one after that, are left out and counted, but never judged: others had weir's CPU then."""

import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))

from lib_weir.delays import CLASSES, DIRECTIONS, Delays  # noqa: E402

__all__ = ["CLASSES", "DIRECTIONS", "Delays", "Watch"]

WINDOW_S = 0.1
LOST = 0.003        # of a window: with more, one packet of a hundred may have waited for weir, and not for others
PATIENCE = 3        # times as long as wanted


class Watch:
    """Of one VF, direction and class.  Phases have names, and are compared by them."""

    def __init__(self, rig, vf, direction="tx", tclass="medium"):
        self.rig, self.what = rig, (vf, direction, tclass)
        self.phases = {}        # by name: what left, of each phase that counts
        self.left_out = self.counted = 0

    def read(self):
        return Delays.read(self.rig.ask, *self.what)

    def window(self, before):
        """-> what left in it, whether weir lost no time, and the reading at its end."""
        time.sleep(WINDOW_S)
        now = self.read()
        span = now.since(before)
        return span, span.lost_ns <= LOST * span.uptime_ns, now

    def phase(self, name, seconds, action=None):
        """What is to be watched goes on already, and does so to the end; or an action begins it."""
        before, was_good, windows, wanted = self.read(), True, [], round(seconds / WINDOW_S)
        if action:
            action()
        for i in range(wanted * (1 if action else PATIENCE)):
            span, is_good, before = self.window(before)
            if is_good and was_good:
                windows.append(span)
            elif action and i == 0:
                return          # the moment itself was not seen
            was_good = is_good
            if len(windows) == wanted:
                break
        self.counted += len(windows)
        self.left_out += i + 1 - len(windows)
        if len(windows) >= wanted / 2:
            whole = Delays.sum(windows)
            assert whole.n > 0, "no packet left in the phase '%s'" % name
            self.phases.setdefault(name, []).append(whole)

    def quantile_ns(self, name, share):
        """The median over all phases of this name; None: none counted."""
        return statistics.median(p.quantile_ns(share) for p in self.phases[name]) if name in self.phases else None
