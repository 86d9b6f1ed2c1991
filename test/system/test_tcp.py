# SPDX-License-Identifier: BSD-3-Clause
"""TCP of this host's kernel, in namespaces on either side of weir, at a limit of 1 Gb/s for which nothing else is configured.
The ends merge what they receive (GRO), or their share of two CPUs would not do for it."""

import subprocess
import time

from harness.blast import Rates, TooBusy
from harness.suite import N_TRIES, test
from harness.vm import Host
from rigs import Gigabit, mac

V4 = {"pf": "10.7.0.1", "a": "10.7.0.2"}
V6 = {"pf": "fd07::1", "a": "fd07::2"}
WINDOW_S = 2.0
IDLE_TURNS = 0.9        # fewer, and weir had no time: a turn that sends by the kernel takes 50 times as long as an idle one


def hosts(rig):
    """The kernels behind the VF and the PF, in namespaces of their own."""
    if not hasattr(rig, "hosts"):
        made = {}
        for name in Gigabit.cables:
            rig.net.ends.pop(name).close()
            made[name] = Host.apart(rig.net, "g" + name, rig.net.guest_ns)
        subprocess.run(["ip", "-n", made["a"].ns, "link", "set", "ga", "address", mac(0x21)], check=True, timeout=10)
        for name, host in made.items():
            host.up([V4[name] + "/24", V6[name] + "/64"])
            host.run("ethtool", "-K", host.device, "gro", "on")
        rig.hosts = made
    return rig.hosts


STOLEN = 0.002      # of the ends' CPU: 4 ms in a window, and TCP that lost a packet comes back as much later
ENDS_IDLE = 0.25    # of the CPU that both ends share: with less, one waits for the other


class Busy:
    """How far the CPUs of the test, and weir's, were used up."""

    def __init__(self, rig):
        self.rig = rig
        self.idle, self.turns = self._idle(), self._turns()

    @staticmethod
    def _idle():
        """(idle, all) ticks of the CPU that the ends share."""
        with open("/proc/stat") as f:
            ticks = [int(x) for line in f if line.startswith("cpu0 ") for x in line.split()[1:9]]
        return ticks[3], sum(ticks)

    def _turns(self):
        w = self.rig.ask("/weir/info")["workers"]["0"]
        return w["idle_turns"], w["turns"]

    def spare(self):
        """-> the idle part of the ends' CPU, and of weir's turns."""
        return [(b[0] - a[0]) / max(1, b[1] - a[1]) for a, b in ((self.idle, self._idle()), (self.turns, self._turns()))]


def n_dropped(rig, direction):
    return sum(rig.direction("a", direction)["drops"].values())


def at_limit(rig, context, direction, v6=False, flows=1, ecn=False):
    """iperf3 of so many flows.  Less than the limit is weir's doing where weir had its CPU and held them all the time; or where
    it dropped some, and all had time: who was neither held nor lost a packet came too late by himself, and what is missing is
    no more than the time in which nothing was held.  The kernel takes packets to the far end in weir's own turns (softirq)."""
    made = hosts(rig)
    source, sink = ("a", "pf") if direction == "tx" else ("pf", "a")
    address = (V6 if v6 else V4)[sink]
    for host in made.values():
        host.run("sysctl", "-qw", "net.ipv4.tcp_ecn=%d" % ecn)
    server = made[sink].popen("iperf3", "-s", "-1", "-B", address)
    time.sleep(0.3)
    client = made[source].popen("iperf3", "-c", address, "-t", "30", "-P", str(flows),
                                "-C", "cubic")      # whatever is usual here: BBR hears no marks
    try:
        time.sleep(1.5)
        busy, held_ns, rates = Busy(rig), rig.direction("a", direction)["held_ns"]["bps"], Rates(rig)
        dropped = n_dropped(rig, direction)
        marked = rig.direction("a", direction)["marked_pkts"]
        before = made[sink].counter("rx_bytes")
        time.sleep(WINDOW_S)
        after, span_s = made[sink].counter("rx_bytes"), (time.monotonic_ns() - rates.start_ns) / 1e9
        rates.stop()
        held = (rig.direction("a", direction)["held_ns"]["bps"] - held_ns) / (time.monotonic_ns() - rates.start_ns)
        spare, dropped = busy.spare(), n_dropped(rig, direction) - dropped
        marked = rig.direction("a", direction)["marked_pkts"] - marked
    finally:
        for process in (client, server):
            process.kill()
            process.wait()
    part = (after - before) * 8 / span_s / Gigabit.limit_bps
    what = "%s, IPv%d, %d flow%s%s: %.2f %% of the limit" % (
        direction, 6 if v6 else 4, flows, "s"[:flows > 1], ", ECN" if ecn else "", part * 100)
    said = "%s; held %.0f %% of the time, %d dropped; idle: ends %.0f %%, weir's turns %.0f %%; " % (
        what, held * 100, dropped, spare[0] * 100, spare[1] * 100)
    said += "weir had %.1f %% of its CPU, lost %.1f %% of it; %.1f %% of the ends' was stolen" % (
        rates.cpu_share * 100, rates.lost * 100, rates.stolen * 100)
    context.note(said)
    assert part <= 1.005, what
    assert (marked > 0) == ecn, "%s; %d packets were marked" % (what, marked)
    is_late = (held < 0.95 or part > held - 0.01) and (
        dropped == 0 or spare[0] < ENDS_IDLE or spare[1] < IDLE_TURNS or rates.stolen > STOLEN or part > 1 - rates.lost)
    if part < 0.99 and (rates.cpu_share < 0.98 or is_late):
        raise TooBusy(said)
    assert part >= 0.99, what


def at_limits(rig, context, cases):
    """All of them, each tried again where it fails: nobody's TCP reaches its limit whenever a hypervisor takes a CPU away.  One
    that this machine is too busy for does not hide what the others show."""
    busy = None
    for case in cases:
        for n_left in reversed(range(N_TRIES)):
            try:
                at_limit(rig, context, **case)
                break
            except TooBusy as why:
                if n_left < N_TRIES - 1:
                    busy = why
                    break
            except AssertionError:
                if n_left == 0:
                    raise
    if busy:
        raise busy


def cases(**more):
    return [dict(direction=direction, v6=v6, **more) for direction in ("tx", "rx") for v6 in (False, True)]


# This and the next two break with limits of 500M in the config.
@test("one TCP flow has 99 % of a limit of 1 Gb/s, tx and rx, over IPv4 and IPv6", Gigabit, slow=True, timeout_s=90)
def one_flow(rig, context):
    at_limits(rig, context, cases())


@test("32 TCP flows have 99 % of a limit of 1 Gb/s, tx and rx, over IPv4 and IPv6", Gigabit, slow=True, timeout_s=90)
def many_flows(rig, context):
    at_limits(rig, context, cases(flows=32))


@test("TCP that answers ECN has 99 % of a limit of 1 Gb/s: 1 and 32 flows, tx and rx", Gigabit, slow=True, timeout_s=90)
def with_ecn(rig, context):
    at_limits(rig, context, [dict(direction=direction, flows=flows, ecn=True)
                             for flows in (1, 32) for direction in ("tx", "rx")])
