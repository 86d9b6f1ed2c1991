# SPDX-License-Identifier: BSD-3-Clause
"""Paper C: what Eiffel shows of queues and of many flows.  Costs are weir-bench's, of this machine and this run; flow completion
times are played."""
from .figures_base import Row

COMPARED = ("binary heap", "4-ary heap", "red-black tree")
HEAPS = "binary heaps"
LINE = "10 Gb/s of 252 B (221 ns)"
PFABRIC_LINE = "10 Gb/s of 60 B (67 ns)"
MANY, MANY_BPS, MANY_PORTS = 20000, 1200000, 31
BUSY = "weir-bench measures on a machine that others use: repeat it in a quiet hour"


def queues(play):
    """cFFS against queues that compare."""
    rows = play.bench("pq_hold")
    cost = {who: rows["uniform 16K/16K", who, "cycles_p15"] for who in ("weir",) + COMPARED}    # the least disturbed trials
    for who in COMPARED:
        times = cost[who] / cost["weir"]
        yield Row("C", "queues", f"pop + push, 16K items in 16K slots, against a {who}", "6x", f"{times:.1f}x ({cost['weir']:.0f} against {cost[who]:.0f} cycles)",
                  ">= 6x", times >= 6,
                  "a heap in one array without an index of its items, its siblings in one cache line: better than most in use, as the README of weir-bench says")


def gradient(play):
    """The gradient queue: where its buckets are dense it is said to win."""
    rows, case = play.bench("pq_hold"), "uniform 16K/16K"
    ours, theirs = (rows[case, who, "cycles_p15"] for who in ("weir", "gradient queue"))
    yield Row("C", "gradient", "pop + push, 16K items in 16K slots (dense), against the gradient queue (the exact one)", "the approximate one up to 9 % over cFFS",
              f"{ours:.0f} against {theirs:.0f} cycles: {theirs / ours:.2f}x", "within 9 % of it, or less", ours <= 1.09 * theirs, BUSY)


def many_tcp_scenario():
    """-> its text: too long to be kept as a file.  24 Gb/s for 1500 B in frames of 1514."""
    head = "[sim]\nduration = 3s\nwarmup = 2s\nsample = 1s\nturn = 5us\n[port up]\nrole = pf\nrate = 25G\nlink_basis = l2\n"
    ports = "".join(f"[port p{i}]\n" for i in range(MANY_PORTS))
    vfs = "".join(f"[vf f{i}]\nport = p{i % MANY_PORTS}\nmac = 02:00:00:00:{i >> 8:02x}:{i & 255:02x}\ntx.max_bps = {MANY_BPS}\n" for i in range(MANY))
    return head + ports + vfs + "[traffic all]\nkind = tcp\nfrom = *\nalgorithm = cubic\nrtt = 1ms\nwindow = 16\n"


def many_tcp(play):
    """20,000 TCP connections on virtual time, each in a VF with a limit of its own."""
    run = play("many-tcp", many_tcp_scenario())
    rates = sorted(run.bps(f"f{i}") for i in range(MANY))
    worst = max(abs(one - MANY_BPS) for one in (rates[0], rates[-1])) / MANY_BPS * 100
    yield Row("C", "many-tcp", "20,000 CUBIC connections, each in a VF limited to 1.2 Mb/s, on virtual time", "24 Gb/s shaped (kernel, neper)",
              f"{sum(rates) / 1e9:.3f} Gb/s, each {rates[0] / 1e6:.3f} to {rates[-1] / 1e6:.3f} Mb/s", "24 Gb/s +- 0.5 %, each within a packet a second of it",
              abs(sum(rates) - MANY * MANY_BPS) <= 0.005 * MANY * MANY_BPS and worst <= 100 * 1514 * 8 / MANY_BPS, "")


def shaping(play):
    """20,000 flows at 24 Gb/s."""
    rows, case = play.bench("many_flows"), "shaping, 20000 flows at 24 Gb/s"
    core = {who: rows.get((case, who, "core")) for who in ("weir", "fq", HEAPS, "carousel")}
    if None in core.values():
        yield Row("C", "shaping", "20,000 flows at 24 Gb/s of 1500 B", "14x less CPU than fq, 3x less than Carousel", "not measured", ">= 14x", False, BUSY)
        return
    times = core["fq"] / core["weir"]
    yield Row("C", "shaping", "20,000 flows at 24 Gb/s of 1500 B, what the scheduler takes of a core", "14x less CPU than fq, 3x less than Carousel",
              f"{core['weir']:.0f} % of a core; fq's red-black tree {core['fq']:.0f} % ({times:.1f}x), binary heaps {core[HEAPS]:.0f} %", ">= 14x less than fq", times >= 14,
              "theirs is the kernel's fq with its locks, timers and garbage collection; ours is its tree alone, in the same loop on the same packets")
    times = core["carousel"] / core["weir"]
    yield Row("C", "shaping", "the same beside Carousel's wheel of packets", "3x less CPU than Carousel",
              f"{core['weir']:.0f} % of a core; Carousel's wheel {core['carousel']:.0f} % ({times:.1f}x)", ">= 3x less", times >= 3,
              "what Eiffel saved is Carousel's timer at every tick; who polls has no timers, and the wheel is the cheapest there is for limits in bits alone. "
              "It has no guarantees, packets a second, shares or classes, and what waits does not hear of a new rate")


def line_rate(play):
    """Flows at line rate, under hClock and under pFabric."""
    rows = play.bench("many_flows")
    for policy, line, theirs, bar in (("hclock", LINE, "40x the flows of a heap", 40), ("pfabric", PFABRIC_LINE, "5x the flows of a heap", 5)):
        ours, heap = (rows[f"{policy}, {line}", who, "flows_at_line_rate"] for who in ("weir", HEAPS))
        most = max(int(case.split()[1]) for case, _, _ in rows if case.startswith(f"{policy}, ") and case.endswith(" flows"))
        is_more = "at least " if ours >= most else ""
        times = ours / heap if heap else float("inf") if ours else 0
        told = f": {is_more}{times:.1f}x" if heap else " (not even the fewest that were tried)"
        yield Row("C", policy, f"{policy}: flows at {line}", theirs, f"{is_more}{ours:,.0f} flows, binary heaps {heap:,.0f}{told}", f">= {bar}x", times >= bar,
                  "the heaps are hClock's three tags and no more, lean and in one program with ours, which also knows packets a second, tenants and urgent: "
                  "up to 1,000 flows they cost less, from 16,000 on 2 to 5 times as much, and the caches that others leave decide" if policy == "hclock" else "")


def completion(play):
    """How long short and long messages take."""
    took = {name: {one["traffic"]: one for one in play(f"fct-{name}").messages} for name in ("pfabric", "dctcp", "fifo")}

    def told(name):
        short, long = took[name]["short"], took[name]["long"]
        return (f"20 kB {short['mean_us']:.0f} us (p99 {short['delay_us']['p99']:.0f}), 2 MB {long['mean_us'] / 1e3:.2f} ms "
                f"(p99 {long['delay_us']['p99'] / 1e3:.1f})")
    best = {kind: min(took[name][kind]["mean_us"] for name in ("dctcp", "fifo")) for kind in ("short", "long")}
    ours = {kind: took["pfabric"][kind]["mean_us"] for kind in best}
    p99 = took["pfabric"]["short"]["delay_us"]["p99"], min(took[name]["short"]["delay_us"]["p99"] for name in ("dctcp", "fifo"))
    yield Row("C", "completion", "messages by a switch of 100 Gb/s at 80 %, least left goes first (lib/policy/pfabric.h), RTT 25 us", "-",
              f"{told('pfabric')}; DCTCP by a FIFO {told('dctcp')}; a FIFO and fixed windows {told('fifo')}",
              "both means below, and p99 of 20 kB at most half, of the better of both", all(ours[kind] < best[kind] for kind in best) and p99[0] <= p99[1] / 2, "")


FIGURES = {"queues": queues, "gradient": gradient, "many-tcp": many_tcp, "shaping": shaping, "line-rate": line_rate, "completion": completion}
