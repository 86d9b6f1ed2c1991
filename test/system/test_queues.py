# SPDX-License-Identifier: BSD-3-Clause
"""A VF whose port has several queue pairs is one VF: all its queues are read, none stands behind another, no flow is
reordered, and one limit holds them all.  By every kind of port that has such queues, and a real VM."""

import json
import os
import struct
import time

from harness.blast import Blast, measure
from harness.frames import OUTSIDE, udp4, write_pcap
from harness.net import Net
from harness.process import Guest, MemifPeer, Weir
from harness.suite import test
from harness.view import View, wait_until
from harness.vm import Host, Vm, guestvm
from rigs import mac
from test_sockets import start
from test_vm import Watch, reaches

X = mac(1)
LIMIT_BPS = 20 * 10**6
CONFIG = """[port net_af_packet0]
role = pf
rate = 1G

[port %s]
queues = 2
%s
[vf x]
port = %s
mac = %s
tx.max_bps = %d
"""


def with_queues(bridge, n):
    """The testpmd of a guest, with n queue pairs on both sides."""
    bridge.argv = [a.replace("net_virtio_user0,", "net_virtio_user0,queues=%d," % n)
                   .replace("iface=pk", "iface=pk,qpairs=%d" % n)
                   for a in bridge.argv] + ["--rxq=%d" % n, "--txq=%d" % n]
    return bridge


class Bed(View):
    """weir with an uplink and the kind of port under test; "k" is the far side, which spreads flows over queues."""

    def __init__(self, context, device, vdev, peer=None, n_queues=2):
        self.net = Net(["pf", "k"], ["k"] if peer else [])
        context.defer(self.net.close)
        self.device, self.n_queues = device, n_queues
        more = "trusted = yes\n" if device == "net_memif0" else ""
        weir = Weir(context.binary, CONFIG % (device, more, device, X, LIMIT_BPS),
                    ["net_af_packet0,iface=ppf,framecnt=1024", vdev], context.folder, self.net.ns)
        super().__init__(weir)
        for process in (weir, peer and with_queues(peer(self.net.ns + "k"), n_queues)):
            if process:
                context.processes.append(process)
                context.defer(process.kill)
                process.start()
        self.ask = weir.ask

    def by_queue(self):
        """Packets that weir has read of each queue."""
        ports = self.ask("/ethdev/list")
        names = {n: self.ask("/ethdev/info,%d" % n)["name"] for n in ports}
        number = [n for n, name in names.items() if name == self.device][0]
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

    def check(self, context):
        """Every frame of all flows, each flow in order, and the limit in sum."""
        self.knock()
        sent = flows(20)
        before = self.by_queue()
        self.net["k"].send(*sent)
        got = self.net.collect(lambda g: len(g["pf"]) >= len(sent), timeout_s=5)["pf"]
        import collections
        c = collections.Counter(got)
        assert sorted(got) == sorted(sent), "%d arrived of %d; distinct %d; max dup %s; unknown %d; by %s" % (len(got), len(sent), len(c), c.most_common(3)[0][1], sum(1 for g in got if g not in set(sent)), self.by_queue())
        for port in range(5000, 5016):
            mine = [f for f in got if f[34:36] == struct.pack("!H", port)]
            assert mine == sorted(mine), "flow %d is reordered" % port
        used = [now - then for now, then in zip(self.by_queue(), before)]
        context.note("frames by queue: %s" % used)
        assert min(used) > 0, "one queue was not used: %s" % used
        with Blast(self.net, "k", flows(1, size=1000), 5000):
            rates = measure(self, 1.5, settle_s=0.7)
        context.note("%.3f Mb/s of %d; frames by queue: %s" % (rates["pf"].bps / 1e6, LIMIT_BPS / 1e6, self.by_queue()))
        rates.check("bits/s of both queues", rates["pf"].bps, LIMIT_BPS, 0.01)
        wait_until(lambda: self.direction("x", "tx")["backlog_pkts"] == 0, "nothing waits", 10)
        assert not self.all_drops("x"), self.all_drops("x")
        assert self.weir.stop() == 0, "not every mbuf came home"


def flow(frame, port):
    """The same from another UDP port: of another flow."""
    return frame[:34] + struct.pack("!H", port) + frame[36:]


def flows(n_each, size=100):
    """Numbered frames of 16 flows, in turn."""
    return [flow(udp4(OUTSIDE, X, i, size=size), 5000 + k) for i in range(n_each) for k in range(16)]


def vhost(context, n_queues=2):
    path = os.path.join(context.folder, "q.sock")
    return Bed(context, "net_vhost0", "net_vhost0,queues=2,iface=" + path,
               lambda ns: Guest(path, False, X, "pk", context.folder, ns), n_queues)


# This and the next two break when port_rx() asks queue 0 only.
@test("vhost-user with two queue pairs: frames of both arrive, each flow in order, and one limit holds both exactly",
      timeout_s=60, retry=True)
def of_vhost(context):
    vhost(context).check(context)


@test("memif with two rings each way, weir as its server: frames of both arrive, each flow in order, and one limit holds "
      "both exactly", timeout_s=60, retry=True)
def of_memif(context):
    path = os.path.join(context.folder, "q.sock")
    Bed(context, "net_memif0", "net_memif0,role=server,id=0,socket-abstract=no,socket=" + path,
        lambda ns: MemifPeer(path, False, "pk", context.folder, ns)).check(context)


# Breaks without port_memif_rx(): DPDK's driver reads the one ring twice (all frames come once more).
@test("memif, with a peer that has one ring where there are two queues: each frame arrives once, it is told, and a peer with two "
      "after it has both read", timeout_s=90, retry=True)
def of_a_memif_with_fewer(context):
    path = os.path.join(context.folder, "q.sock")

    def peer(ns):
        return MemifPeer(path, False, "pk", context.folder, ns)

    bed = Bed(context, "net_memif0", "net_memif0,role=server,id=0,socket-abstract=no,socket=" + path, peer, 1)
    bed.knock()
    sent = flows(20)
    bed.net["k"].send(*sent)
    bed.net.expect({"pf": sent}, timeout_s=5)
    assert "weir: port net_memif0: its peer has fewer rings than queues = 2: 1 read" in bed.weir.output(), bed.weir.output()[-500:]
    assert not bed.all_drops("x"), bed.all_drops("x")
    context.processes[-1].kill()
    wait_until(lambda: bed.ask("/weir/ports")["ports"]["1"]["link"] == "down", "weir learns that the peer is gone")
    again = with_queues(peer(bed.net.ns + "k"), 2)
    context.processes.append(again)
    context.defer(again.kill)
    again.start()
    bed.n_queues = 2
    bed.check(context)


@test("af_packet with two queue pairs: frames of both arrive, each flow in order, and one limit holds both exactly",
      timeout_s=60, retry=True)
def of_af_packet(context):
    Bed(context, "net_af_packet1", "net_af_packet1,iface=pk,framecnt=1024,qpairs=2").check(context)


# Breaks without fits_queues(): half of the frames stay where nobody looks.
@test("a port with another number of queue pairs than its device is refused, with what to write", timeout_s=30)
def refused(context):
    trace = os.path.join(context.folder, "in.pcap")
    write_pcap(trace, flows(1))
    lost = "but the device has 2, and nobody would read what comes by the others: "
    cases = [("net_af_packet0,iface=lo,qpairs=2", 1,
              "queues = 1, " + lost + "wanted qpairs=1 in its --vdev, or queues = 2 in [port net_af_packet0]"),
             ("net_af_packet0,iface=lo", 2, "queues = 2, but the device has 1: wanted qpairs=2 in its --vdev"),
             ("net_vhost0,queues=2,iface=" + os.path.join(context.folder, "r.sock"), 1,
              "queues = 1, " + lost + "wanted queues=1 in its --vdev"),
             ("net_pcap0,rx_pcap=%s,tx_pcap=/dev/null" % trace, 2, "queues = 2, but the device has at most 1")]
    for vdev, n, wanted in cases:
        device = vdev.split(",")[0]
        config = "[port net_null0]\nrole = pf\nrate = 1G\n[port %s]\nqueues = %d\n[vf a]\nport = %s\n" % (device, n, device)
        done = start(context, vdev, config=config)
        assert done.returncode not in (0, -6, -11), "%s: code %d" % (vdev, done.returncode)
        assert "port %s: %s" % (device, wanted) in done.stderr, "no %r in:\n%s" % (wanted, done.stderr)


@test("a guest with one queue pair on a port that has two: frames pass both ways", timeout_s=60, retry=True)
def one_of_two_queues(context):
    bed = vhost(context, 1)
    bed.knock()
    up, down = flows(10), [udp4(X, OUTSIDE, i) for i in range(100)]
    bed.net["k"].send(*up)
    bed.net["pf"].send(*down)
    bed.net.expect({"pf": up, "k": down}, timeout_s=5)
    assert bed.weir.stop() == 0, "not every mbuf came home"


class VmBed(View):
    """weir, a VM with two CPUs and as many queue pairs, and this host's TCP/IP behind the PF."""

    GUEST, PEER = "10.9.0.10", "10.9.0.2"

    def __init__(self, context):
        path = os.path.join(context.folder, "vmq.sock")
        self.net = Net(["pf"])
        context.defer(self.net.close)
        super().__init__(Weir(context.binary, CONFIG % ("net_vhost0", "", "net_vhost0", X, LIMIT_BPS),
                              ["net_af_packet0,iface=ppf,framecnt=1024", "net_vhost0,queues=2,client=1,iface=" + path],
                              context.folder, self.net.ns))
        self.vm = Vm(context.binary, "q", [guestvm.Nic(path, X, queues=2)], context.folder, cpus=2)
        for process in (self.vm, self.weir):
            context.processes.append(process)
            context.defer(process.kill)
            process.start()
        self.ask, self.device, self.n_queues = self.weir.ask, "net_vhost0", 2
        self.net.ends.pop("pf").close()
        self.peer = Host(self.net.guest_ns, "gpf")
        self.peer.up([self.PEER + "/24"])
        self.vm.wait_up()
        self.vm.address(0, self.GUEST)
        reaches(self.vm, self.PEER)

    by_queue = Bed.by_queue

    def use(self, n):
        """The guest spreads its flows over n queues, by their hash: by CPU, as it would, a lone iperf3 might use one only."""
        self.vm.run("ethtool -L eth0 combined %d; for q in /sys/class/net/eth0/queues/tx-*; do echo 0 >$q/xps_cpus; done" % n)

    def send(self, more, read, log=None):
        """8 flows from the guest. -> packets that weir read of each queue while 'read' ran."""
        server = self.peer.popen("iperf3", "-s", "-1", *(("-J", "--logfile", log) if log else ()))
        time.sleep(0.3)
        self.vm.run("iperf3 -c %s -P 8 %s >/tmp/iperf 2>&1 &" % (self.PEER, more))
        time.sleep(1.5)
        before = self.by_queue()
        read()
        used = [now - then for now, then in zip(self.by_queue(), before)]
        self.vm.run("while pidof iperf3 >/dev/null; do sleep 0.2; done", 40)
        server.wait(10)
        return used


# Breaks when port_rx() asks queue 0 only: half of the guest's flows stand still.
@test("a VM with two CPUs and two queue pairs (mq=on): both are used, TCP has the limit in sum, UDP beyond it is in order, and "
      "the guest goes to one queue and back", slow=True, timeout_s=120, retry=True)
def of_a_vm(context):
    bed = VmBed(context)
    vm = bed.vm
    assert "Combined:\t2" in vm.run("ethtool -l eth0"), vm.run("ethtool -l eth0")
    bed.use(2)
    watch = Watch(bed, vm, lambda: bed.peer.counter("rx_bytes"))
    used = bed.send("-t 5", watch.measure)
    context.note("TCP: %.3f Mb/s; packets by queue: %s" % (watch.bps / 1e6, used))
    assert min(used) > 100, "one queue was hardly used: %s" % used
    watch.check("TCP by both queues", LIMIT_BPS)
    log = os.path.join(context.folder, "udp")
    used = bed.send("-u -b 4M -l 1400 -t 2", lambda: time.sleep(0.4), log)
    assert min(used) > 50, "one queue was hardly used: %s" % used
    with open(log) as f:
        wrong = [s["udp"]["out_of_order"] for s in json.load(f)["end"]["streams"]]
    assert len(wrong) == 8 and not any(wrong), "packets out of order, by stream: %s" % wrong
    for n in (1, 2):
        bed.use(n)
        used = bed.send("-t 2", lambda: time.sleep(0.4))
        context.note("packets by queue with combined %d: %s" % (n, used))
        assert (min(used) > 20) == (n == 2) and max(used) > 100, "by queue, of %d: %s" % (n, used)
    assert not bed.all_drops("x"), bed.all_drops("x")
