# SPDX-License-Identifier: BSD-3-Clause
"""Papers A and B without their control, and with static limits alone: the columns that ours stands beside.

The same scenarios with terms taken out.  "FIFO" is a switch of the uplink's rate, first in, first out, behind an uplink that is never
full and a core that never is: nothing of weir's order is left.  What a host without control does with a core that is short is not
modelled: weir without SLAs shares that too, and stands there in its place.
"""
import re

from .figures_base import Row, mbps, near, text_of

TERMS = r"tx\.\w+"


def without(name, terms):
    """-> the text of a scenario without these terms."""
    return re.sub(rf"^(?:{terms}) *=.*\n", "", text_of(name), flags=re.MULTILINE)


def by_fifo(text, rate, buffer):
    """-> the same with a switch as the bottleneck, in the uplink's place."""
    text = re.sub(r"(role = pf\nrate = )\w+", r"\g<1>400G", text)
    return text + f"\n[bottleneck]\nrate = {rate}\nbuffer = {buffer}\n"


def dba(play):
    """DBA-VM without control, and with static shaping."""
    names = ("vm1", "vm2", "vm3")
    text = by_fifo(without("dba1", TERMS + "|packet_capacity"), "1G", "128k").replace("from = *\n", "kind = poisson\nfrom = *\n")
    run = play("dba1-fifo", text)
    got = [run.tx(name)["carried_bps"] for name in names]
    yield Row("A", "native-a", "all send 1500 B (at random times), no control: a FIFO", "330 / 330 / 330 Mb/s", mbps(got), "as theirs: a third each +- 2 %",
              all(near(one, 1e9 / 3, 2) for one in got), "")
    run = play("dba1-static", without("dba1", r"tx\.min_bps"))
    got = [run.bps(name) for name in names]
    yield Row("A", "native-a", "all send 1500 B, static limits", "meets the SLAs", mbps(got), "as theirs: 150 / 700 / 150 Mb/s, error <= 0.1 %",
              all(near(a, b * 1e6, 0.1) for a, b in zip(got, (150, 700, 150))), "")
    for name, case, terms, theirs in (("free", "weir without any SLA", TERMS, "native: VM2 520, VM1 and VM3 50 Mb/s"),
                                      ("static", "static limits in bits alone", r"tx\.(?:min_bps|max_pps)", "tc: worse than native")):
        run = play(f"dba2-{name}", without("dba2", terms))
        got = [run.bps(name) for name in names]
        yield Row("A", "native-a", f"VM1, VM3 send 64 B on 190 kp/s, {case}", theirs, mbps(got), "better than theirs: VM2 has its 700 Mb/s, for weir shares the core by itself",
                  got[1] >= 0.999 * 700e6, "")


def daqs(play):
    """DAQS without control, and with static limits."""
    for guarantee in (10, 15):
        run = play(f"daqs-{guarantee}g-fifo", by_fifo(without(f"daqs-{guarantee}g", TERMS), "25G", "1M"))
        had = [run.tx(f"vm{i}")["carried_bps"] for i in range(1, 6)]
        yield Row("B", "native-b", f"{guarantee} G guaranteed, 4 VMs best effort, 8 TCP flows each, no control: a FIFO", "broken",
                  f"{had[0] / 1e9:.2f} Gb/s, {sum(had) / 25e7:.1f} % of the link used", "as theirs: broken", had[0] < guarantee * 0.9e9, "")
    text = re.sub(r"(mac = 02:00:00:00:00:0[2-5]\n)", r"\1tx.max_bps = 2500M\n", without("daqs-15g", TERMS))
    run = play("daqs-15g-static", text)
    got = run.bps("vm1")
    yield Row("B", "native-b", "15 G for one, static limits of 2.5 G on each of the 4 others, all send", "kept", f"{got / 1e9:.3f} Gb/s", "as theirs: kept",
              got >= 14.985e9, "")
    run = play("daqs-joining-fifo", by_fifo(without("daqs-joining", TERMS), "25G", "1M"))
    lowest, alone = run.lowest_bps("vm1", 0.15), run.mean_bps("vm1", 0.05, 0.15)
    yield Row("B", "native-b", "10 G guaranteed; VMs join one by one, no control: a FIFO", "guarantee breaks",
              f"{alone / 1e9:.2f} Gb/s alone, {lowest / 1e9:.2f} in the worst 1 ms after", "as theirs: broken", lowest < 9e9, "")


FIGURES = {"native-a": dba, "native-b": daqs}
