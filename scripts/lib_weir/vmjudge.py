# SPDX-License-Identifier: BSD-3-Clause
"""What became of a phase of the demo with real VMs: a VM that had less than it is owed because weir held it, or because it
offered no more. weir knows which: what it may not send yet waits, and that time is counted; and a guarantee that was not
there in time is counted too."""
from dataclasses import dataclass

from .verdict import Promise

WITHIN = 0.02               # of what a VM is owed: TCP has to fill it first
WAITS = 0.95                # of the time: who has less than that something waiting has what he asks for
MISSED = 0.01               # of the time


@dataclass
class Side:
    """One VM in the middle of a phase."""
    bps: float              # that arrived, on the wire
    waited: float           # part of the time in which something of it waited in weir
    missed: float           # .. in which its guarantee was late


def figures(answer):
    """weir's answer about a VF. -> ns so far in which something of it waited to be sent, to be read, its guarantee was late"""
    held = dict(answer["tx"]["held_ns"])
    core = held.pop("core", 0)
    return sum(held.values()), core, answer["tx"]["guarantee_missed_ns"]


def side(bps, before, after, span_ns):
    """From figures() at two moments. What waits to be read may wait behind what waits to be sent: not both count."""
    sent, read, missed = ((b - a) / span_ns for a, b in zip(before, after))
    return Side(bps, min(max(sent, read), 1.0), missed)


def offers_too_little(it, asked):
    """It had less, and nothing of it waited for much of the time, and no guarantee was late."""
    return it.bps < asked * (1 - WITHIN) and it.waited < WAITS and it.missed <= MISSED


def why(it, is_shown, is_kept):
    """For people."""
    seen = f"something of it waited in weir for {it.waited:.1%} of the time, and its guarantee was late for {it.missed:.1%}"
    return "" if is_shown and is_kept else seen if is_shown else "the VM offered no more: " + seen


def judge(text, sides, owed, link_bps):
    """A phase in which all of 'sides' ({VM: Side}) sent without end, or should have; 'owed': {VM: bits/s}. What one does not ask
    for the others have, as they are owed. -> [Promise]"""
    short = {name for name, it in sides.items() if offers_too_little(it, owed[name])}
    more = 1.0
    if short and len(short) < len(sides):
        left = link_bps - sum(sides[name].bps for name in short)
        more = left / sum(owed[name] for name in sides if name not in short)
    promises = []
    for name, it in sides.items():
        asked = owed[name] * (1.0 if name in short else more)
        is_shown = not offers_too_little(it, asked)
        is_kept = abs(it.bps / asked - 1) <= WITHIN
        if short and name not in short:     # what the others leave is known to a part of the link, and more of it is no harm
            is_kept = it.bps >= max(asked - link_bps * WITHIN, owed[name] * (1 - WITHIN))
        promises.append(Promise(name, f"its share, {text}", "bps", asked, it.bps, is_kept, True, why(it, is_shown, is_kept), is_shown))
    total = sum(it.bps for it in sides.values())
    promises.append(Promise("link", f"used to the last, {text}", "bps", link_bps, total, abs(total / link_bps - 1) <= WITHIN, True,
                            is_shown=any(p.is_shown for p in promises)))
    return promises
