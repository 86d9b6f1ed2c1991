# SPDX-License-Identifier: BSD-3-Clause
"""What an event costs in weir-sim, in time of its CPU, at few VFs and at very many, on one and the same load: after the
warm-up, in which each VF's memory is touched for the first time, and with it."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from . import machine
from .table import grid

LINK_GBPS = 400
LOAD = 0.9              # of the link
PORTS = 31              # VFs share them: DPDK knows 32 ports
MOST_RATIO = 6          # the bar: cost of an event at the most VFs over that at the fewest
LEAST_EVENTS = 1e6      # a second: the other bar
DURATION_MS = 200


def scenario(n_vfs):
    """-> the text of a scenario: n VFs with a guarantee each share 400 Gb/s, all send at random times."""
    ports = min(PORTS, n_vfs)
    sold, offered = int(LINK_GBPS * 1e9 * 0.8 / n_vfs), int(LINK_GBPS * 1e9 * LOAD / n_vfs)
    lines = [f"[sim]\nduration = {DURATION_MS}ms\nwarmup = {DURATION_MS // 2}ms\n", "[port uplink]\nrole = pf\n"
             f"rate = {LINK_GBPS}G\nlink_basis = l2\nrx_descriptors = 4096\n"]
    lines += [f"[port p{i}]\nrx_descriptors = 4096\n" for i in range(ports)]
    for i in range(n_vfs):
        mac = f"02:00:00:{i >> 16:02x}:{i >> 8 & 255:02x}:{i & 255:02x}"
        lines.append(f"[vf v{i}]\nport = p{i % ports}\nmac = {mac}\ntx.min_bps = {sold}\nqueue = 64\n")
    lines.append(f"[traffic all]\nkind = poisson\nfrom = *\nrate = {offered}\n")
    return "".join(lines)


def run(binary, n_vfs, folder, seconds):
    """-> a row of figures of one run."""
    path, out = os.path.join(folder, f"{n_vfs}.conf"), os.path.join(folder, f"{n_vfs}.json")
    pathlib.Path(path).write_text(scenario(n_vfs), encoding="utf-8")
    child = subprocess.Popen([binary, path, "--json", out, "--quiet"], stdin=subprocess.DEVNULL)
    try:
        pid, status, used = os.wait4(child.pid, 0)
    except BaseException:
        child.kill()
        raise
    child.returncode = os.waitstatus_to_exitcode(status)
    if pid != child.pid or child.returncode != 0:
        raise RuntimeError(f"weir-sim ended with {child.returncode} at {n_vfs} VFs")
    with open(out, encoding="utf-8") as file:
        figures = json.load(file)
    return {"vfs": n_vfs, "events": figures["events"], "events_per_s": figures["events_per_s"],
            "ns_per_event": 1e9 / figures["events_per_s_after_warmup"], "ns_per_event_with_start": 1e9 / figures["events_per_s"], "cpu_s": figures["cpu_s"],
            "memory_mb": used.ru_maxrss / 1024, "utilization_pct": figures["ports"][0]["utilization_pct"],
            "not_kept": sum(not vf["kept"] for vf in figures["vfs"])}


def main():
    """-> the exit code: 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="simscale", description=__doc__)
    parser.add_argument("--sim", default=machine.ROOT / "build" / "app" / "weir-sim" / "weir-sim", metavar="PATH",
                        help="the program (default: that of build/)")
    parser.add_argument("--vfs", default="100,1000,10000,100000", help="numbers of VFs (default %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="the rows, for programs")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="simscale-") as folder:
        for n_vfs in map(int, args.vfs.split(",")):
            rows.append(run(args.sim, n_vfs, folder, 600))
    print("\n".join(grid(["VFs", "events", "events/s", "ns/event", "with the start", "memory", "uplink", "not kept"],
                         [[f"{r['vfs']:,}", f"{r['events']:,}", f"{r['events_per_s']:,.0f}", f"{r['ns_per_event']:.0f}", f"{r['ns_per_event_with_start']:.0f}",
                           f"{r['memory_mb']:,.0f} MB", f"{r['utilization_pct']:.2f} %", str(r["not_kept"])] for r in rows])))
    ratio = rows[-1]["ns_per_event"] / rows[0]["ns_per_event"]
    slowest = min(r["events_per_s"] for r in rows)
    is_met = ratio <= MOST_RATIO and slowest >= LEAST_EVENTS
    print(f"cost of an event at {rows[-1]['vfs']:,} VFs: {ratio:.2f} times that at {rows[0]['vfs']:,} (bar: {MOST_RATIO}); "
          f"at least {slowest / 1e6:.2f} M events/s (bar: {LEAST_EVENTS / 1e6:.0f}): {'met' if is_met else 'MISSED'}")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"rows": rows, "ratio": ratio, "met": is_met}, indent=1) + "\n",
                                           encoding="utf-8")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
