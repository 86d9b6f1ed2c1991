# SPDX-License-Identifier: BSD-3-Clause
"""Senders that keep a rate, each a process of its own, and rates measured by what the kernel counted at the far end."""

import os
import socket
import time

from .child import Child
from .net import Inside, go_first

TICK_S = 0.001


class Blast:
    """with Blast(net, "a", frames, pps): end a sends these frames in turn, until the block ends.

    Sending never waits for weir: what its port cannot take the kernel drops, as with any guest that sends too much.
    """

    def __init__(self, net, name, frames, pps, stamp=False):
        """stamp: a udp4() frame's first 8 bytes of payload become the time at which it is sent (harness.delay reads it)."""
        self.net, self.name, self.frames, self.pps = net, name, frames, pps
        self.child, self.stamp = None, stamp

    def __enter__(self):
        self.child = Child(self._send)
        return self

    def _send(self):
        go_first()
        with Inside(self.net.guest_ns):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            sock.bind(("g" + self.name, 0))
        frames, n_frames, send = self.frames, len(self.frames), sock.send
        if self.stamp:
            def send(frame):
                sock.send(frame[:42] + time.time_ns().to_bytes(8, "little") + frame[50:])
        start, sent = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - start) * self.pps)
            if due - sent > self.pps * 0.02:    # lost the CPU for long: no storm afterwards
                sent = due - int(self.pps * 0.02)
            while sent < due:
                try:
                    send(frames[sent % n_frames])
                except OSError:
                    pass
                sent += 1
            time.sleep(TICK_S)

    def __exit__(self, *_):
        self.child.kill()


class TooBusy(AssertionError):
    """A rate is too low, but so was the CPU time that weir or the sender got: this machine cannot tell."""


class CpuTime:
    """What weir's data lcores got of their CPUs, told by the kernel."""

    def __init__(self, pid):
        self.tasks, self.cpus = [], set()
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/comm" % (pid, task)) as f:
                if "worker" in f.read():
                    self.tasks.append("/proc/%d/task/%s/schedstat" % (pid, task))
                    self.cpus |= os.sched_getaffinity(int(task))
        self.start_ns, self.before_ns = time.monotonic_ns(), self.used_ns()

    def used_ns(self):
        return sum(int(open(path).read().split()[0]) for path in self.tasks)

    def share(self):
        return (self.used_ns() - self.before_ns) / (time.monotonic_ns() - self.start_ns) / len(self.cpus)


class Rate:
    """What one end received, and sent."""

    def __init__(self, pps, bps, sent_pps):
        self.pps, self.bps, self.sent_pps = pps, bps, sent_pps


class Rates:
    """Packets and bits a second at each end since this was made."""

    def __init__(self, rig):
        self.net = rig.net
        self.ask, self.watch = rig.ask, getattr(rig, "watch", None)
        self.cpu_time, self.missing_before_s = CpuTime(rig.weir.pid), (self._lost_s(), self._stolen_s())
        self.before, self.start_ns = self.net.counters()
        self.by_end, self.cpu_share = {}, 0
        self.lost = self.stolen = 0     # parts: of weir's time, as it says itself; of the other CPU's, that nobody had

    def _lost_s(self):
        return max(w["lost_ns"] for w in self.ask("/weir/info")["workers"].values()) / 1e9

    def _stolen_s(self):
        return self.watch.stolen_s() if self.watch else 0

    def stop(self):
        after, end_ns = self.net.counters()
        self.cpu_share = self.cpu_time.share()
        span_s = (end_ns - self.start_ns) / 1e9
        self.lost, self.stolen = ((now - before) / span_s
                                  for now, before in zip((self._lost_s(), self._stolen_s()), self.missing_before_s))
        for name, now in after.items():
            pkts, size, sent = (new - old for new, old in zip(now, self.before[name]))
            self.by_end[name] = Rate(pkts / span_s, size * 8 / span_s, sent / span_s)
        return self

    def __getitem__(self, name):
        return self.by_end[name]

    def check(self, what, got, wanted, tolerance=0.02):
        """Too much is wrong on any machine; too little only where weir had its CPU."""
        text = "%s: %.0f, wanted %.0f within %g %%" % (what, got, wanted, tolerance * 100)
        if got < wanted * (1 - tolerance) and self.cpu_share < max(0.97, 1 - tolerance):
            raise TooBusy("%s; others had %.0f %% of weir's CPU" % (text, 100 - self.cpu_share * 100))
        assert abs(got / wanted - 1) <= tolerance, text

    def check_offered(self, name, at_least_pps):
        """The test's own sender kept up."""
        if self.by_end[name].sent_pps < at_least_pps:
            raise TooBusy("end %s only sent %.0f packets/s" % (name, self.by_end[name].sent_pps))


def measure(rig, seconds, settle_s=0.3):
    """Rates at all ends over 'seconds', once things have settled."""
    time.sleep(settle_s)
    rates = Rates(rig)
    time.sleep(seconds)
    return rates.stop()
