# SPDX-License-Identifier: BSD-3-Clause
"""What all figures have in common: a row, a run, and how rates are told."""
import collections
import csv

from . import machine

Row = collections.namedtuple("Row", "paper figure case theirs ours bar met why")
Missing = collections.namedtuple("Missing", "paper figure case theirs needs")


class Run:
    """A scenario that was played: its figures, by VF and class."""

    def __init__(self, figures, csv_path):
        self.ports, self.csv_path = figures["ports"], csv_path
        self.messages = figures.get("messages", [])
        self.traffics = {one["traffic"]: one for one in figures.get("traffics", [])}
        self.vfs = {(vf["name"], vf["direction"]): vf for vf in figures["vfs"]}

    def tx(self, name):
        """-> the figures of what a VF sends."""
        return self.vfs[name, "tx"]

    def rx(self, name):
        """-> the figures of what a VF is sent."""
        return self.vfs[name, "rx"]

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

    def series(self, name):
        """-> [(s, b/s)] of what it sent, a sample each."""
        with open(self.csv_path, encoding="utf-8", newline="") as file:
            return [(float(row["time_s"]), float(row["got_bps"])) for row in csv.DictReader(file)
                    if row["vf"] == name and row["direction"] == "tx"]

    def samples(self):
        """-> [(seconds, {VF: b/s that arrived})]"""
        by_time = collections.defaultdict(dict)
        with open(self.csv_path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["direction"] == "tx":
                    by_time[float(row["time_s"])][row["vf"]] = float(row["got_bps"])
        return sorted(by_time.items())

    def mean_bps(self, name, from_s, to_s):
        """-> of the samples in that time."""
        rates = [rate for time_s, rate in self.series(name) if from_s + 1e-9 < time_s <= to_s + 1e-9]
        return sum(rates) / len(rates)


def text_of(name):
    """-> a scenario of config/sim, for one that differs from it in a line or two."""
    return (machine.ROOT / "config" / "sim" / f"{name}.conf").read_text(encoding="utf-8")


def near(got, want, pct):
    """Within so many percent of it?"""
    return abs(got - want) <= want * pct / 100


def mbps(values):
    """-> '150.00 / 700.00 / 150.00 Mb/s'"""
    return " / ".join(f"{value / 1e6:.2f}" for value in values) + " Mb/s"


def gbps(values):
    """-> '50.00 / 33.33 / 16.67 Gb/s'"""
    return " / ".join(f"{value / 1e9:.2f}" for value in values) + " Gb/s"
