# SPDX-License-Identifier: BSD-3-Clause
"""A guest with several queue pairs is one VF: all its queues are read, none stands behind another, and one limit holds them all."""

import os
import struct
import time

from harness.blast import Blast, measure
from harness.frames import OUTSIDE, udp4
from harness.net import Net
from harness.process import Guest, Weir
from harness.suite import test
from harness.view import View, wait_until
from rigs import mac

X = mac(1)
LIMIT_BPS = 20 * 10**6
CONFIG = """[port net_af_packet0]
role = pf
rate = 1G

[port net_vhost0]
queues = 2
[vf x]
port = net_vhost0
mac = %s
tx.max_bps = %d
""" % (X, LIMIT_BPS)


class Bed:
    """weir, and a guest whose far side spreads flows over its NIC's queues."""

    def __init__(self, context, n_queues=2):
        path = os.path.join(context.folder, "q.sock")
        self.net = Net(["pf", "k"], ["k"])
        context.defer(self.net.close)
        self.weir = Weir(context.binary, CONFIG, ["net_af_packet0,iface=ppf,framecnt=1024", "net_vhost0,queues=2,iface=" + path],
                         context.folder, self.net.ns)
        guest = Guest(path, False, X, "pk", context.folder, self.net.ns + "k")
        guest.argv = [a.replace("net_virtio_user0,", "net_virtio_user0,queues=%d," % n_queues)
                      .replace("iface=pk", "iface=pk,qpairs=%d" % n_queues)
                      for a in guest.argv] + ["--rxq=%d" % n_queues, "--txq=%d" % n_queues]
        for process in (self.weir, guest):
            context.processes.append(process)
            context.defer(process.kill)
            process.start()
        self.view = View(self.weir)
        self.ask = self.weir.ask
        self.n_queues = n_queues

    def by_queue(self):
        """Packets that weir has read of each queue."""
        ports = self.ask("/ethdev/list")
        names = {n: self.ask("/ethdev/info,%d" % n)["name"] for n in ports}
        number = [n for n, name in names.items() if name == "net_vhost0"][0]
        return self.ask("/ethdev/stats,%d" % number)["q_ipackets"][:self.n_queues]

    def knock(self):
        """Until frames get through both ways, by all its queues."""
        until = time.monotonic() + 25
        while time.monotonic() < until:
            self.net["k"].send(*flows(1))
            self.net["pf"].send(udp4(X, OUTSIDE))
            got = self.net.collect(lambda g: g["k"] and g["pf"], timeout_s=0.3, linger_s=0)
            if got["k"] and got["pf"] and min(self.by_queue()) > 0:
                time.sleep(0.1)
                self.net.settle()
                return
        raise AssertionError("no traffic by all queues: %s" % self.by_queue())


def flow(frame, port):
    """The same from another UDP port: of another flow."""
    return frame[:34] + struct.pack("!H", port) + frame[36:]


def flows(n_each, size=100):
    """Numbered frames of 16 flows, in turn."""
    return [flow(udp4(OUTSIDE, X, i, size=size), 5000 + k) for i in range(n_each) for k in range(16)]


# Breaks when port_rx() asks queue 0 only.
@test("a guest with two queue pairs: frames of both arrive, each flow in order, and one limit holds both exactly",
      timeout_s=60, retry=True)
def two_queues(context):
    bed = Bed(context)
    bed.knock()
    sent = flows(20)
    before = bed.by_queue()
    bed.net["k"].send(*sent)
    got = bed.net.collect(lambda g: len(g["pf"]) >= len(sent), timeout_s=5)["pf"]
    assert sorted(got) == sorted(sent), "%d frames arrived of %d" % (len(got), len(sent))
    for port in range(5000, 5016):
        mine = [f for f in got if f[34:36] == struct.pack("!H", port)]
        assert mine == sorted(mine), "flow %d is reordered" % port
    used = [now - then for now, then in zip(bed.by_queue(), before)]
    context.note("frames by queue: %s" % used)
    assert min(used) > 0, "one queue was not used: %s" % used
    with Blast(bed.net, "k", flows(1, size=1000), 5000):
        rates = measure(bed, 1.5, settle_s=0.7)
    context.note("%.3f Mb/s of %d; frames by queue: %s" % (rates["pf"].bps / 1e6, LIMIT_BPS / 1e6, bed.by_queue()))
    rates.check("bits/s of both queues", rates["pf"].bps, LIMIT_BPS, 0.01)
    wait_until(lambda: bed.view.direction("x", "tx")["backlog_pkts"] == 0, "nothing waits", 10)
    assert not bed.view.all_drops("x"), bed.view.all_drops("x")
    assert bed.weir.stop() == 0, "not every mbuf came home"


@test("a guest with one queue pair on a port that has two: frames pass both ways", timeout_s=60, retry=True)
def one_of_two_queues(context):
    bed = Bed(context, 1)
    bed.knock()
    up, down = flows(10), [udp4(X, OUTSIDE, i) for i in range(100)]
    bed.net["k"].send(*up)
    bed.net["pf"].send(*down)
    bed.net.expect({"pf": up, "k": down}, timeout_s=5)
    assert bed.weir.stop() == 0, "not every mbuf came home"
