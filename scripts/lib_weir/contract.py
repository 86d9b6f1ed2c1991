# SPDX-License-Identifier: BSD-3-Clause
"""What a configuration promises: its SLAs read back, and the rates they come to when VMs send without end.

The rule is the contract's: guarantees are floors, limits are ceilings, priorities are served strictly, and within one
priority the totals are proportional to the weights. A packet costs its sender the larger of its part of the link and
its part of the core, and needs both. A tenant is one among others by its own terms, and its members share what it gets
by the same rule; what they were guaranteed is a floor of the tenant too."""
import configparser
from dataclasses import dataclass, field

UNLIMITED = float("inf")
SUFFIXES = {"k": 1e3, "M": 1e6, "G": 1e9}
RATES = ("min_bps", "max_bps", "min_pps", "max_pps", "urgent_bps", "urgent_pps", "weight", "priority")
WIRE_BYTES = 24         # preamble, FCS and gap


@dataclass
class Sold:
    """What a VF or a tenant was sold, in the direction away from the VM."""
    name: str
    asked: dict = field(default_factory=dict)   # as written: {"min_bps": 150e6, ...}
    basis: str = "l2"
    tenant: str = None                          # that it is in

    def get(self, key, default=0.0):
        """-> a figure of the SLA."""
        return self.asked.get(key, default)

    def bits(self, frame_bytes):
        """-> what a frame counts in its bits/s."""
        return 8 * (frame_bytes + (WIRE_BYTES if self.basis == "wire" else 0))


@dataclass
class Vf(Sold):
    """One VF."""
    port: str = ""
    mac: str = ""


@dataclass
class Contract:
    """A configuration as far as rates are concerned."""
    link_bps: float
    packet_capacity: float
    guarantee_size: int
    vfs: list
    tenants: list = field(default_factory=list)

    def vf(self, name):
        """-> the VF of that name."""
        return next(vf for vf in self.vfs if vf.name == name)


def number(text):
    """'150M' -> 150e6"""
    text = text.strip()
    return float(text[:-1]) * SUFFIXES[text[-1]] if text[-1] in SUFFIXES else float(text)


def _sold(values):
    """-> the figures of a section that rates depend on, and the basis of its bits."""
    return {key: number(values["tx." + key]) for key in RATES if "tx." + key in values}, values.get("tx.basis", "l2")


def read(path):
    """-> the Contract in a weir configuration file."""
    ini = configparser.ConfigParser(inline_comment_prefixes=("#", ";"), interpolation=None)
    with open(path, encoding="utf-8") as file:
        ini.read_file(file)
    link, vfs, tenants = UNLIMITED, [], []
    for section in ini.sections():
        kind, _, name = section.partition(" ")
        values = ini[section]
        if kind == "port" and values.get("role") == "pf" and "rate" in values:
            link = number(values["rate"])
        elif kind == "vf":
            vfs.append(Vf(name, *_sold(values), values.get("tenant"), values["port"],
                          values["mac"].split()[0].strip(",")))
        elif kind == "tenant":
            tenants.append(Sold(name, *_sold(values), values.get("parent")))
    switch = ini["switch"] if ini.has_section("switch") else {}
    return Contract(link, number(switch.get("packet_capacity", "1000G")), int(switch.get("guarantee_size", "1500")), vfs,
                    tenants)


def _floors(contract, sold):
    """-> (bits/s, packets/s) of a guarantee; the one not named is derived. (0, 0): none was sold."""
    min_bps, min_pps = sold.get("min_bps"), sold.get("min_pps")
    bits = sold.bits(contract.guarantee_size)
    return min_bps or min_pps * bits, min_pps or min_bps / bits


def floor_pps(contract, vf, frame_bytes):
    """What is guaranteed in packets of that size: both clocks cover them."""
    min_bps, min_pps = _floors(contract, vf)
    return min(min_bps / vf.bits(frame_bytes), min_pps)


def ceiling_pps(vf, frame_bytes):
    """The limit in packets of that size."""
    return min(vf.get("max_bps", UNLIMITED) / vf.bits(frame_bytes), vf.get("max_pps", UNLIMITED))


class _Shares:
    """Divides a link and a core among VFs that send without end, and their tenants; rates are {vf name: packets/s}."""

    def __init__(self, contract, frame_bytes):
        self._contract, self._size = contract, frame_bytes
        self._cost = {name: max(8 * size / contract.link_bps, 1 / contract.packet_capacity)
                      for name, size in frame_bytes.items()}
        self._members = {None: []}          # by tenant: its VFs that send, and its tenants
        for node in [vf for vf in contract.vfs if vf.name in frame_bytes] + contract.tenants:
            self._members.setdefault(node.tenant, []).append(node)
        self.top = self._members[None]

    def _within(self, rates, sold, max_bps, max_pps):
        """-> whether the rates of a tenant's VFs together are within bounds of the tenant's."""
        return (sum(rates[name] * sold.bits(self._size[name]) for name in rates) <= max_bps * (1 + 1e-12)
                and sum(rates.values()) <= max_pps * (1 + 1e-12))

    def _spent(self, rates):
        return sum(rate * self._cost[name] for name, rate in rates.items())

    def _floor(self, node):
        """-> what a node has before anybody shares; of a tenant: its own guarantee, or its members' where that is more."""
        if isinstance(node, Vf):
            size = self._size[node.name]
            return {node.name: min(ceiling_pps(node, size), floor_pps(self._contract, node, size))}
        own, owed = {}, {}
        for member in self._members.get(node.name, []):
            owed.update(self._floor(member))
        if any(_floors(self._contract, node)):
            own = self.divide(self._members.get(node.name, []),
                              lambda rates: self._within(rates, node, *_floors(self._contract, node)))
        return own if self._spent(own) > self._spent(owed) else owed

    def _grown(self, node, floor, share):
        """-> what a node has of a share of the whole, which is not less than its floor."""
        if isinstance(node, Vf):
            return {node.name: min(ceiling_pps(node, self._size[node.name]),
                                   max(floor[node.name], share / self._cost[node.name]))}
        most = max(self._spent(floor), share) * (1 + 1e-12)
        limits = node.get("max_bps", UNLIMITED), node.get("max_pps", UNLIMITED)
        return self.divide(self._members.get(node.name, []),
                           lambda rates: self._spent(rates) <= most and self._within(rates, node, *limits))

    def divide(self, nodes, fits):
        """-> the rates of the VFs below the nodes, as far as they fit."""
        floors, rate = {node.name: self._floor(node) for node in nodes}, {}
        for floor in floors.values():
            rate.update(floor)
        for priority in sorted({node.get("priority") for node in nodes}):
            level = [node for node in nodes if node.get("priority") == priority]

            def filled(water, level=level):
                raised = dict(rate)
                for node in level:
                    raised.update(self._grown(node, floors[node.name], node.get("weight", 1.0) * water))
                return raised

            low, high = 0.0, 1.0 / min([node.get("weight", 1.0) for node in level])
            for _ in range(50):
                water = (low + high) / 2
                low, high = (water, high) if fits(filled(water)) else (low, water)
            rate = filled(low)
        return rate

    def fits_the_whole(self, rates):
        """-> whether link and core can bear it."""
        return (sum(rates[name] * 8 * self._size[name] for name in rates) <= self._contract.link_bps * (1 + 1e-12)
                and sum(rates.values()) <= self._contract.packet_capacity * (1 + 1e-12))


def owed_pps(contract, frame_bytes):
    """{vf name: frame size} of those that send without end -> {vf name: packets/s} of all."""
    shares = _Shares(contract, frame_bytes)
    return {vf.name: 0.0 for vf in contract.vfs} | shares.divide(shares.top, shares.fits_the_whole)
