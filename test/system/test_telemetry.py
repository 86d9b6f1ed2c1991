# SPDX-License-Identifier: BSD-3-Clause
"""The telemetry socket: every command, pages, errors with a reason, counters that never go back."""

import json
import subprocess
import time

from harness.blast import Blast
from harness.delay import CLASSES, DIRECTIONS, Delays
from harness.frames import DSCP, OUTSIDE, numbered, udp4
from harness.process import Telemetry
from harness.suite import Skip, test
from harness.view import weirctl
from rigs import Crowd, Main, mac

A, B = (mac(Main.vfs[n][1]) for n in ("a", "b"))
COMMANDS = ["/weir/info", "/weir/ports", "/weir/vfs", "/weir/vf", "/weir/delays", "/weir/pf", "/weir/drops"]


def all_pages(rig, command, entries):
    """Follows 'next' to the end.  Returns everything, and how many pages there were."""
    everything, start, n_pages = [], 0, 0
    while True:
        page = rig.ask(command if start == 0 else "%s,%d" % (command, start))
        n_pages += 1
        assert page["next"] > start, "page %d does not go on: %s" % (n_pages, page["next"])
        everything += list(page[entries].items())
        start = page["next"]
        if start == page["total"]:
            assert len(everything) == page["total"], "%d entries, but total = %d" % (len(everything), page["total"])
            return everything, n_pages


@test("all commands are listed, with help", Main)
def listed(rig):
    known = rig.ask("/")
    for command in COMMANDS:
        assert command in known, "%s is not in %s" % (command, known)
        assert rig.ask("/help," + command)[command], "no help for " + command


@test("/weir/info tells of the switch, its workers and its buffers", Main, split=True)
def info(rig):
    got = rig.ask("/weir/info")
    assert got["n_ports"] == len(Main.cables) and got["n_vfs"] == len(Main.vfs), got
    assert got["pf"] == "net_af_packet0" and got["config"].endswith(".conf"), got
    assert 0 < got["n_free_mbufs"] <= got["n_mbufs"], got
    for worker, view in got["workers"].items():
        rig.wait_until(lambda: rig.ask("/weir/info")["workers"][worker]["turns"] > view["turns"],
                       "worker %s turns" % worker)


@test("/weir/ports names every port with its role", Main)
def ports(rig):
    got = [port for _, port in all_pages(rig, "/weir/ports", "ports")[0]]
    assert [p["device"] for p in got] == ["net_af_packet%d" % i for i in range(len(Main.cables))], got
    assert [p["role"] for p in got] == ["pf"] + ["vf"] * (len(Main.cables) - 1), got
    by_cable = dict(zip(Main.cables, got))
    assert by_cable["pf"]["link_bps"] == 10**10 and by_cable["m"]["mtu"] == 1000 and by_cable["s"]["n_vfs"] == 2, got


@test("/weir/vf counts packets and bytes of both directions, and local ones apart", Main, split=True)
def vf_counts(rig):
    before = {n: rig.ask("/weir/vf," + n) for n in ("a", "b")}
    rig.net["a"].send(*[numbered(OUTSIDE, A, i, size=100) for i in range(5)])
    rig.net["a"].send(*[numbered(B, A, i, size=200) for i in range(3)])
    rig.net.collect(lambda g: len(g["pf"]) >= 5 and len(g["b"]) >= 3)

    def grown(name, direction, key):
        return rig.ask("/weir/vf," + name)[direction][key] - before[name][direction][key]

    for name, direction, key, wanted in (
            ("a", "tx", "in_pkts", 8), ("a", "tx", "in_bytes", 1100), ("a", "tx", "out_pkts", 8),
            ("a", "tx", "out_bytes", 1100), ("a", "tx", "local_pkts", 3), ("a", "tx", "local_bytes", 600),
            ("b", "rx", "in_pkts", 3), ("b", "rx", "out_pkts", 3), ("b", "rx", "out_bytes", 600),
            ("b", "tx", "out_pkts", 0), ("a", "rx", "out_pkts", 0)):
        rig.wait_until(lambda: grown(name, direction, key) >= wanted, "%s of %s's %s" % (key, name, direction))
        got = grown(name, direction, key)
        assert got == wanted, "%s's %s %s grew by %d, wanted %d" % (name, direction, key, got, wanted)


@test("/weir/vf shows asked and effective SLA, delays per class and what held it", Main)
def vf_in_full(rig):
    got = rig.ask("/weir/vf,a")
    assert got["name"] == "a" and got["port"] == "net_af_packet1" and got["macs"] == [A], got
    for direction in ("tx", "rx"):
        part = got[direction]
        keys = {"asked", "effective", "held_ns", "drops", "bps_1s", "pps_10s", "backlog_pkts", "guarantee_missed_ns"}
        assert keys <= set(part), "no %s in %s" % (keys - set(part), direction)
        assert set(part["held_ns"]) >= {"bps", "pps", "link"}, part["held_ns"]
        assert set(part["classes"]) == {"urgent", "high", "medium", "low"}, part["classes"]
        for figures in part["classes"].values():
            delays = [figures["delay_%s_ns" % which] for which in ("p50", "p99", "p999", "max")]
            assert delays == sorted(delays), delays


def peaks(rig, vf, direction, when="ever"):
    return rig.ask("/weir/vf," + vf)[direction]["peaks"][when]


@test("a burst shows in a VF's busiest millisecond and ten, both ways, and reading them resets nothing", Main, split=True, retry=True)
def busiest(rig):
    n, size = 60, 1000
    before = peaks(rig, "e", "tx"), peaks(rig, "t", "rx")
    rig.net["a"].send(*[numbered(B, A, i, size=size) for i in range(n)])
    rig.net.collect(lambda g: len(g["b"]) >= n, timeout_s=2)
    tx, rx = peaks(rig, "a", "tx"), peaks(rig, "b", "rx")
    for most in (tx, rx):
        assert n / 3 * 100 <= most["pps_10ms"] and most["pps_1ms"] >= n / 30 * 1000, "a burst of %d: %s" % (n, most)
        assert most["pps_10ms"] <= most["pps_1ms"] and most["bps_10ms"] <= most["bps_1ms"], most
        assert most["bps_1ms"] >= 8 * 60 * most["pps_1ms"], most
    assert peaks(rig, "a", "tx", "recent")["pps_10ms"] >= n / 3 * 100
    again = peaks(rig, "a", "tx"), peaks(rig, "b", "rx")
    assert again == (tx, rx), "reading resets"
    assert (peaks(rig, "e", "tx"), peaks(rig, "t", "rx")) == before, "another's burst"


def watch(rig, seconds):
    """What end pf has received by when: [(time in s, packets, bytes)]."""
    until, seen = time.monotonic() + seconds, []
    while time.monotonic() < until:
        counts, at_ns = rig.net.counters()
        seen.append((at_ns / 1e9, counts["pf"][0], counts["pf"][1]))
        time.sleep(0.02)
    return seen


def rates_of_about_1_s(seen, column):
    """Of all spans of 0.9 to 1.1 s that end within the last 0.4 s: what a rate over the last second may be, for it is
    taken every 100 ms."""
    return [(later[column] - earlier[column]) / (later[0] - earlier[0]) for later in seen for earlier in seen
            if later[0] > seen[-1][0] - 0.4 and 0.9 <= later[0] - earlier[0] <= 1.1]


@test("rates over 1 s follow what is sent", Main)
def rates(rig):
    # Compared with what came out, not with what was to be sent: a busy machine sends less.
    with Blast(rig.net, "a", [udp4(OUTSIDE, A, size=500)], 2000):
        seen = watch(rig, 1.8)
        got = rig.ask("/weir/vf,a")["tx"]
        line = rig.ask("/weir/vfs")["vfs"]["a"]
    for what, rate, real in (("pps_1s", got["pps_1s"], rates_of_about_1_s(seen, 1)),
                             ("bps_1s", got["bps_1s"], [8 * x for x in rates_of_about_1_s(seen, 2)]),
                             ("tx_pps", line["tx_pps"], rates_of_about_1_s(seen, 1))):
        assert real and min(real) > 0, "nothing was sent"
        assert 0.95 * min(real) < rate < 1.05 * max(real), "%s = %d; the far end saw %d .. %d" % (
            what, rate, min(real), max(real))


# Breaks when the histogram of another class, or direction, is told.
@test("delays of a time are the difference of two readings: as many packets as left in it, and none in other classes; weirctl "
      "delays draws them", Main)
def delays_of_a_time(rig):
    def read():
        return {(d, c): Delays.read(rig.ask, "a", d, c) for d in DIRECTIONS for c in CLASSES}

    before, was_out = read(), {d: rig.direction("a", d)["classes"] for d in DIRECTIONS}
    rig.net["a"].send(*[udp4(OUTSIDE, A, i, DSCP["EF"]) for i in range(30)])
    rig.net["b"].send(*[udp4(A, B, i, DSCP["CS1"]) for i in range(20)])
    rig.net.collect(lambda g: len(g["pf"]) >= 30 and len(g["a"]) >= 20)
    rig.wait_until(lambda: read()["rx", "low"].since(before["rx", "low"]).n >= 20, "20 packets received")
    for key, now in read().items():
        span = now.since(before[key])
        wanted = {("tx", "urgent"): 30, ("rx", "low"): 20}.get(key, 0)
        assert span.n == wanted, "%s %s: %d packets, wanted %d" % (*key, span.n, wanted)
        assert span.n == rig.direction("a", key[0])["classes"][key[1]]["out_pkts"] - was_out[key[0]][key[1]]["out_pkts"]
        assert 0 <= span.quantile_ns(0.5) <= span.quantile_ns(0.99) <= span.longest_ns and span.uptime_ns > 0
    with Blast(rig.net, "a", [udp4(OUTSIDE, A, size=500)], 1000):
        told = json.loads(weirctl(rig, "--json", "delays", "a", "--seconds", "0.3").stdout)
        said = weirctl(rig, "delays", "a", "--seconds", "0.3").stdout
    assert told["tx"]["medium"]["pkts"] > 50 and told["rx"]["medium"]["pkts"] == 0 and told["span_ns"] >= 3e8, told
    assert "weir itself was away for" in said and "medium" in said and "p99.9" in said, said
    assert weirctl(rig, "delays", "nobody", check=False).returncode == 1


@test("every answer's drop reasons are explained by /weir/drops", Main)
def reasons(rig):
    texts = rig.ask("/weir/drops")
    assert set(rig.ask("/weir/vf,a")["tx"]["drops"]) == set(texts), "other reasons than explained"
    assert all(len(text) > 10 for text in texts.values()), texts


@test("reading changes nothing: counters only grow", Main)
def never_reset(rig):
    rig.net["a"].send(*[numbered(OUTSIDE, A, i) for i in range(10)])
    rig.net.collect(lambda g: len(g["pf"]) >= 10)
    time.sleep(0.05)
    answers = [rig.ask("/weir/vf,a")["tx"] for _ in range(5)]
    for key in ("in_pkts", "out_pkts", "in_bytes", "out_bytes"):
        assert len({a[key] for a in answers}) == 1 and answers[0][key] > 0, [a[key] for a in answers]


@test("what cannot be answered says why, and what was wanted", Main)
def errors(rig):
    for request in ("/weir/vf", "/weir/vf,nobody", "/weir/vf,a,b", "/weir/vfs,x", "/weir/vfs,-1", "/weir/vfs,9999",
                    "/weir/ports,99", "/weir/info,x", "/weir/drops,1", "/weir/vf," + "a" * 995):
        got = rig.ask(request)
        assert got and set(got) == {"error", "wanted"}, "%s answers %s" % (request[:40], got)
    assert "name" in rig.ask("/weir/vf,a"), "after the errors the same client gets no answer"


@test("ten clients at once get whole answers", Main)
def many_clients(rig):
    clients = [Telemetry(rig.weir.prefix) for _ in range(8)]
    for client in clients:
        client.sock.send(b"/weir/vf,a")
    for client in clients:
        assert json.loads(client.sock.recv(client.max_output_bytes))["/weir/vf"]["name"] == "a"
        client.close()


@test("dpdk-telemetry.py reads it", Main)
def dpdk_client(rig):
    try:
        done = subprocess.run(["dpdk-telemetry.py", "-f", rig.weir.prefix], input="/weir/vf,a\n/weir/vfs\nquit\n",
                              capture_output=True, text=True, timeout=10)
    except FileNotFoundError:
        raise Skip("dpdk-telemetry.py is not installed") from None
    assert '"name": "a"' in done.stdout and '"total": %d' % len(Main.vfs) in done.stdout, done.stdout + done.stderr


@test("257 VFs come in pages, each VF once, no answer cut", Crowd)
def pages(rig):
    got, n_pages = all_pages(rig, "/weir/vfs", "vfs")
    names = {name for name, _ in got}
    assert len(got) == len(names) == Crowd.n_vfs + 1, "%d VFs, %d of them different" % (len(got), len(names))
    assert n_pages > 1, "one page for all: too long for an answer"
    for start in range(0, Crowd.n_vfs, 37):
        assert len(rig.weir.telemetry.ask_raw("/weir/vfs,%d" % start)) <= 16384


@test("each of 257 VFs on one port sends and receives as itself", Crowd)
def crowd(rig):
    macs = [Crowd.vf_mac(i) for i in range(Crowd.n_vfs)]
    up = [numbered(OUTSIDE, m, i) for i, m in enumerate(macs)]
    down = [numbered(m, OUTSIDE, i) for i, m in enumerate(macs)]
    for i in range(Crowd.n_vfs):
        rig.net["s"].send(up[i])
        rig.net["pf"].send(down[i])
    got = rig.net.collect(lambda g: len(g["pf"]) >= len(up) and len(g["s"]) >= len(down), timeout_s=4)
    assert sorted(got["pf"]) == sorted(up) and sorted(got["s"]) == sorted(down), "%d up, %d down of %d" % (
        len(got["pf"]), len(got["s"]), Crowd.n_vfs)
    for i in (0, 128, 256):
        view = rig.ask("/weir/vf,crowd_%d" % i)
        assert view["tx"]["out_pkts"] == 1 and view["rx"]["out_pkts"] == 1, view
