# SPDX-License-Identifier: BSD-3-Clause
"""Changes SLAs of a weir under full load as fast as some clients can, each with one request on its way, and tells the rate.

It starts a weir of its own: an uplink that carries four fifths of what their limits would let the VMs send, and VMs whose ports bring
frames without end: the link is full.  The last VM is never changed: its rate, all of it guaranteed, must not move.  What the telemetry socket itself carries is
measured before, with a command that only looks, and so is the same rate with nobody changing anything.

Frames are numbered, and the head of each that leaves is captured: what is missing in a VM's numbers was lost, what is behind
was reordered; and the most that a VM sent above its highest limit, over any time whatever, is no more than the bursts of
the old limit and the new (1 ms each), and what is made good of time that the host took from the data core (20 ms at most)."""
import argparse
import json
import multiprocessing
import pathlib
import sys
import time

from . import frames, machine, order
from .processes import Group, ProcessError
from .switchbed import ELSEWHERE, Place, Weir, mac_text
from .table import grid
from .telemetry import Telemetry

QUIET_BPS = 200e6
LOOK = "/weir/sla/get,v0"       # the smallest of weir's answers that comes from the config
RATES = (20, 40, 60, 80, 100, 120, 140, 160)
FIRST_BPS = 100e6
FULL = 0.75             # of what the changed VMs' limits come to in the mean: their part of the uplink
BARS = {"per_s": 5000, "off_pct": 0.1, "above_ms": 22}  # above: the bursts of both limits, 1 ms each, and what is made good, 20 ms
N_FRAMES = 250          # of a VM, sent again and again
CAPTURE_PKTS = 10**7    # the most that a capture takes: 150 s of this load


def config_text(n_vfs):
    """-> a config: the last VF is the one that is left alone."""
    lines = ["[port net_null0]", "role = pf", f"rate = {round((QUIET_BPS + (n_vfs - 1) * sum(RATES) / len(RATES) * 1e6 * FULL) / 1e6)}M", "link_basis = l2"]
    for number in range(n_vfs):
        limit = "200M" if number == n_vfs - 1 else "100M"
        lines += [f"[port net_pcap{number}]", f"[vf v{number}]", f"port = net_pcap{number}", f"mac = {mac_text(number)}",
                  f"tx.max_bps = {limit}", f"tx.min_bps = {'200M' if number == n_vfs - 1 else '10M'}"]
    return "\n".join(lines) + "\n"


def request(kind, number, n_vfs):
    """-> a command: another limit, weight and guarantee each time."""
    if kind == "look":
        return LOOK
    rate = RATES[number % len(RATES)]
    return f"/weir/sla/set,v{number % (n_vfs - 1)},tx.max_bps={rate}M;tx.min_bps={rate // 4}M;tx.weight={1 + number % 9}"


def client(where, kind, first, step, n_vfs, seconds, result):
    """A process: asks, waits for the answer, asks again.  Sends (answers, refusals, their times)."""
    link = Telemetry(*where, timeout_s=5.0)
    link.ask("/weir/info")
    answers, refused, took, number = 0, 0, [], first
    end = time.monotonic() + seconds
    while (begin := time.monotonic()) < end:
        answer = link.ask_raw(request(kind, number, n_vfs))
        took.append(time.monotonic() - begin)
        answers += 1
        refused += b'"error"' in answer
        number += step
    result.send((answers, refused, took))


def ask_all(where, kind, args, seconds):
    """-> (answers a second, refused, sorted times) of all clients together."""
    pipes, processes = [], []
    for first in range(args.clients):
        mine, theirs = multiprocessing.Pipe(False)
        processes.append(multiprocessing.Process(target=client, args=(where, kind, first, args.clients, args.vfs, seconds, theirs)))
        processes[-1].start()
        pipes.append(mine)
    results = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    took = sorted(one for result in results for one in result[2])
    return sum(r[0] for r in results) / seconds, sum(r[1] for r in results), took


class Watch:
    """What the traffic came to between two moments, by weir's own counters."""

    def __init__(self, weir, n_vfs):
        self.weir, self.telemetry, self.n_vfs = weir, weir.telemetry, n_vfs
        self.before = self.look()

    def look(self):
        """-> (when, [tx of each VF], the workers, (when, ns that the kernel let the worker run))"""
        begin = time.monotonic()
        last = self.telemetry.ask(f"/weir/vf,v{self.n_vfs - 1}")["tx"]
        when = (begin + time.monotonic()) / 2
        return when, [self.telemetry.ask(f"/weir/vf,v{n}")["tx"] for n in range(self.n_vfs - 1)] + [last], \
            self.telemetry.ask("/weir/info")["workers"], (time.monotonic(), self.weir.ran_ns())

    def since(self):
        """-> {what: figure}"""
        (begin, before, workers, ran), (end, after, workers_after, ran_after) = self.before, self.look()
        own = [sum(b["drops"].values()) - sum(a["drops"].values()) for a, b in zip(before, after)]
        lost_ns = sum(w["lost_ns"] for w in workers_after.values()) - sum(w["lost_ns"] for w in workers.values())
        missed_ns = sum(b["guarantee_missed_ns"] - a["guarantee_missed_ns"] for a, b in zip(before, after))
        quiet = (after[-1]["out_bytes"] - before[-1]["out_bytes"]) * 8 / (end - begin)
        bps = sum(b["out_bytes"] - a["out_bytes"] for a, b in zip(before, after)) * 8 / (end - begin)
        return {"dropped": sum(own), "quiet_bps": quiet, "bps": bps, "missed_ms": missed_ns / 1e6,
                "away_pct": lost_ns / 1e7 / (end - begin),
                "taken_pct": 100 - (ran_after[1] - ran[1]) / 1e7 / (ran_after[0] - ran[0])}


def at(took, part):
    """-> that part of the sorted times, in us."""
    return took[min(int(len(took) * part), len(took) - 1)] * 1e6 if took else 0.0


class Order:
    """What leaves by the uplink from now on, for the order and the bursts of each VM."""

    def __init__(self, telemetry, path):
        self.telemetry, self.path = telemetry, path
        answer = telemetry.ask(f"/weir/capture/start,pf,file={path},dir=rx,packets={CAPTURE_PKTS},bytes=100G,seconds=3600,"
                               f"snap={order.KEPT_BYTES}")
        if "id" not in answer:
            raise ProcessError(f"no capture: {answer}")
        self.number = str(answer["id"])

    def judged(self, limits_bps):
        """-> {what: figure} up to now; None where packets are not in the file."""
        self.telemetry.ask("/weir/capture/stop," + self.number)
        while True:
            capture = self.telemetry.ask("/weir/capture/list")["captures"][self.number]
            if not capture["runs"]:
                break
            time.sleep(0.05)
        if capture["missed_pkts"] or capture["pkts"] >= CAPTURE_PKTS:
            print(f"changebench: not in the capture: {capture['missed_pkts']} packets; nothing is said of order", file=sys.stderr)
            senders = None
        else:
            senders = order.judge(self.path, N_FRAMES, limits_bps)
        self.path.unlink()
        if senders is None:
            return {"seen": None, "lost": None, "reordered": None, "above_bytes": None}
        return {"seen": sum(s.pkts for s in senders), "lost": sum(s.lost for s in senders),
                "reordered": sum(s.reordered for s in senders), "above_bytes": max(s.most_above_bytes for s in senders)}


def highest_limits(kind, n_vfs):
    """-> {MAC: the highest limit that it has in this step}"""
    highest = max(RATES) * 1e6 if kind == "set" else FIRST_BPS
    return {frames.mac_bytes(mac_text(number)): QUIET_BPS if number == n_vfs - 1 else highest for number in range(n_vfs)}


def measure(group, args):
    """-> a row a step."""
    place = Place(group, args.build)
    vdevs = ["net_null0,no-rx=1"]
    for number in range(args.vfs):
        pcap = group.run_dir / f"{number}.pcap"
        frames.write_pcap(pcap, mac_text(number), ELSEWHERE, args.size, 1, 1, N_FRAMES)
        vdevs.append(f"net_pcap{number},rx_pcap={pcap},infinite_rx=1")
    config = group.run_dir / "weir.conf"
    config.write_text(config_text(args.vfs), encoding="ascii")
    weir = Weir(place, "weir", config, vdevs, 512, ["--allow-set"])
    weir.go()
    where, rows = (group.run_dir, place.prefix("weir")), []
    time.sleep(1)
    for kind, what, seconds in (("none", "nobody asks", args.quiet_seconds), ("look", "only looks (sla/get)", args.quiet_seconds),
                                ("set", "changes (sla/set)", args.seconds)):
        in_order = Order(weir.telemetry, group.run_dir / "uplink.pcap")
        watch = Watch(weir, args.vfs)
        if kind == "none":
            time.sleep(seconds)
            rate, refused, took = 0.0, 0, []
        else:
            rate, refused, took = ask_all(where, kind, args, seconds)
        rows.append({"what": what, "per_s": rate, "refused": refused, "p50_us": at(took, 0.5), "p99_us": at(took, 0.99),
                     "max_us": at(took, 1.0), **watch.since(), **in_order.judged(highest_limits(kind, args.vfs))})
    weir.end()
    weir.stop()
    return rows


def arguments():
    parser = argparse.ArgumentParser(prog="changebench", description=__doc__)
    parser.add_argument("--build", default=machine.ROOT / "build", type=pathlib.Path, help="where weir was built (default build/)")
    parser.add_argument("--clients", type=int, default=4, help="each has one request on its way (default 4, at most 9)")
    parser.add_argument("--seconds", type=float, default=60, help="of changes (default 60)")
    parser.add_argument("--quiet-seconds", type=float, default=5, help="of the two steps before (default 5)")
    parser.add_argument("--vfs", type=int, default=8, help="VMs, the last of them left alone (default 8, at most 30)")
    parser.add_argument("--size", type=int, default=1500, help="of a frame, without FCS (default 1500)")
    parser.add_argument("--json", metavar="FILE", help="the rows, for programs")
    args = parser.parse_args()
    if not 1 <= args.clients <= 9 or not 2 <= args.vfs <= 30:
        parser.error("wanted 1 to 9 clients and 2 to 30 VMs")
    return args


def told(figure):
    """-> it, or '?'."""
    return "?" if figure is None else f"{figure:,.0f}"


def verdicts(row):
    """-> lines: each of what was promised of the changes, and whether it was kept."""
    off, most = abs(100 * (row["quiet_bps"] / QUIET_BPS - 1)), BARS["above_ms"] / 1e3 * max(RATES) * 1e6 / 8
    judged = [(f"{row['per_s']:,.0f} changes a second, 5,000 wanted", row["per_s"] >= BARS["per_s"]),
              (f"{told(row['lost'])} packets lost, {told(row['reordered'])} reordered, {row['dropped']} dropped",
               not (row["lost"] or row["reordered"] or row["dropped"])),
              (f"at most {told(row['above_bytes'] and row['above_bytes'] / 1e3)} KB above a limit, {most / 1e3:.0f} KB allowed",
               not row["above_bytes"] or row["above_bytes"] <= most),
              (f"who was left alone is off by {off:.3f} %, 0.1 % allowed", off <= BARS["off_pct"])]
    return [f"{'met   ' if is_met else 'MISSED'}  {what}" for what, is_met in judged]


def main():
    """-> the exit code: 1 where a change was refused, or a packet dropped, lost or reordered."""
    args = arguments()
    try:
        with Group(args.build / "changebench") as group:
            rows = measure(group, args)
    except ProcessError as error:
        print(f"changebench: {error}", file=sys.stderr)
        return 2
    print("\n".join(grid(["", "a second", "refused", "p50 us", "p99 us", "longest us", "sent Mb/s", "left alone Mb/s", "off by %",
                          "dropped", "packets seen", "lost", "reordered", "above limit KB", "guarantees missed ms", "away %", "by the kernel %"],
                         [[r["what"], f"{r['per_s']:.0f}", str(r["refused"]), f"{r['p50_us']:.0f}", f"{r['p99_us']:.0f}",
                           f"{r['max_us']:.0f}", f"{r['bps'] / 1e6:.1f}", f"{r['quiet_bps'] / 1e6:.2f}",
                           f"{100 * (r['quiet_bps'] / QUIET_BPS - 1):+.3f}", str(r["dropped"]), told(r["seen"]), told(r["lost"]), told(r["reordered"]),
                           told(r["above_bytes"] and r["above_bytes"] / 1e3), f"{r['missed_ms']:.1f}",
                           f"{r['away_pct']:.2f}", f"{r['taken_pct']:.2f}"] for r in rows])))
    print("\n" + "\n".join(verdicts(rows[-1])))
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if not any(rows[-1][what] for what in ("refused", "dropped", "lost", "reordered")) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
