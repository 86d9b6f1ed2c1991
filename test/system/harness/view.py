# SPDX-License-Identifier: BSD-3-Clause
"""weir's counters as the tests ask for them."""

import contextlib
import os
import subprocess
import time

WEIRCTL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../scripts/weirctl")


def weirctl(rig, *args, check=True):
    """-> the finished process: what an operator sees."""
    return subprocess.run([WEIRCTL, "-f", rig.weir.prefix, *args], capture_output=True, check=check, text=True, timeout=60)


def done(rig, request):
    """-> the answer to what must succeed."""
    answer = rig.ask(request)
    assert "error" not in answer, "%s answers %s" % (request, answer)
    return answer


def wait_until(condition, what, timeout_s=3.0):
    until = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until:
            raise AssertionError("not within %g s: %s" % (timeout_s, what))
        time.sleep(0.01)


class View:
    """Of a running weir.  The PF stands in as "pf"."""

    def __init__(self, weir):
        self.weir = weir

    def direction(self, name, direction):
        answer = self.weir.ask("/weir/pf" if name == "pf" else "/weir/vf," + name)
        assert "error" not in answer, answer
        return answer[direction]

    def drop_count(self, name, reason, direction="tx"):
        """name: a VF, "pf", or "nobody" for senders that no VF is."""
        if name == "nobody":
            return self.weir.ask("/weir/info")["unknown_sender_drops"][reason]
        return self.direction(name, direction)["drops"].get(reason, 0)

    def all_drops(self, name, direction="tx"):
        return {reason: n for reason, n in self.direction(name, direction)["drops"].items() if n}

    def out_pkts(self, name, direction):
        return self.direction(name, direction)["out_pkts"]

    @contextlib.contextmanager
    def drops(self, name, reason, count, direction="tx"):
        """The block makes exactly this many drops of this reason."""
        before = self.drop_count(name, reason, direction)
        yield
        wait_until(lambda: self.drop_count(name, reason, direction) >= before + count,
                   "%d drops of %s by %s; %d came" % (count, name, reason,
                                                       self.drop_count(name, reason, direction) - before))
        seen = self.drop_count(name, reason, direction) - before
        assert seen == count, "%d drops of %s by %s, wanted %d" % (seen, name, reason, count)
