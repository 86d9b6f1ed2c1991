# SPDX-License-Identifier: BSD-3-Clause
"""Paper C: packets ranked by an operator's rules, and other orders than weir's on its queue (lib/policy), played in a switch beyond."""
import re

from .figures_base import Row, near, text_of

SELECTORS = range(8)
EACH_GBPS = 20


def operator(play):
    """The course project's next step: rules over protocol, ports and prefixes."""
    run, plain = play("dscp-ranks"), play("dscp-ranks-off", re.sub(r"^\[mark.*\n(?:\w.*\n)+", "", text_of("dscp-ranks"), flags=re.MULTILINE))
    got, delay = run.by_class("vm1"), plain.tx("vm1")["delay_us"]["p99"]
    names = got["urgent"]["delay_us"]["p99"]
    parts = [got[one]["bps"] for one in ("high", "medium", "low")]
    yield Row("C", "operator", "rules (UDP port 53, TCP port 443, 10.9.0.0/16) rank what a guest leaves unmarked at its limit of 100 Mb/s", "asked for as the next step",
              f"names p99 {names:.0f} us, pages : others : backup {parts[0] / 1e6:.1f} : {parts[1] / 1e6:.1f} : {parts[2] / 1e6:.1f} Mb/s; "
              f"without rules one class, p99 {delay / 1e3:.0f} ms", "p99 <= 124 us (a packet at 100 Mb/s and a turn), 3:2:1 +- 1 %",
              names <= 124 and near(parts[0], 3 * parts[2], 1) and near(parts[1], 2 * parts[2], 1), "")
    lies = run.by_class("vm2")
    yield Row("C", "operator", "a guest says EF of all it sends, and a rule believes nothing", "-", f"classes that it had: {', '.join(lies)}; "
              f"{run.bps('vm2') / 1e6:.2f} Mb/s", "medium alone, its limit of 100 Mb/s", set(lies) == {"medium"} and near(run.bps("vm2"), 100e6, 0.1), "")


def precedence(play):
    """AF drop precedence."""
    run = play("dscp-drops")
    sent = 60e6 / 8 / 1500 * 1.5        # packets of each, after the warm-up
    lost = [sum(run.traffics[one]["drops"].values()) / sent * 100 for one in ("af41", "af42", "af43")]
    yield Row("C", "precedence", "AF41, AF42 and AF43 of 60 Mb/s each at a limit of 100 Mb/s: dropped", "bits 4-5 of DSCP say who is dropped first",
              " / ".join(f"{one:.1f}" for one in lost) + " %", "0 / 33.3 / 100 % +- 1 point",
              all(abs(a - b) <= 1 for a, b in zip(lost, (0, 100 / 3, 100))), "")


def selectors_text():
    """-> a scenario: eight senders, a class selector each, 160 Gb/s to a switch of 100 that has room for all of 4 ms."""
    head = ("[sim]\nduration = 4ms\nwarmup = 1ms\nturn = 200ns\n[port up]\nrole = pf\nrate = 400G\nlink_basis = l2\n"
            "[bottleneck]\nrate = 100G\nbuffer = 40M\norder = dscp\n")
    return head + "".join(f"[port p{i}]\n[vf cs{i}]\nport = p{i}\nmac = 02:00:00:00:00:0{i + 1}\n"
                          f"[traffic t{i}]\nkind = poisson\nfrom = cs{i}\nrate = {EACH_GBPS}G\ndscp = CS{i}\n" for i in SELECTORS)


def by_dscp(play):
    """The rank of a mark: strict, first in, first out within."""
    run = play("dscp-switch", selectors_text())
    got = [run.tx(f"cs{i}")["carried_bps"] / 1e9 for i in SELECTORS]
    yield Row("C", "ranks", "rank by DSCP (lib/policy/dscp_rank.h): CS7 to CS0, 20 Gb/s each, a switch of 100 Gb/s", "class selector = the first three bits, 7 first",
              " / ".join(f"{one:.1f}" for one in reversed(got)) + " Gb/s", "CS7 to CS4 all of it +- 3 %, CS3 the rest, CS2 to CS0 nothing",
              all(near(one, EACH_GBPS, 3) for one in got[4:]) and near(sum(got), 100, 1) and sum(got[:3]) < 1, "")


def by_deadline(play):
    """Earliest deadline first."""
    def missed(name, text=None):
        return [one["missed"] * 100 / max(1, one["n"]) for one in play(name, text).messages]
    fifo = missed("deadlines-dctcp")
    edf = missed("deadlines-dctcp-edf", text_of("deadlines-dctcp").replace("mark_above = 212k", "mark_above = 212k\norder = edf"))
    told = [" / ".join(f"{one:.1f}" for one in some) for some in (edf, fifo)]
    yield Row("C", "ranks", "earliest deadline first (lib/policy/edf.h) in a switch of 100 Gb/s, DCTCP's 2 MB within 5 / 6 / 8 ms at 93 %: missed", "an example of PIFO",
              f"{told[0]} %, first in, first out {told[1]} %", "fewer in every class", all(a < b for a, b in zip(edf, fifo)), "")


FIGURES = {"operator": operator, "precedence": precedence, "ranks-dscp": by_dscp, "ranks-edf": by_deadline}
