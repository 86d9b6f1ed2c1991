# SPDX-License-Identifier: BSD-3-Clause
"""Was it kept? Compares what arrived with what the contract promises, one row a promise."""
from dataclasses import dataclass

from . import contract
from .telemetry import tx_drops

WITHIN = 0.01               # of what a VM is owed
ABOVE = 0.005               # over a limit
REACT_NS = 10_000_000       # lent, and given back, within
REACT_WINDOW_NS = 20_000_000
GOOD_ENOUGH = 0.99          # of the new rate, to count as reached



@dataclass
class Promise:
    """One promise to one VM (or about the link) and what became of it."""
    who: str
    text: str
    unit: str
    asked: float
    got: float
    kept: bool
    is_rate: bool = False
    note: str = ""
    is_shown: bool = True       # else nothing was asked of weir that would show it

    @property
    def outcome(self):
        """In a word."""
        return "not shown" if not self.is_shown else "kept" if self.kept else "BROKEN"

    @property
    def error_pct(self):
        """Of what was asked, signed (of a limit too: below it is no error, but shows how near it was)."""
        return (self.got - self.asked) / self.asked * 100 if self.asked else 0.0


def rates(outcome, vf, phase):
    """-> (bps, pps) of a VM in a phase."""
    window = (phase.from_ns, phase.to_ns)
    return (outcome.recording.rate(vf.mac, "bytes", *window) * 8, outcome.recording.rate(vf.mac, "packets", *window))


def rate_promises(outcome, phase):
    """Everyone gets what it is owed, no more than its limits, and the bottleneck is used to the last."""
    owed = contract.owed_pps(outcome.contract, phase.senders)
    rows, sum_bps, sum_pps = [], 0.0, 0.0
    for name, size in phase.senders.items():
        vf = outcome.contract.vf(name)
        bps, pps = rates(outcome, vf, phase)
        sum_bps, sum_pps = sum_bps + bps, sum_pps + pps
        unit = "bps" if size > 500 else "pps"
        asked = owed[name] * size * 8 if unit == "bps" else owed[name]
        got = bps if unit == "bps" else pps
        rows.append(Promise(name, f"its share, {phase.name}", unit, asked, got, abs(got - asked) <= asked * WITHIN, True))
        for key, figure, limit_unit in (("max_bps", bps, "bps"), ("max_pps", pps, "pps")):
            limit = vf.get(key, None)
            if limit is not None and (limit_unit == "pps" or limit < outcome.contract.link_bps):
                rows.append(Promise(name, f"at most {key}, {phase.name}", limit_unit, limit, figure,
                                    figure <= limit * (1 + ABOVE)))
    owed_bps = sum(owed[name] * size * 8 for name, size in phase.senders.items())
    owed_sum = sum(owed[name] for name in phase.senders)
    if owed_bps >= 0.999 * outcome.contract.link_bps:
        rows.append(Promise("link", f"used to the last, {phase.name}", "bps", owed_bps, sum_bps,
                            abs(sum_bps / owed_bps - 1) <= WITHIN, True))
    if owed_sum >= 0.999 * outcome.contract.packet_capacity:
        rows.append(Promise("core", f"used to the last, {phase.name}", "pps", owed_sum, sum_pps,
                            abs(sum_pps / owed_sum - 1) <= WITHIN, True))
    return rows


def reached_after_ms(recording, mac, from_ns, bytes_per_s):
    """-> ms from 'from_ns' until the next 20 ms carry the new rate, or None (looked for in 200 ms)."""
    for step in range(0, 200):
        at_ns = from_ns + step * recording.bin_ns
        if recording.rate(mac, "bytes", at_ns, at_ns + REACT_WINDOW_NS) >= bytes_per_s * GOOD_ENOUGH:
            return step * recording.bin_ns / 1e6
    return None


def reaction_promises(outcome):
    """What a silent VM leaves is lent within 10 ms; it is back within 10 ms of the first packet."""
    (last, first), silent = outcome.silence, outcome.scenario.silent
    rows = []
    for phase, from_ns, names in ((outcome.phases[1], last, [n for n in outcome.phases[1].senders]),
                                  (outcome.phases[2], first, [silent])):
        owed = contract.owed_pps(outcome.contract, phase.senders)
        for name in names:
            size = phase.senders[name]
            took = reached_after_ms(outcome.recording, outcome.contract.vf(name).mac, from_ns, owed[name] * size)
            text = f"{'back at' if name == silent else 'lent:'} {owed[name] * size * 8 / 1e6:.0f} Mb/s within"
            gap = outcome.recording.longest_gap(from_ns, from_ns + REACT_NS + REACT_WINDOW_NS)
            note = f"the sink was away for {gap / 1e6:.0f} ms here" if gap > 2_000_000 else ""
            rows.append(Promise(name, text, "ms", REACT_NS / 1e6, took if took is not None else float("inf"),
                                took is not None and took <= REACT_NS / 1e6, note=note))
    return rows


def loss_promises(outcome):
    """Its own bounds hold a VM's packets, they do not drop them: what its NIC took, arrives."""
    rows = []
    for name in outcome.scenario.frames:
        arrived = outcome.recording.total(outcome.contract.vf(name).mac)
        sent, drops = outcome.sent.get(name), tx_drops(outcome.telemetry.get(name))
        dropped = sum(drops.values()) if drops else 0
        note = " ".join(f"{reason}:{count}" for reason, count in (drops or {}).items())
        if sent is None:
            sent, note = arrived + dropped, note + " (the guest's own count is missing)"
        rows.append(Promise(name, "none of its packets dropped", "packets", sent, arrived,
                            arrived == sent and dropped == 0, note=note.strip()))
    return rows


def judge(outcome):
    """-> every Promise of the scenario."""
    rows = [row for phase in outcome.phases for row in rate_promises(outcome, phase)]
    if outcome.silence:
        rows += reaction_promises(outcome)
    rows += loss_promises(outcome)
    rows.append(Promise("weir", "ends with every buffer home (exit code)", "", 0, outcome.weir_exit,
                        outcome.weir_exit == 0))
    return rows


def finite(value):
    """JSON has no infinity."""
    return value if value == value and abs(value) != float("inf") else None


def plain(promises):
    """-> promises as they stand in the JSON document."""
    return [{"who": p.who, "promise": p.text, "unit": p.unit, "asked": p.asked, "got": finite(p.got), "kept": p.kept,
             "shown": p.is_shown} for p in promises]


def as_json(outcome, promises):
    """One entry of "scenarios": figures of the first phase, the worst error of all."""
    phase, owed, vms = outcome.phases[0], None, []
    owed = contract.owed_pps(outcome.contract, phase.senders)
    for name, size in outcome.scenario.frames.items():
        vf, mine = outcome.contract.vf(name), [p for p in promises if p.who == name]
        bps, pps = rates(outcome, vf, phase)
        worst = max((p.error_pct for p in mine if p.is_rate), key=abs, default=0.0)
        vms.append({"name": name,
                    "asked": {**vf.asked, "tx_bps": round(owed[name] * size * 8), "tx_pps": round(owed[name], 1)},
                    "got": {"tx_bps": round(bps), "tx_pps": round(pps, 1)},
                    "error_pct": round(worst, 3),
                    "kept": all(p.kept for p in mine),
                    "promises": [{"promise": p.text, "unit": p.unit, "asked": p.asked, "got": finite(p.got),
                                  "kept": p.kept, "note": p.note} for p in mine]})
    names = set(outcome.scenario.frames)
    return {"name": outcome.scenario.name, "vms": vms, "notes": outcome.notes,
            "others": [{"who": p.who, "promise": p.text, "asked": p.asked, "got": finite(p.got), "kept": p.kept}
                       for p in promises if p.who not in names],
            "kept": all(p.kept for p in promises)}
