# SPDX-License-Identifier: BSD-3-Clause
"""The rows of paper D that weir's own loop plays: a switch beyond the uplink is the bottleneck, the senders are plain DCTCP."""
from .figures_base import Row, gbps, near

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


def after_50_rtts(run, rtt_us):
    """-> in words, how many samples were still off by more than a tenth, and the worst of them."""
    off, n = [], 0
    for at_s, bps in run.samples():
        if at_s * 1e6 <= 50 * rtt_us:
            continue
        whole = sum(bps[name] for name in CLASSES)
        worst = max(abs(bps[name] / (whole * part) - 1) * 100 for name, part in CLASSES.items())
        n += 1
        if worst > 10:
            off.append(worst)
    return f"{len(off)} of {n} samples later than 50 RTT are off by more than a tenth" + (f", the worst by {max(off):.0f} %" if off else "")


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


def unequal(play):
    """Networked storage: the same at unequal distances."""
    got = carried(play("beyond-rtts"))
    yield Row("D", "beyond-rtts", "90/60/30 Gb/s of DCTCP to a switch of 100 Gb/s, high at 98, medium at 62, low at 25 us", "DCTCP favours the near, QTCP holds",
              gbps(got), "48 / 31 / 17 +- 2", all(abs(a / 1e9 - b) <= 2 for a, b in zip(got, (48, 31, 17))), "")


def convergence(play):
    """Networked storage: how soon the classes have their parts."""
    for rtt_us in (25, 62, 98):
        run = play(f"beyond-{rtt_us}us")
        rtts = settled_s(run) * 1e6 / rtt_us
        yield Row("D", "beyond-convergence", f"each class has its part of what all have, within a tenth, for good; RTT {rtt_us} us", "Q settles in ~50 RTT",
                  f"from {settled_s(run) * 1e3:.1f} ms on: {rtts:.0f} RTT", "<= 50 RTT", rtts <= 50,
                  f"{after_50_rtts(run, rtt_us)}: back-offs and the senders' own answer to marks move the parts of single samples")
        qualities = [part * 100e9 / bps for part, bps in zip(CLASSES.values(), carried(run))]
        yield Row("D", "beyond-convergence", f"Q over all, RTT {rtt_us} us", "0.95..1", " / ".join(f"{q:.3f}" for q in qualities), "0.95 to 1",
                  all(0.95 <= q <= 1 for q in qualities), "all three at or below 1 needs a link that is full at all times; the loop probes for more and gives way, so 3 to 5 % "
                  "of that switch stay unused.  (By this measure theirs, 48 / 31 / 17 of 50 / 33.3 / 16.7, is 1.04 / 1.08 / 0.98)")


def interfering(play):
    """Networked storage: somebody else comes to the bottleneck and goes; more flows in a class."""
    run = play("beyond-interfering")
    for case, from_s, to_s, other in (("before it", 0.02, 0.075, 0), ("while it sends 25 Gb/s", 0.08, 0.25, 25e9), ("after it", 0.255, 0.3, 0),
                                      ("6 more flows in low", 0.305, 0.35, 0)):
        got = between(run, from_s, to_s)
        rates = [got[name] for name in CLASSES]
        fair = [part * (100e9 - other) for part in CLASSES.values()]
        yield Row("D", "beyond-interfering", f"a non-QoS flow from 75 to 250 ms: {case}", "the classes back off in proportion, and recover",
                  gbps(rates) + (f", the other {got['stranger'] / 1e9:.2f}" if other else ""), "each within 10 % of its part of the rest",
                  all(near(a, b, 10) for a, b in zip(rates, fair)), "")


FIGURES = {"beyond": beyond, "beyond-rtts": unequal, "beyond-convergence": convergence, "beyond-interfering": interfering}
