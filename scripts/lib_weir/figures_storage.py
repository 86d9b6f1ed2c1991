# SPDX-License-Identifier: BSD-3-Clause
"""Paper D beyond the uplink: classes told apart by senders (QTCP, QRDMA), beside those that do not (DCTCP, DCQCN, D2TCP)."""
from .figures_base import Missing, Row, gbps, near, text_of

CLASSES = ("high", "medium", "low")
TARGETS = (50, 100 / 3, 100 / 6)        # Gb/s
SIGMA = 0.05
SEEDS = range(1, 5)
GROWTH = 0.012      # of the target's window, a round trip: as config/sim/storage-qtcp.conf
OURS = "ours, with 1.2 % of the target's window a round trip and marks smoothed by 1/16"


def shares_are(got, want, pct):
    """In these proportions, within so many percent each?"""
    return all(near(one / sum(got), part / sum(want), pct) for one, part in zip(got, want))


def model(rtt_s, steps, smoothing, threshold=140, slots=20000):
    """The discrete-time model of section 3.1.2 -> Gb/s of each class.

    In a slot of one round trip each class sends its window; where the queue before was at the threshold, all of it is marked.
    """
    per_s = 100e9 / 8 / 1514
    windows, alphas, actuals, sums, was_marked, time_s = [10.0] * 3, [0.0] * 3, [0.0] * 3, [0.0] * 3, False, 0.0
    for slot in range(slots):
        queue = max(0.0, sum(windows) - per_s * rtt_s)
        slot_s = rtt_s + queue / per_s
        is_marked, was_marked = was_marked, queue >= threshold
        time_s += slot_s if slot >= slots // 10 else 0
        for i, (step, target) in enumerate(zip(steps, TARGETS)):
            sums[i] += windows[i] if slot >= slots // 10 else 0
            actuals[i] = (actuals[i] + windows[i] / slot_s) / 2
            alphas[i] += (is_marked - alphas[i]) / smoothing
            quality = target * 1e9 / 8 / 1514 / actuals[i]
            windows[i] = max(2.0, windows[i] * (1 - alphas[i] ** min(1.0, quality) / 2)) if is_marked else windows[i] + step
    return [one / sum(sums) * min(100.0, sum(sums) / per_s / time_s * 100) for one in sums]


def throughput(play):
    """48/31/17 against 33/33/30, and the model beside it."""
    got = {name: [play(name).tx(one)["carried_bps"] for one in CLASSES] for name in
           ("storage-dctcp", "storage-qtcp", "storage-qtcp-equal")}
    case = "90 / 60 / 30 Gb/s offered to a switch of 100 Gb/s, "
    plain, weighted, equal = got["storage-dctcp"], got["storage-qtcp"], got["storage-qtcp-equal"]
    yield Row("D", "qtcp", case + "DCTCP (fig. 12a)", "33 / 33 / 30 Gb/s", gbps(plain), "as theirs, +- 3",
              all(abs(a / 1e9 - b) <= 3 for a, b in zip(plain, (33, 33, 30))), "")
    yield Row("D", "qtcp", case + f"QTCP, its growth by its target and paced: {OURS}", "48 / 31 / 17 Gb/s", gbps(weighted),
              "48 / 31 / 17 +- 2 or better: 50 / 33.3 / 16.7 +- 1",
              all(abs(a / 1e9 - b) <= 2 for a, b in zip(weighted, (48, 31, 17))) or all(abs(a / 1e9 - b) <= 1 for a, b in zip(weighted, TARGETS)), "")
    yield Row("D", "qtcp", case + "QTCP, its equations as rebuilt", "48 / 31 / 17 Gb/s", gbps(equal), "48 / 31 / 17 +- 2",
              all(abs(a / 1e9 - b) <= 2 for a, b in zip(equal, (48, 31, 17))),
              "the printed equations are lost.  Rebuilt from their words, all connections grow alike, so in balance W x alpha^min(1, Q) is the same for "
              "all: 3:2:1 would need alpha^Q three times alpha in low, which at Q = 1 it never is (alpha 0.06 gives about 43 / 36 / 22 at best, and g = 0.5 "
              "keeps alpha near 0.5).  The discrete-time model says the same.  With growth in proportion to the target it holds")
    for what, packets, steps, smoothing in (("growing by target", weighted, [GROWTH * one * 1e9 * 98e-6 / 8 / 1514 for one in TARGETS], 16), ("as rebuilt", equal, (6, 6, 6), 2)):
        ours, theirs = [one / 1e9 for one in packets], model(98e-6, steps, smoothing)
        yield Row("D", "model", f"the discrete-time model beside the packets (fig. 8), QTCP {what}", "almost identical",
                  f"model {' / '.join(f'{one:.1f}' for one in theirs)}, packets {' / '.join(f'{one:.1f}' for one in ours)} Gb/s", "+- 2 Gb/s",
                  all(abs(a - b) <= 2 for a, b in zip(ours, theirs)),
                  "in the model a full queue marks all packets of a round trip; by packets some connections are spared")


def q_off(run):
    """-> by round trip from the 16th on: how far the worst class's Q, over 16 of them, is off 1."""
    rates = [run.series(one) for one in CLASSES]
    return [max(abs(target * 1e9 / max(1.0, sum(rate for _, rate in one[at - 16:at]) / 16) - 1) for one, target in zip(rates, TARGETS))
            for at in range(16, min(len(one) for one in rates))]


def settled_rtts(run, spread):
    """-> round trips until every class's Q, over 16 of them, is within 'spread' of 1 and so stays for 50 more; None: never."""
    off = q_off(run)
    for at in range(len(off) - 50):
        if max(off[at:at + 50]) <= spread:
            return at + 16
    return None


def why_not_nearer(run, at):
    """-> how far off 1 Q still is once it has settled."""
    if at is None:
        return "it does not settle"
    off = sorted(q_off(run)[at - 16:])
    return (f"windows grow and give way between marks, and Q over 16 round trips with them: once settled the worst class is off 1 by "
            f"{off[len(off) // 2] * 100:.1f} % in the median, {off[-1] * 100:.0f} % at most")


def convergence(play):
    """Q at three distances, figure 9."""
    for rtt_us in (25, 62, 98):
        run = play(f"storage-q-{rtt_us}us")
        at = settled_rtts(run, 0.25)
        near_at = settled_rtts(run, SIGMA)
        ours = f"{at} round trips ({at * rtt_us / 1e3:.1f} ms), within 25 %" if at else "not within 25 % of 1 in 20 ms"
        ours += f"; {near_at} round trips within 5 %" if near_at else "; never within 5 %"
        yield Row("D", "convergence", f"Q of all classes settles, {rtt_us} us (fig. 9)", "~50 round trips, then 0.95 to 1", ours,
                  "<= 50 round trips, then within 5 %", near_at is not None and near_at <= 50,
                  why_not_nearer(run, at))


def late_ms(run, want, pct):
    """-> after the last arrival (100 ms), until all classes' 5 ms means are within so many percent for 20 ms."""
    for at in range(100, 175):
        if all(near(run.mean_bps(one, (at + k) / 1e3, (at + k + 5) / 1e3) / 1e9, part, pct)
               for one, part in zip(CLASSES, want) for k in range(0, 20, 5)):
            return at - 100
    return None


def late(play):
    """Connections that come later, figure 10."""
    dctcp = late_ms(play("storage-late-dctcp"), (100 / 3,) * 3, 25)
    qtcp = late_ms(play("storage-late-qtcp"), TARGETS, 25)
    told = [f"{one} ms" if one else "at once (< 5 ms)" if one == 0 else "not in 75 ms" for one in (qtcp, dctcp)]
    yield Row("D", "late", "connections that come later have their part (+- 25 %, fig. 10)", "QTCP ~5 ms sooner than DCTCP",
              f"QTCP {told[0]}, DCTCP {told[1]}", "QTCP sooner by 5 ms", qtcp is not None and (dctcp is None or qtcp + 5 <= dctcp),
              "DCTCP's equal parts come as soon here as QTCP's unequal ones: the newcomer's slow start is short for either")


def new_flow(play):
    """A new application of the low class, figure 14a."""
    run = play("storage-new-flow")
    before = [run.mean_bps(one, 0.02, 0.05) for one in CLASSES]
    during = [run.mean_bps(one, 0.07, 0.12) for one in CLASSES]
    during[2] += run.mean_bps("low2", 0.07, 0.12)
    yield Row("D", "new-flow", "a second low-class application comes (fig. 14a)", "shares its class's part, no other's",
              f"before {gbps(before)}, then {gbps(during)} (low: both)", "each class within 15 % of before",
              all(near(b, a, 15) for a, b in zip(before, during)),
              "")


def interfering(play):
    """An application that knows nothing of classes, figure 14b."""
    run = play("storage-interfering")
    during = [run.mean_bps(one, 0.125, 0.25) for one in CLASSES]
    before, after = (sum(run.mean_bps(one, *span) for one in CLASSES) for span in ((0.03, 0.075), (0.28, 0.32)))
    yield Row("D", "interfering", "a DCTCP application from 75 to 250 ms (fig. 14b)", "the classes back off in proportion, and recover",
              f"{gbps(during)} beside {run.mean_bps('other', 0.125, 0.25) / 1e9:.1f}; {after / before * 100:.0f} % of before afterwards",
              "3:2:1 +- 15 %, >= 95 % afterwards", shares_are(during, (3, 2, 1), 15) and after >= 0.95 * before,
              "")


def incast(play):
    """Twelve senders and urgent commands, figure 22b."""
    for pct, bar in ((10, 87), (20, 77)):
        run = play(f"storage-incast-{pct}")
        rest = [sum(run.tx(f"{one}{i}")["carried_bps"] for i in range(1, 5)) for one in CLASSES]
        yield Row("D", "incast", f"1:12 with {pct} % urgent (fig. 22b)", "87 Gb/s carried by the rest, 3:2:1" if pct == 10 else "similar",
                  f"{sum(rest) / 1e9:.1f} Gb/s: {gbps(rest)}", f">= {bar} Gb/s (rounded, as printed), 3:2:1 +- 15 %",
                  round(sum(rest) / 1e9) >= bar and shares_are(rest, (3, 2, 1), 15), "the switch idles for moments when all cut at once")


def missed_pct(play, name, text=None):
    """-> of each class's messages."""
    return [one["missed"] * 100 / max(1, one["n"]) for one in play(f"deadlines-{name}", text).messages]


def percents(values):
    """-> '45.1 / 31.0 / 24.2 %'"""
    return " / ".join(f"{value:.1f}" for value in values) + " %"


def other_pct(play, name, what, old, new):
    """-> what would be missed if the scenario were another in this."""
    text = text_of(f"deadlines-{name}")
    assert old in text, (name, old)
    return missed_pct(play, f"{name}-{what}", text.replace(old, new))


def paced_pct(play, name):
    """-> what DCTCP would miss with the pace and the smoothing of our QTCP, and nothing else of it."""
    return other_pct(play, name, "paced", "algorithm = dctcp\n", "algorithm = dctcp\npaced = yes\nsmoothing = 16\n")


def of_seeds_pct(play, name):
    """-> the mean over as many arrivals at random."""
    runs = [other_pct(play, name, f"seed{seed}", "[sim]\n", f"[sim]\nseed = {seed}\n") for seed in SEEDS]
    return [sum(one) / len(runs) for one in zip(*runs)]


def why_late(play):
    """-> where messages of one class have longer than another's, DCTCP's misses are told by that alone."""
    got = [play("deadlines-dctcp").tx(one)["carried_bps"] for one in CLASSES]
    alike = other_pct(play, "dctcp", "alike", "within = 8ms", "within = 5ms")
    return f"our low class has 8 ms, and DCTCP gives it as much as the others ({gbps(got)}): with 5 ms for it too {alike[2]:.1f} % of it would be missed"


def why_none_is_not_reached(play):
    """-> what D2TCP moves, over several seeds, and what is missed whoever goes first."""
    mean = {name: of_seeds_pct(play, f"{name}-normal") for name in ("dctcp", "d2tcp")}
    least = other_pct(play, "d2tcp-normal", "edf", "mark_above = 212k\n", "mark_above = 212k\norder = edf\n")
    moved = [a - b for a, b in zip(mean["d2tcp"], mean["dctcp"])]
    return (f"over {len(SEEDS)} seeds it misses {percents(mean['d2tcp'])}, DCTCP {percents(mean['dctcp'])}: it moves lateness from those whose deadline is near to "
            f"those who have time ({' / '.join(f'{one:+.1f}' for one in moved)} points).  None is not to be had at these arrivals: with a switch that sends the "
            f"earliest deadline first as well {percents(least)} are late")


def deadlines(play):
    """Latency targets, figures 15b and 18a."""
    no_slack = ("Q by delay, as rebuilt, is DCTCP for whoever is late and gives way more where there is slack: it never gives anyone more than DCTCP "
                "does, so it can move misses between classes and not lower them in all.  The printed equations and what was measured as delay are lost")
    normal = {name: missed_pct(play, f"{name}-normal") for name in ("dctcp", "d2tcp", "qtcp")}
    got = {name: missed_pct(play, name) for name in ("dctcp", "d2tcp", "qtcp", "dcqcn", "qrdma")}
    case = "2 MB within 5 / 6 / 8 ms at 80 % (high 10, medium 20 % below low), missed by "
    pacing = f" (paced, marks smoothed by 1/16; paced DCTCP would miss {percents(paced_pct(play, 'dctcp-normal'))}: it is the pace that helps, not Q)"
    yield Row("D", "deadlines", case + "DCTCP (fig. 15b)", "~5-8 %", percents(normal["dctcp"]), "5-8 % +- 5 points",
              all(0 <= one <= 13 for one in normal["dctcp"]), "")
    yield Row("D", "deadlines", case + "D2TCP", "none", percents(normal["d2tcp"]), "<= DCTCP's",
              all(a <= b for a, b in zip(normal["d2tcp"], normal["dctcp"])),
              why_none_is_not_reached(play))
    yield Row("D", "deadlines", "the same, missed by QTCP", "almost none", percents(normal["qtcp"]) + pacing, "<= DCTCP's",
              all(a <= b for a, b in zip(normal["qtcp"], normal["dctcp"])), no_slack)
    yield Row("D", "deadlines", "stressed (93 %), missed by DCTCP", "30-65 %", percents(got["dctcp"]), "30-65 % +- 5 points",
              all(25 <= one <= 70 for one in got["dctcp"]), why_late(play))
    yield Row("D", "deadlines", "stressed, missed by D2TCP", "~35 % (high)", percents(got["d2tcp"]), "high: 35 % +- 5 points",
              abs(got["d2tcp"][0] - 35) <= 5, "")
    yield Row("D", "deadlines", "stressed, missed by QTCP", "15-18 %", percents(got["qtcp"]), "<= 18 %", max(got["qtcp"]) <= 18,
              f"{no_slack}.  DCTCP with the same pace and smoothing misses {percents(paced_pct(play, 'dctcp'))}: what Q adds is not fewer")
    carried = sum(play("deadlines-dcqcn").tx(one)["carried_bps"] for one in CLASSES) / 1e9
    fewer = [(b - a) * 100 / b for a, b in zip(got["qrdma"], got["dcqcn"])]
    yield Row("D", "deadlines", "stressed, QRDMA against DCQCN (fig. 18a)", "43-80 % fewer missed",
              f"{percents(got['qrdma'])}, DCQCN {percents(got['dcqcn'])}", ">= 43 % fewer", min(fewer) >= 43,
              f"{no_slack}.  Here nearly all are late already by DCQCN, which of 93 Gb/s offered carries {carried:.0f}: there is no slack to give")


def fairness(play):
    """DCTCP beside DCQCN, figures 18b-c and 19."""
    def halves(name):
        run = play(name)
        return [run.tx(one)["carried_bps"] for one in "ab"]
    plain, mixed, both = (halves(f"mixed-{name}") for name in ("dctcp-dcqcn", "qtcp-dcqcn", "qtcp-qrdma"))
    yield Row("D", "fairness", "DCTCP beside DCQCN (fig. 18b)", "DCTCP ends with most of the link", gbps(plain), "DCTCP above 2:1",
              plain[0] > 2 * plain[1], "")
    text = text_of("mixed-qtcp-dcqcn")
    assert "growth = 4\n" in text
    faster = [play("mixed-qtcp-dcqcn-faster", text.replace("growth = 4\n", "growth = 12\n")).tx(one)["carried_bps"] for one in "ab"]
    yield Row("D", "fairness", f"QTCP beside DCQCN (fig. 18c), growing by 0.4 % of its target, near DCQCN's own pace (by 1.2 %: {gbps(faster)})", "equal", gbps(mixed), "50 / 50 +- 5", abs(mixed[0] - 50e9) <= 5e9,
              "who grows faster has more, whatever Q says")
    yield Row("D", "fairness", "QTCP, the same, beside QRDMA", "-", gbps(both), "50 / 50 +- 5", abs(both[0] - 50e9) <= 5e9, "")
    for name, figure in (("qtcp", "19b"), ("qrdma", "19c")):
        run = play(f"ratios-{name}")
        got = [run.tx(f"f{i}")["carried_bps"] for i in range(1, 5)]
        yield Row("D", "fairness", f"{name.upper()} at 1:1.5:2:3 beside the other ({figure})", "near" if name == "qtcp" else "approximately equal",
                  f"1 : {got[1] / got[0]:.2f} : {got[2] / got[0]:.2f} : {got[3] / got[0]:.2f}", "each part +- 10 %",
                  shares_are(got, (1, 1.5, 2, 3), 10),
                  "as the paper says of its own: the switch's marks suit DCQCN, and targets are hard to reach among its connections")


def distances(play):
    """Unequal round trips."""
    got = {name: [play(f"storage-rtts-{name}").tx(one)["carried_bps"] for one in CLASSES] for name in ("dctcp", "qtcp")}
    yield Row("D", "distances", "98, 62 and 25 us: QTCP", "DCTCP favours the near; QTCP holds", f"{gbps(got['qtcp'])}, DCTCP {gbps(got['dctcp'])}",
              "3:2:1 +- 15 %", shares_are(got["qtcp"], (3, 2, 1), 15),
              "")


def both_ways(play):
    """Reads and writes at once, figure 13."""
    plain, weighted = play("storage-both-dctcp"), play("storage-both-qtcp")
    had = {(run, way): [run.tx(one)["carried_bps"] if way == "writes" else run.rx(one)["got"]["bps"] for one in CLASSES]
           for run in (plain, weighted) for way in ("writes", "reads")}
    for way, link in (("writes", "beyond"), ("reads", "before")):
        got = had[weighted, way]
        yield Row("D", "both-ways", f"reads and writes at once, 90 / 60 / 30 Gb/s each way (fig. 13): {way}, the switch {link} the uplink",
                  "3:2:1 in both directions, DCTCP squeezes high", f"{gbps(got)} (growing by target, as above), DCTCP {gbps(had[plain, way])}",
                  "3:2:1 +- 15 %", shares_are(got, (3, 2, 1), 15), "")


FIGURES = {"qtcp": throughput, "both-ways": both_ways, "convergence": convergence, "late": late, "new-flow": new_flow, "interfering": interfering,
           "incast": incast, "deadlines": deadlines, "fairness": fairness, "distances": distances}

MISSING = [
    Missing("D", "storage", "figs 7, 16, 17", "-", "a storage device: there is none here"),
]
