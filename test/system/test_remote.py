# SPDX-License-Identifier: BSD-3-Clause
"""Congestion beyond the uplink, with TCP of this host's kernel: three guests in namespaces, and behind the PF a switch of
24 Mb/s that marks.  DCTCP where the kernel has it, else what it has, with ECN as in RFC 3168."""

import subprocess
import time

from harness.blast import CpuTime, TooBusy
from harness.bottleneck import Bottleneck
from harness.suite import test
from harness.view import View, wait_until, weirctl
from harness.vm import Host
from rigs import mac, sections, vdevs_of

CABLES = ["pf", "a", "b", "c"]
WEIGHTS = {"a": 3, "b": 2, "c": 1}
ADDRESS = {"a": "10.7.0.1", "b": "10.7.0.2", "c": "10.7.0.3", "x": "10.7.0.9"}
BPS = 24e6
SETTLE_S, WINDOW_S = 4, 6


def algorithm():
    """-> (the senders' congestion control, what its receivers echo)"""
    with open("/proc/sys/net/ipv4/tcp_available_congestion_control") as f:
        names = f.read().split()
    return ("dctcp", "dctcp") if "dctcp" in names else ("cubic" if "cubic" in names else "reno", "classic")


def config(remote):
    echo = ["echo = " + algorithm()[1]] if remote else []
    vfs = {name: (name, i + 1, ["tx.weight = %d" % weight, "tx.max_bps = 100M", "mark_above = 100ms", *echo])
           for i, (name, weight) in enumerate(WEIGHTS.items())}
    return sections(CABLES, "1G", vfs) + remote


class Network:
    """Guests, weir, and what is beyond."""

    def __init__(self, context, remote):
        self.net, self.weir = context.launch(CABLES, config(remote), vdevs_of(CABLES), more=["--allow-set"])
        self.context = context
        for end in self.net.ends.values():
            end.close()
        self.net.ends.clear()
        guests = self.net.guest_ns
        subprocess.run(["ip", "-n", guests, "link", "add", "xo", "type", "veth", "peer", "name", "gx"], check=True, timeout=10)
        subprocess.run(["ip", "-n", guests, "link", "set", "xo", "up"], check=True, timeout=10)
        self.hosts = {name: Host.apart(self.net, "g" + name, guests) for name in ADDRESS}
        for i, (name, host) in enumerate(self.hosts.items()):
            if name != "x":
                subprocess.run(["ip", "-n", host.ns, "link", "set", host.device, "address", mac(i + 1)], check=True, timeout=10)
            host.up([ADDRESS[name] + "/24"])
            host.run("sysctl", "-qw", "net.ipv4.tcp_ecn=1")
        self.bottleneck = Bottleneck(guests, "gpf", "xo", BPS, 40 * 1514, 120 * 1514)

    def load(self):
        """All guests send all they can, until the test ends."""
        self.context.defer(lambda: self.bottleneck.__exit__())
        self.bottleneck.__enter__()
        processes = []
        self.context.defer(lambda: [(p.kill(), p.wait()) for p in processes])
        for i in range(len(WEIGHTS)):
            processes.append(self.hosts["x"].popen("iperf3", "-s", "-1", "-p", str(5201 + i)))
        time.sleep(0.5)
        for i, name in enumerate(WEIGHTS):
            processes.append(self.hosts[name].popen("iperf3", "-c", ADDRESS["x"], "-p", str(5201 + i), "-t", "60", "-P", "2",
                                                    "-C", algorithm()[0]))

    def sent(self):
        return {name: self.weir.ask("/weir/vf," + name)["tx"]["out_bytes"] for name in WEIGHTS}

    def rates(self, span_s):
        cpu, before, start = CpuTime(self.weir.pid), self.sent(), time.monotonic()
        time.sleep(span_s)
        after, took_s = self.sent(), time.monotonic() - start
        rates = {name: (after[name] - before[name]) * 8 / took_s for name in WEIGHTS}
        self.cpu_share = cpu.share()
        self.context.note("%s: %s Mb/s; weir had %.0f %% of its CPU" % (
            algorithm()[0], " / ".join("%.2f" % (r / 1e6) for r in rates.values()), self.cpu_share * 100))
        return rates


@test("without [remote] TCP makes of a bottleneck beyond the uplink what it will", timeout_s=40, slow=True, retry=True)
def without(context):
    network = Network(context, "")
    network.load()
    time.sleep(SETTLE_S)
    rates = network.rates(WINDOW_S)
    if sum(rates.values()) < 0.8 * BPS and network.cpu_share < 0.9:
        raise TooBusy("weir had %.0f %% of its CPU" % (network.cpu_share * 100))
    assert sum(rates.values()) > 0.8 * BPS, rates
    assert rates["a"] < 1.8 * rates["c"], "it shares by weight by itself: the next test shows nothing: %s" % rates
    assert "nothing listens" in network.weir.ask("/weir/remote")["error"]


# Breaks without pipe_set_grant() in lib/pipeline/pipe_change.c.
@test("with [remote] VFs share a bottleneck beyond the uplink by weight, and it is told", timeout_s=60, slow=True, retry=True)
def by_weight(context):
    network = Network(context, "[remote]\nperiod = 20ms\n")
    network.load()
    time.sleep(2 * SETTLE_S)
    rates = network.rates(2 * WINDOW_S)
    told(network.weir)
    is_shared = 2.4 < rates["a"] / rates["c"] < 3.8 and 1.6 < rates["b"] / rates["c"] < 2.6 and sum(rates.values()) > 0.6 * BPS
    if not is_shared and network.cpu_share < 0.9:   # what it may send it cannot: the loop takes that for its will
        raise TooBusy("weir had %.0f %% of its CPU" % (network.cpu_share * 100))
    assert is_shared, rates
    changes(network.weir)


# Breaks where conf_read_vf_term() takes no remote; the data path's part is test_echoes.c's.
def changes(weir):
    """Left alone, and looked after again, by command."""
    said = weirctl(View(weir), "set", "c", "remote", "no").stdout
    assert "remote yes -> no" in said, said
    time.sleep(0.5)
    before = weir.ask("/weir/remote")["vfs"]["c"]
    assert before["state"] == "not asked to look" and before["grant_bps"] == before["alpha_ppm"] == 0, before
    assert "remote = no" in weirctl(View(weir), "dump").stdout
    time.sleep(0.5)
    assert weir.ask("/weir/remote")["vfs"]["c"]["heard_bytes"] == before["heard_bytes"]
    assert weir.ask("/weir/sla/set,c,remote=yes")["changed"] == ["remote no -> yes"]
    wait_until(lambda: weir.ask("/weir/remote")["vfs"]["c"]["grant_bps"] > 0, "c held again", 5)


def told(weir):
    answer = weir.ask("/weir/remote")
    assert answer["n_held"] == 3 and answer["period_ns"] >= answer["period_asked_ns"] == 2 * 10**7, answer
    assert 0.5 * BPS < answer["bottleneck_bps"] < 1.5 * BPS, answer
    a = answer["vfs"]["a"]
    assert a["echoes"] > 0 and a["heard_bytes"] >= a["echoed_bytes"] > 0 and a["grant_bps"] > 0 and a["target_bps"] > 0, a
    why = "".join(weir.ask("/weir/why,a,300")["lines"])
    assert "held by remote congestion: the switch beyond the uplink marks" in why and "lift it" in why, why
    said = weirctl(View(weir), "show", "remote").stdout
    assert "3 of 3 VFs held" in said and "bottleneck beyond the uplink" in said and "its part" in said, said
