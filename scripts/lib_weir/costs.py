# SPDX-License-Identifier: BSD-3-Clause
"""What a packet costs in instructions and in cache lines, by library: counted by valgrind's cachegrind, so the same on a busy
machine as on a quiet one.  Cases: the loads of weir-bench's sched_cost (limits that leave room, limits that bind, minima and
weights and two classes), and whole turns of a switch whose ports cost nothing."""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from . import machine
from .table import grid

# what is run, and how many rounds more than none
CASES = [("limit, 256 VFs, backlog 1", ["limit", "256", "1"], 20), ("limit, 256 VFs, backlog 8", ["limit", "256", "8"], 20),
         ("limit, 4096 VFs, backlog 8", ["limit", "4096", "8"], 40), ("limit, 256 VFs, backlog 64", ["limit", "256", "64"], 20),
         ("binds, 256 VFs, backlog 8", ["binds", "256", "8"], 20), ("full, 256 VFs, backlog 1", ["full", "256", "1"], 20),
         ("full, 256 VFs, backlog 8", ["full", "256", "8"], 20), ("full, 4096 VFs, backlog 8", ["full", "4096", "8"], 40),
         ("turn, 1000 VFs", ["turn", "1000"], 1000)]
LIBRARIES = ["base", "hist", "cffs", "order", "sched", "ask", "l2", "classify", "pipeline"]
L1, L2 = "32768,8,64", "524288,8,64"
FEW = 2
CPU = "x86-64-v3"  # the same instructions on every machine, and none that valgrind does not know (AVX-512)
TABLES = [("instructions a packet", "instructions", 0), ("cache lines a packet that are not in 32 KB", "l1_misses", 2),
          ("cache lines a packet that are not in 512 KB", "l2_misses", 2)]


def build(folder):
    """-> the program, optimised as always, with debug information to tell the libraries apart."""
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", folder, machine.ROOT, "-Dtests=disabled", "-Ddebug=true", f"-Dcpu={CPU}"], check=True,
                       stdout=subprocess.DEVNULL)
    done = subprocess.run(["ninja", "-C", folder, "app/weir-count/weir-count"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"costs: it does not build\n{done.stdout}")
    return folder / "app" / "weir-count" / "weir-count"


def room_of(path):
    """-> the library, or 'bench' for the load itself."""
    found = re.search(r"/lib/(\w+)/", path)
    return found[1] if found else "bench"


def count(program, args, rounds, folder):
    """-> packets, and a Counter: (library, event) -> how often."""
    out = os.path.join(folder, "cachegrind.out")
    done = subprocess.run(["valgrind", "-q", "--tool=cachegrind", "--cache-sim=yes", f"--D1={L1}", f"--LL={L2}",
                           f"--cachegrind-out-file={out}", program, *args, str(rounds)], capture_output=True, text=True, check=True,
                          timeout=600)
    counts, room, events = collections.Counter(), "bench", []
    for line in pathlib.Path(out).read_text(encoding="utf-8").splitlines():
        if line.startswith("events:"):
            events = line.split()[1:]
        elif line.startswith("fl="):
            room = room_of(line[3:])
        elif line[:1].isdigit():
            figures = dict(zip(events, map(int, line.split()[1:])))
            counts[room, "instructions"] += figures["Ir"]
            counts[room, "l1_misses"] += figures["D1mr"] + figures["D1mw"]
            counts[room, "l2_misses"] += figures["DLmr"] + figures["DLmw"]
    return int(done.stdout), counts


def measure(program, args, rounds, folder):
    """-> a packet's part of each count, without what it takes to start and to end."""
    few, start = count(program, args, FEW, folder)
    many, both = count(program, args, FEW + rounds, folder)
    return {key: (both[key] - start[key]) / (many - few) for key in both}


def rows_of(case, parts):
    """-> rows for --json."""
    return [{"case": case, "library": room, "metric": event, "value": value} for (room, event), value in sorted(parts.items())]


def table(results, event, digits):
    """-> lines: a case a line, a library a column; the load itself is apart."""
    head = ["case", "weir", *LIBRARIES, "load"]
    lines = []
    for case, parts in results:
        by = {room: parts.get((room, event), 0) for room in [*LIBRARIES, "bench"]}
        other = sum(value for (room, e), value in parts.items() if e == event and room not in by)
        ours = sum(by[room] for room in LIBRARIES) + other
        lines.append([case, *(f"{value:.{digits}f}" for value in (ours, *(by[r] for r in LIBRARIES), by["bench"]))])
    return grid(head, lines)


def main():
    """-> the exit code."""
    parser = argparse.ArgumentParser(prog="costs", description=__doc__,
                                     epilog="Needs valgrind, meson and ninja.  About two minutes.")
    parser.add_argument("--build", type=pathlib.Path, default=machine.ROOT / "build" / "costs", metavar="FOLDER",
                        help="where to build the program (default build/costs)")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name has this")
    parser.add_argument("--json", metavar="FILE", help="case, library, metric and value a packet, for programs")
    args = parser.parse_args()
    cases = [case for case in CASES if args.only in case[0]]
    if not cases:
        parser.error(f"no case has '{args.only}': there are " + "; ".join(case[0] for case in CASES))
    try:
        program = build(args.build)
        results = []
        with tempfile.TemporaryDirectory(prefix="costs-") as folder:
            for i, (name, words, rounds) in enumerate(cases):
                print(f"\r\033[K[{i + 1}/{len(cases)}] {name}", end="", file=sys.stderr, flush=True)
                results.append((name, measure(program, words, rounds, folder)))
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    except FileNotFoundError as error:
        sys.exit(f"costs: {error.filename} is not there: install it (apt-get install valgrind meson ninja-build)")
    except subprocess.CalledProcessError as error:
        sys.exit(f"costs: {' '.join(map(str, error.cmd))}: exit code {error.returncode}\n{error.stderr or ''}")
    for title, event, digits in TABLES:
        print(f"\n{title}\n" + "\n".join(table(results, event, digits)))
    if args.json:
        rows = [row for case, parts in results for row in rows_of(case, parts)]
        pathlib.Path(args.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
