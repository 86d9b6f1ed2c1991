# SPDX-License-Identifier: BSD-3-Clause
"""What a configuration promises: its SLAs read back, and the rates they come to when VMs send without end.

The rule is the contract's: guarantees are floors, limits are ceilings, priorities are served strictly, and within one
priority the totals are proportional to the weights. A packet costs its sender the larger of its part of the link and
its part of the core, and needs both."""
import configparser
from dataclasses import dataclass, field

UNLIMITED = float("inf")
SUFFIXES = {"k": 1e3, "M": 1e6, "G": 1e9}


@dataclass
class Vf:
    """One VF and what it was sold, in the direction away from the VM."""
    name: str
    port: str
    mac: str
    asked: dict = field(default_factory=dict)   # as written: {"min_bps": 150e6, ...}

    def get(self, key, default=0.0):
        """-> a figure of the SLA."""
        return self.asked.get(key, default)


@dataclass
class Contract:
    """A configuration as far as rates are concerned."""
    link_bps: float
    packet_capacity: float
    guarantee_size: int
    vfs: list

    def vf(self, name):
        """-> the VF of that name."""
        return next(vf for vf in self.vfs if vf.name == name)


def number(text):
    """'150M' -> 150e6"""
    text = text.strip()
    return float(text[:-1]) * SUFFIXES[text[-1]] if text[-1] in SUFFIXES else float(text)


def read(path):
    """-> the Contract in a weir configuration file."""
    ini = configparser.ConfigParser(inline_comment_prefixes=("#", ";"), interpolation=None)
    with open(path, encoding="utf-8") as file:
        ini.read_file(file)
    link, vfs = UNLIMITED, []
    for section in ini.sections():
        kind, _, name = section.partition(" ")
        values = ini[section]
        if kind == "port" and values.get("role") == "pf" and "rate" in values:
            link = number(values["rate"])
        elif kind == "vf":
            sold = {key[3:]: number(values[key]) for key in values if key.startswith("tx.")}
            vfs.append(Vf(name, values["port"], values["mac"].split()[0].strip(","), sold))
    switch = ini["switch"] if ini.has_section("switch") else {}
    return Contract(link, number(switch.get("packet_capacity", "1000G")), int(switch.get("guarantee_size", "1500")), vfs)


def floor_pps(contract, vf, frame_bytes):
    """What is guaranteed in packets of that size: both clocks cover them; the one not named is derived."""
    min_bps, min_pps = vf.get("min_bps"), vf.get("min_pps")
    bits = 8 * contract.guarantee_size
    if not min_bps and not min_pps:
        return 0.0
    return min((min_bps or min_pps * bits) / (8 * frame_bytes), min_pps or min_bps / bits)


def ceiling_pps(vf, frame_bytes):
    """The limit in packets of that size."""
    return min(vf.get("max_bps", UNLIMITED) / (8 * frame_bytes), vf.get("max_pps", UNLIMITED))


def owed_pps(contract, frame_bytes):
    """{vf name: frame size} of those that send without end -> {vf name: packets/s} of all."""
    rate = {vf.name: 0.0 for vf in contract.vfs}
    senders = [vf for vf in contract.vfs if vf.name in frame_bytes]
    size = {vf.name: frame_bytes[vf.name] for vf in senders}
    cost = {name: max(8 * size[name] / contract.link_bps, 1 / contract.packet_capacity) for name in size}
    ceiling = {vf.name: ceiling_pps(vf, size[vf.name]) for vf in senders}
    for vf in senders:
        rate[vf.name] = min(ceiling[vf.name], floor_pps(contract, vf, size[vf.name]))

    def fits(rates):
        return (sum(rates[name] * 8 * size[name] for name in size) <= contract.link_bps * (1 + 1e-12)
                and sum(rates[name] for name in size) <= contract.packet_capacity * (1 + 1e-12))

    for priority in sorted({vf.get("priority") for vf in senders}):
        level = [vf for vf in senders if vf.get("priority") == priority]

        def filled(water, level=level):
            raised = dict(rate)
            for vf in level:
                share = vf.get("weight", 1.0) * water / cost[vf.name]
                raised[vf.name] = min(ceiling[vf.name], max(rate[vf.name], share))
            return raised

        low, high = 0.0, 1.0 / min([vf.get("weight", 1.0) for vf in level])
        for _ in range(100):
            water = (low + high) / 2
            low, high = (water, high) if fits(filled(water)) else (low, water)
        rate = filled(low)
    return rate
