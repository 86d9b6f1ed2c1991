# SPDX-License-Identifier: BSD-3-Clause
"""What the papers show, what weir must do of it, and what cannot be played yet.

A figure plays one scenario of config/sim (or several) and judges what came of it: each row is (case, theirs, ours, bar, met).
"""
from . import figures_beyond, figures_eiffel, figures_native, figures_period, figures_ranks, figures_storage
from .figures_base import Row, Run, gbps, mbps, near

__all__ = ["FIGURES", "MISSING", "Run"]


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
    lowest, alone = run.lowest_bps("vm1", 0.15), run.mean_bps("vm1", 0.05, 0.15)
    yield Row("B", "daqs-joining", "10 G guaranteed; idle VMs join one by one with 1 to 8 TCP flows", "holds, after a poll of 200 ms; idle VMs cost nothing",
              f"lowest 1 ms of it, from the first on, {lowest / 1e9:.3f} Gb/s; {alone / 1e9:.3f} of 25 while the others are idle",
              ">= 9.975 Gb/s (all but 2 packets) in each 1 ms, >= 24.9 alone", lowest >= 9.975e9 and alone >= 24.9e9, "")


def payments(play):
    """DAQS: a payment is changed while all send."""
    run, parts = play("daqs-payments"), {"vm1": 4 / 7, "vm2": 1 / 7, "vm3": 2 / 7}
    samples = [(at_s, bps) for at_s, bps in run.samples() if at_s > 0.3 + 1e-9]
    since_s = 0.3
    for at_s, bps in samples:
        if any(not near(bps[name], part * 25e9, 1) for name, part in parts.items()):
            since_s = at_s
    before = [run.mean_bps(name, 0.1, 0.3) for name in parts]
    after = [run.mean_bps(name, 0.301, 0.6) for name in parts]
    lost = sum(sum(run.tx(name)["drops"].values()) for name in parts)
    yield Row("B", "payments", "weights 1:1:2 become 4:1:2 while all send", "next poll (1 s)",
              f"{gbps(before)}, then {gbps(after)}; every 1 ms sample within 1 % of it from {(since_s - 0.3) * 1e3:.0f} ms after the change on; {lost} packets dropped",
              "within 1 ms, none lost", since_s <= 0.301 + 1e-9 and lost == 0 and all(near(a, part * 25e9, 0.5) for a, part in zip(after, parts.values())), "")


def static(play):
    """DAQS: what static limits leave unused."""
    held, lent = play("daqs-static"), play("daqs-lent")
    had = [run.bps("vm1") for run in (held, lent)]
    yield Row("B", "static", "15 of 25 G for a VM that sends half of the time: limits on the others, against a guarantee", "65.9 % of the link used by ip link, 93 % by DAQS",
              f"{held.used_pct:.1f} % by limits, {lent.used_pct:.2f} % by a guarantee; it had {had[0] / 1e9:.3f} and {had[1] / 1e9:.3f} Gb/s, all that it sent",
              ">= 99.5 % used, its rate within 0.1 %", lent.used_pct >= 99.5 and near(had[1], had[0], 0.1) and held.used_pct < 90, "")


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
        alone = play(f"urgent-{pct}-alone").tx("vm2")["delay_us"]
        shares = [rest[name]["bps"] for name in ("high", "medium", "low")]
        case = f"256 B, Poisson, {pct} % of the link"
        yield Row("D", "urgent", case + ": p99 of the time in weir", "3-4 us with priority, 17-23 us without (base delay included)",
                  f"{delay['p99']:.2f} us, without {plain['p99']:.1f} us", "<= 4 us", delay["p99"] <= 4, "")
        added = [delay[key] - alone[key] for key in ("p99", "max")]
        yield Row("D", "urgent", case + ": wait added by the others, against the same commands alone", "at most a packet on the wire (120 ns)",
                  f"p99 {added[0]:.2f} us, longest {added[1]:.3f} us (of {delay['max']:.2f}: a ring that was empty is looked at again after 1 us or more)",
                  "<= 0.13 us", max(added) <= 0.13, "")
        yield Row("D", "urgent", case + ": the rest still 3:2:1", "the rest 3:2:1", gbps(shares), "3:2:1 +- 1 %",
                  near(shares[0], 3 * shares[2], 1) and near(shares[1], 2 * shares[2], 1), "")


FIGURES = {"dba1": dba1, "dba2": dba2, "dba-delay": dba_delay, "daqs": daqs, "daqs-joining": daqs_joining, "classes": classes,
           "payments": payments, "static": static, **figures_native.FIGURES, **figures_period.FIGURES, **figures_eiffel.FIGURES, **figures_ranks.FIGURES, "urgent": urgent,
           **figures_beyond.FIGURES, **figures_storage.FIGURES}

MISSING = [
    *figures_storage.MISSING,
]
