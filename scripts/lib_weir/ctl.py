# SPDX-License-Identifier: BSD-3-Clause
"""weirctl: asks a running weir, and says in words why a VM gets what it gets."""
import argparse
import os
import sys
import time

from .table import figure, grid
from .telemetry import Telemetry

# What to do about a bound, most telling first.
ADVICE = {
    "bps": "its own limit in bits (max_bps): it offers more than it was sold",
    "pps": "its own limit in packets (max_pps): it sends packets smaller than its SLA was made for",
    "link": "the link was others' turn: its share or guarantee is used up (weight, priority, min_bps)",
    "core": "waiting to be read: the core's packet capacity is shared (min_pps, weight)",
}
DROP_ADVICE = {
    "spoof": "the guest uses a source MAC that the config does not name",
    "vlan": "the guest tags what it may not: see vlan, trunk and native of the VF",
    "broadcast_limit": "it broadcasts more than broadcast_pps",
    "mtu": "frames longer than the egress port's mtu",
    "receiver_limit": "it is sent more than its rx limit (rx.max_bps, rx.max_pps)",
    "receiver_slow": "its guest does not read its ring fast enough",
    "receiver_gone": "its port is down: is the guest running and connected?",
    "uplink_gone": "the PF is down",
    "queue_full": "its port is shared, so it cannot be held back: queue, or its limits, are too small",
    "no_buffer": "no mbufs: raise mbufs in [switch]",
}


class Weir:
    """Questions to one running weir."""

    def __init__(self, prefix):
        run_dir = "/var/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/tmp")
        self._telemetry = Telemetry(run_dir, prefix)
        self._where = f"{run_dir}/dpdk/{prefix}"

    def ask(self, command):
        answer = self._telemetry.ask(command)
        if answer is None:
            sys.exit(f"weirctl: nothing answers at {self._where}: is weir running, as which user, and with which"
                     " --file-prefix? (weirctl -f PREFIX)")
        if isinstance(answer, dict) and "error" in answer:
            sys.exit(f"weirctl: {answer['error']}; wanted: {answer.get('wanted', '?')}")
        return answer

    def names(self):
        """All VFs, page by page."""
        names = []
        while True:
            page = self.ask(f"/weir/vfs,{len(names)}" if names else "/weir/vfs")
            names += list(page["vfs"])
            if page["next"] >= page["total"] or not page["vfs"]:
                return names


def rate(side):
    return f"{figure(side['bps_1s'], 'bps')} {figure(side['pps_1s'], 'pps')}"


def drops(side):
    return {reason: n for reason, n in side["drops"].items() if n}


def heaviest_bound(held):
    """-> the bound that held it longest, or '-'."""
    name = max(held, key=held.get)
    return name if held[name] else "-"


def list_vfs(weir, _):
    rows = []
    for name in weir.names():
        vf = weir.ask(f"/weir/vf,{name}")
        tx, rx = vf["tx"], vf["rx"]
        rows.append([name, figure(tx["bps_1s"], "bps"), figure(tx["pps_1s"], "pps"), str(tx["backlog_pkts"]),
                     heaviest_bound(tx["held_ns"]), str(sum(tx["drops"].values())),
                     figure(rx["bps_1s"], "bps"), figure(rx["pps_1s"], "pps"), str(sum(rx["drops"].values()))])
    print("\n".join(grid(["VF", "tx 1 s", "", "waiting", "held most by", "tx drops", "rx 1 s", "", "rx drops"], rows)))


def sold(side):
    terms = side["effective"]
    shown = [f"{key} {figure(terms[key], key[4:])}" for key in ("min_bps", "max_bps", "min_pps", "max_pps") if terms[key]]
    return ", ".join(shown) or "nothing guaranteed, no limit"


def explain(direction, before, after, seconds):
    """Prints what held this side back in the last seconds, in words."""
    print(f"{direction}: {rate(after)}; sold: {sold(after)}; priority {after['effective']['priority']},"
          f" weight {after['effective']['weight']}")
    held = {bound: after["held_ns"][bound] - before["held_ns"][bound] for bound in after["held_ns"]}
    for bound, ns in sorted(held.items(), key=lambda item: -item[1]):
        share = ns / (seconds * 1e9) * 100
        if share >= 1:
            print(f"  {share:3.0f} % of the time held by {bound}: {ADVICE[bound]}")
    if after["backlog_pkts"]:
        print(f"  {after['backlog_pkts']} packets wait inside weir now")
    missed = after["guarantee_missed_ns"] - before["guarantee_missed_ns"]
    if missed:
        print(f"  its guarantee was missed for {missed / 1e6:.1f} ms: is the data core shared with another program?")
    for reason, n in drops(after).items():
        new = n - before["drops"][reason]
        since = f"{new} now, {n} since the start" if new else f"{n} since the start, none now"
        print(f"  dropped as {reason}: {since}: {DROP_ADVICE.get(reason, 'see /weir/drops')}")
    for name, tclass in after["classes"].items():
        if tclass["out_pkts"]:
            print(f"  {name:6} {tclass['out_pkts']:>12} packets, delay p50 {tclass['delay_p50_ns'] / 1e3:.0f} us,"
                  f" p99 {tclass['delay_p99_ns'] / 1e3:.0f} us, max {tclass['delay_max_ns'] / 1e3:.0f} us")


def why(weir, args):
    """Looks for a while, and says what bounds the VF."""
    before = weir.ask(f"/weir/vf,{args.name}")
    start = time.monotonic()
    time.sleep(args.seconds)
    after = weir.ask(f"/weir/vf,{args.name}")
    seconds = time.monotonic() - start
    print(f"{args.name} on {after['port']}, over {seconds:.1f} s")
    for direction in ("tx", "rx"):
        explain(direction, before[direction], after[direction], seconds)


def main():
    parser = argparse.ArgumentParser(prog="weirctl", description="Asks a running weir.")
    parser.add_argument("-f", "--file-prefix", default="rte", help="weir's EAL --file-prefix (default rte)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("vfs", help="a line a VF: rates, what waits, what holds it, drops").set_defaults(do=list_vfs)
    verb = verbs.add_parser("why", help="why a VM gets what it gets: bounds, drops, delays, with what to do")
    verb.add_argument("name", help="the VF's name in the config")
    verb.add_argument("--seconds", type=float, default=1.0, help="how long to look (default 1)")
    verb.set_defaults(do=why)
    args = parser.parse_args()
    args.do(Weir(args.file_prefix), args)


if __name__ == "__main__":
    main()
