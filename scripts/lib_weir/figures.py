# SPDX-License-Identifier: BSD-3-Clause
"""What the papers show, what weir must do of it, and what cannot be played yet.

A figure plays one scenario of config/sim (or several) and judges what came of it: each row is (case, theirs, ours, bar, met).
"""
import collections
import csv

Row = collections.namedtuple("Row", "paper figure case theirs ours bar met why")
Missing = collections.namedtuple("Missing", "paper figure case theirs needs")


class Run:
    """A scenario that was played: its figures, by VF and class."""

    def __init__(self, figures, csv_path):
        self.ports, self.csv_path = figures["ports"], csv_path
        self.vfs = {(vf["name"], vf["direction"]): vf for vf in figures["vfs"]}

    def tx(self, name):
        """-> the figures of what a VF sends."""
        return self.vfs[name, "tx"]

    def bps(self, name):
        """-> what came of it."""
        return self.tx(name)["got"]["bps"]

    def by_class(self, name):
        """-> {class: figures}"""
        return {one["class"]: one for one in self.tx(name)["classes"]}

    @property
    def used_pct(self):
        """-> of the uplink."""
        return self.ports[0]["utilization_pct"]

    def lowest_bps(self, name, from_s):
        """-> the lowest rate of any sample from then on."""
        with open(self.csv_path, encoding="utf-8", newline="") as file:
            return min(float(row["got_bps"]) for row in csv.DictReader(file)
                       if row["vf"] == name and row["direction"] == "tx" and float(row["time_s"]) > from_s + 1e-9)


    def samples(self):
        """-> [(seconds, {VF: b/s that arrived})]"""
        by_time = collections.defaultdict(dict)
        with open(self.csv_path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["direction"] == "tx":
                    by_time[float(row["time_s"])][row["vf"]] = float(row["got_bps"])
        return sorted(by_time.items())


def near(got, want, pct):
    """Within so many percent of it?"""
    return abs(got - want) <= want * pct / 100


def mbps(values):
    """-> '150.00 / 700.00 / 150.00 Mb/s'"""
    return " / ".join(f"{value / 1e6:.2f}" for value in values) + " Mb/s"


def gbps(values):
    """-> '50.00 / 33.33 / 16.67 Gb/s'"""
    return " / ".join(f"{value / 1e9:.2f}" for value in values) + " Gb/s"


def dba1(play):
    """DBA-VM, scenario 1: rates."""
    run = play("dba1")
    got = [run.bps(f"vm{i}") for i in (1, 2, 3)]
    yield Row("A", "dba1", "all send 1500 B", "meets the SLAs (native: 330 / 330 / 330 Mb/s)", mbps(got),
              "150 / 700 / 150 Mb/s, error <= 0.1 %", all(near(a, b * 1e6, 0.1) for a, b in zip(got, (150, 700, 150))), "")


def dba2(play):
    """DBA-VM, scenario 2: rates."""
    run = play("dba2")
    pps = [run.tx(name)["got"]["pps"] for name in ("vm1", "vm3")]
    ours = f"VM1 {pps[0] / 1e3:.2f} kp/s, VM3 {pps[1] / 1e3:.2f} kp/s, VM2 {run.bps('vm2') / 1e6:.2f} Mb/s"
    yield Row("A", "dba2", "VM1, VM3 send 64 B on 190 kp/s", "VM1 9.1, VM3 22 Mb/s, VM2 \"clearly better\" than 520", ours,
              "20 kp/s, 60 kp/s, 700 Mb/s, error <= 0.1 %",
              near(pps[0], 20e3, 0.1) and near(pps[1], 60e3, 0.1) and near(run.bps("vm2"), 700e6, 0.1), "")


def dba_delay(play):
    """DBA-VM: delays of those under their SLA."""
    run = play("dba1-delay")
    for name, theirs in (("vm2", "< 1 ms"), ("vm3", "1.6 ms")):
        p99 = run.tx(name)["delay_us"]["p99"]
        yield Row("A", "dba-delay", f"{name} under its SLA, vm1 floods", theirs, f"p99 {p99:.0f} us", "p99 <= 1 ms", p99 <= 1000, "")


def daqs(play):
    """DAQS: guarantees of 10 and 15 of 25 Gb/s."""
    for guarantee, theirs in ((10, "kept"), (15, "kept, 93 % of baseline used (static limit: 65.9 % of the link)")):
        run = play(f"daqs-{guarantee}g")
        got, used = run.bps("vm1"), run.used_pct
        yield Row("B", f"daqs-{guarantee}g", f"{guarantee} G guaranteed, 4 VMs best effort, 8 TCP flows each", theirs,
                  f"{got / 1e9:.3f} Gb/s, {used:.2f} % of the link used", "error <= 0.1 %, >= 99.5 % used",
                  got >= guarantee * 1e9 * 0.999 and used >= 99.5, "")


def daqs_joining(play):
    """DAQS: VMs join one by one."""
    run = play("daqs-joining")
    lowest = run.lowest_bps("vm1", 0.15)
    yield Row("B", "daqs-joining", "VMs join with 1 to 8 TCP flows", "holds, after a poll of 200 ms",
              f"lowest 5 ms of it {lowest / 1e9:.3f} Gb/s", ">= 9.99 Gb/s in each 5 ms", lowest >= 9.99e9, "")


def classes(play):
    """Networked storage: 3:2:1 at the uplink."""
    run = play("classes-100g").by_class("vm1")
    got = [run[name]["bps"] for name in ("high", "medium", "low")]
    yield Row("D", "classes", "DCTCP in three classes of a VM, bottleneck at the PF", "48 / 31 / 17 Gb/s (plain DCTCP 33 / 33 / 30)",
              gbps(got), "50 / 33.3 / 16.7 Gb/s +- 0.5", all(abs(a / 1e9 - b) <= 0.5 for a, b in zip(got, (50, 100 / 3, 50 / 3))), "")


def urgent(play):
    """Networked storage: urgent on top."""
    for pct in (10, 15):
        plain = play(f"urgent-{pct}-unmarked").by_class("vm1")["medium"]["delay_us"]
        run = play(f"urgent-{pct}")
        delay, rest = run.tx("vm2")["delay_us"], run.by_class("vm1")
        shares = [rest[name]["bps"] for name in ("high", "medium", "low")]
        case = f"256 B, Poisson, {pct} % of the link"
        yield Row("D", "urgent", case + ": p99 of the time in weir", "3-4 us with priority, 17-23 us without (base delay included)",
                  f"{delay['p99']:.2f} us, without {plain['p99']:.1f} us", "<= 4 us", delay["p99"] <= 4, "")
        yield Row("D", "urgent", case + ": the longest time in weir", "-", f"{delay['max']:.2f} us", "<= 0.13 us",
                  delay["max"] <= 0.13, "a ring that was empty is looked at again after 1 us or more (the asking order's pause): "
                  "that is most of it, in a polled switch as here; the scheduler adds the packet on the wire")
        yield Row("D", "urgent", case + ": the rest still 3:2:1", "the rest 3:2:1", gbps(shares), "3:2:1 +- 1 %",
                  near(shares[0], 3 * shares[2], 1) and near(shares[1], 2 * shares[2], 1), "")


CLASSES = {"high": 1 / 2, "medium": 1 / 3, "low": 1 / 6}


def carried(run):
    """-> what the three classes had of the bottleneck."""
    return [run.tx(name)["carried_bps"] for name in CLASSES]


def settled_s(run):
    """-> from when on each class has its part of what all have, within a tenth, in every sample."""
    since = 0.0
    for at_s, bps in run.samples():
        whole = sum(bps[name] for name in CLASSES)
        if any(not near(bps[name], whole * part, 10) for name, part in CLASSES.items()):
            since = at_s
    return since


def between(run, from_s, to_s):
    """-> the mean rates of a time."""
    some = [bps for at_s, bps in run.samples() if from_s < at_s <= to_s + 1e-9]
    return {name: sum(bps[name] for bps in some) / len(some) for name in some[0]}


def beyond(play):
    """Networked storage: 3:2:1 where a switch beyond the uplink is the bottleneck."""
    off = gbps(carried(play("beyond-off")))
    for rtt_us in (25, 62, 98):
        got = carried(play(f"beyond-{rtt_us}us"))
        yield Row("D", "beyond", f"90/60/30 Gb/s of DCTCP to a switch of 100 Gb/s, RTT {rtt_us} us", "48 / 31 / 17 Gb/s (DCTCP alone 33 / 33 / 30)",
                  gbps(got) + (f" (without the loop {off})" if rtt_us == 25 else ""), "48 / 31 / 17 +- 2",
                  all(abs(a / 1e9 - b) <= 2 for a, b in zip(got, (48, 31, 17))), "")


def convergence(play):
    """Networked storage: how soon the classes have their parts."""
    for rtt_us in (25, 62, 98):
        run = play(f"beyond-{rtt_us}us")
        rtts = settled_s(run) * 1e6 / rtt_us
        yield Row("D", "convergence", f"each class has its part of what all have, within a tenth, for good; RTT {rtt_us} us", "Q settles in ~50 RTT",
                  f"from {settled_s(run) * 1e3:.1f} ms on: {rtts:.0f} RTT", "<= 50 RTT", rtts <= 50,
                  "back-offs and the senders' own answer to marks move the parts of single samples")
        qualities = [part * 100e9 / bps for part, bps in zip(CLASSES.values(), carried(run))]
        yield Row("D", "convergence", f"Q over all, RTT {rtt_us} us", "0.95..1", " / ".join(f"{q:.3f}" for q in qualities), "0.95 to 1",
                  all(0.95 <= q <= 1 for q in qualities), "the loop probes for more and gives way: some percent of that switch stay unused")


def interfering(play):
    """Networked storage: somebody else comes to the bottleneck and goes; more flows in a class."""
    run = play("beyond-interfering")
    for case, from_s, to_s, other in (("before it", 0.02, 0.075, 0), ("while it sends 25 Gb/s", 0.08, 0.25, 25e9), ("after it", 0.255, 0.3, 0),
                                      ("6 more flows in low", 0.305, 0.35, 0)):
        got = between(run, from_s, to_s)
        rates = [got[name] for name in CLASSES]
        fair = [part * (100e9 - other) for part in CLASSES.values()]
        yield Row("D", "interfering", f"a non-QoS flow from 75 to 250 ms: {case}", "the classes back off in proportion, and recover",
                  gbps(rates) + (f", the other {got['stranger'] / 1e9:.2f}" if other else ""), "each within 10 % of its part of the rest",
                  all(near(a, b, 10) for a, b in zip(rates, fair)), "")


FIGURES = {"dba1": dba1, "dba2": dba2, "dba-delay": dba_delay, "daqs": daqs, "daqs-joining": daqs_joining, "classes": classes,
           "urgent": urgent, "beyond": beyond, "convergence": convergence, "interfering": interfering}

MISSING = [
    Missing("A", "period", "cost of re-allocation, swept over its period", "breaks even at 0.3 s (memory), 0.9 s (CPU)",
            "an allocator in the control core"),
    Missing("B", "payments", "payment changed while running", "next poll (1 s)", "changes at run time in a scenario"),
    Missing("B", "static", "static limits of ip link beside it", "65.9 % of the link used",
            "a scenario in which limits stand for the static ones"),
    Missing("C", "queues", "cFFS against comparison queues", "6x", "weir-bench shows it (pq_hold, pq_link), not this page"),
    Missing("C", "shaping", "20k flows at 24 Gb/s, CPU", "14x less than fq", "weir-bench shows the cost (sched suites), not this page"),
    Missing("C", "hclock", "flows at line rate against a heap", "40x", "a heap under the same order"),
    Missing("C", "pfabric", "flow completion times", "5x flows", "senders with flow sizes; lib/policy has the rank"),
    Missing("D", "qtcp", "QTCP converges sooner than DCTCP; fig 10", "5 ms", "QTCP as a sender"),
    Missing("D", "incast", "1:12 with 10 % urgent", "87 Gb/s carried by the rest", "many senders into one bottleneck port"),
    Missing("D", "deadlines", "latency targets 5/6/8 ms; figs 15b, 18a", "15-18 % missed", "QTCP, D2TCP, DCQCN and QRDMA as senders"),
    Missing("D", "fairness", "DCTCP beside DCQCN; figs 18b-c, 19", "unfair; Q versions fair", "DCQCN and QRDMA as senders"),
    Missing("D", "storage", "figs 7, 16, 17", "-", "a storage device: there is none here"),
]
