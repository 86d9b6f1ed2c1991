# SPDX-License-Identifier: BSD-3-Clause
"""Plays what four papers show, in weir-sim, and writes one page: theirs, ours, the bar, and whether it is met.

Papers: A  DBA-VM (ISCC 2012)   B  DAQS   C  Eiffel   D  QoS for networked storage (QTCP, QRDMA).
What misses its bar stays on the page as missed, with the reason; what needs parts that do not exist yet is listed as such.
QTCP's printed equations are lost: senders that grow by a part of their target's window, and are paced, are ours, with the parameters told.  Costs (C) are weir-bench's, of the machine and the hour: whoever else uses its caches makes all the ratios larger.
"""
import argparse
import html
import json
import os
import pathlib
import subprocess
import sys

from . import figures, machine, paperplot
from .table import grid

SECONDS = 300       # a scenario
STYLE = ("body{font:15px/1.45 sans-serif;max-width:72em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}"
         "td,th{border:1px solid #bbb;padding:.3em .6em;text-align:left;vertical-align:top}.missed{background:#fdd}.met{background:#dfd}"
         "img{max-width:48%;margin:.5em 1% 0 0}")


TOGETHER = ("storage-", "deadlines-", "mixed-", "ratios-", "fct-", "many-")      # drawn in one picture (paperplot)


class Failed(Exception):
    """weir-sim did not play a scenario."""


class Player:
    """Plays each scenario once, with its picture."""

    def __init__(self, binary, folder, has_pictures, bench, bench_json):
        self.binary, self.folder, self.has_pictures = binary, folder, has_pictures
        self.bench_binary, self.bench_json = bench, bench_json
        self.runs, self.suites = {}, {}

    def __call__(self, name, text=None):
        """-> its Run; 'text': a scenario that is no file of config/sim."""
        if name not in self.runs:
            scenario = machine.ROOT / "config" / "sim" / f"{name}.conf"
            if text is not None:
                scenario = self.folder / f"{name}.conf"
                scenario.write_text(text, encoding="utf-8")
            out = {kind: self.folder / f"{name}.{kind}" for kind in ("json", "csv", "svg")}
            command = [self.binary, scenario, "--quiet", "--json", out["json"], "--csv",
                       out["csv"]] + (["--plot", out["svg"]] if self.has_pictures and not name.startswith(TOGETHER) else [])
            try:
                done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      timeout=SECONDS, check=False)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise Failed(f"{name}: {error}") from error
            if done.returncode:
                raise Failed(f"{name}: weir-sim ended with {done.returncode}: {done.stderr}")
            self.runs[name] = figures.Run(json.loads(out["json"].read_text(encoding="utf-8")), out["csv"])
        return self.runs[name]

    def bench(self, suite):
        """-> {(case, contender, metric): value} of a suite of weir-bench, from a file or from a run now."""
        if suite not in self.suites:
            path = self.bench_json or self.folder / f"bench-{suite}.json"
            if not self.bench_json:
                first = ["nice", "-n", "-20"] if os.geteuid() == 0 else []      # before whoever else is on the machine
                picture = ["--plot", str(self.folder / f"{suite}.svg")] if self.has_pictures else []
                try:
                    done = subprocess.run(first + [str(self.bench_binary), "--quick", "--suite", suite, "--json", str(path), *picture], stdin=subprocess.DEVNULL,
                                          capture_output=True, text=True, timeout=SECONDS, check=False)
                except (OSError, subprocess.TimeoutExpired) as error:
                    raise Failed(f"weir-bench --suite {suite}: {error}") from error
                if done.returncode:
                    raise Failed(f"weir-bench --suite {suite} ended with {done.returncode}: {done.stderr}")
            try:
                rows = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
                self.suites[suite] = {(row["case"], row["contender"], row["metric"]): row["value"] for row in rows if row["suite"] == suite}
            except (ValueError, TypeError, KeyError) as error:
                raise Failed(f"{path}: {error!r}: wanted rows of weir-bench --json") from error
            if not self.suites[suite]:
                raise Failed(f"{path}: no rows of the suite {suite}: wanted weir-bench --suite {suite} --json FILE (several suites go into one file)")
        return self.suites[suite]


def cells(values, tag="td"):
    """-> a row of a table."""
    return "<tr>" + "".join(f"<{tag}>{html.escape(str(value))}</{tag}>" for value in values) + "</tr>"


def page(rows, missing, player):
    """-> the page as HTML."""
    parts = ["<!doctype html><meta charset=utf-8><title>weir: what four papers show</title>", f"<style>{STYLE}</style>",
             "<h1>What four papers show, played in weir-sim</h1>", f"<p>{html.escape(__doc__).replace(chr(10), '<br>')}</p>", "<table>",
             cells(["paper", "case", "theirs", "ours", "bar", "verdict"], "th")]
    for row in rows:
        verdict = "met" if row.met else f"missed: {row.why or 'not looked into yet'}"
        line = cells([row.paper, row.case, row.theirs, row.ours, row.bar, verdict])
        parts.append(line.replace("<tr>", f"<tr class={'met' if row.met else 'missed'}>"))
    parts.append("</table>")
    if missing:
        parts += ["<h2>Not reproduced yet</h2><table>", cells(["paper", "case", "theirs", "what it needs"], "th"),
                  *(cells([m.paper, m.case, m.theirs, m.needs]) for m in missing), "</table>"]
    if player.has_pictures:
        whole = ['<p><img src="paper-d.png" alt="paper D" style="max-width:100%"></p>'] if missing else []
        alone = [name for name in player.runs if not name.startswith(TOGETHER)]
        parts += ["<h2>Pictures</h2>"] + whole + [f'<img src="{name}.svg" alt="{name}" title="config/sim/{name}.conf">' for name in alone]
        parts += [f'<img src="{name}.svg" alt="{name}" title="weir-bench --suite {name}">' for name in player.suites if not player.bench_json]
    return "\n".join(parts) + "\n"


def record_of(row):
    """-> a row for programs."""
    return {"paper": row.paper, "figure": row.figure, "case": row.case, "theirs": row.theirs, "ours": row.ours, "bar": row.bar,
            "met": bool(row.met), "why": row.why if not row.met else ""}


def arguments():
    parser = argparse.ArgumentParser(prog="reproduce", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", nargs="*", help="which (default: all): " + ", ".join(figures.FIGURES))
    parser.add_argument("--sim", default=machine.ROOT / "build" / "app" / "weir-sim" / "weir-sim", metavar="PATH",
                        help="the program (default: that of build/)")
    parser.add_argument("--out", default=machine.ROOT / "build" / "reproduction", metavar="FOLDER",
                        help="where the page goes (default: build/reproduction)")
    parser.add_argument("--bench", default=machine.ROOT / "build" / "app" / "weir-bench" / "weir-bench", metavar="PATH",
                        help="the program that measures costs, for paper C (default: that of build/)")
    parser.add_argument("--bench-json", metavar="FILE", help="what it measured, in place of a run now: its suites pq_hold, many_flows and period-sweep")
    parser.add_argument("--json", metavar="FILE", help="the rows, for programs")
    parser.add_argument("--no-pictures", action="store_true", help="without python3-matplotlib")
    args = parser.parse_args()
    for name in args.figure:
        if name not in figures.FIGURES:
            parser.error(f"{name}: no such figure: want some of {', '.join(figures.FIGURES)}")
    return args


def main():
    """-> the exit code: 0 when everything was played, whatever was met; 2 when something could not be."""
    args = arguments()
    folder, rows = pathlib.Path(args.out), []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        player = Player(args.sim, folder, not args.no_pictures, args.bench, args.bench_json)
        for name in args.figure or figures.FIGURES:
            rows += figures.FIGURES[name](player)
            print(f"played {name}", file=sys.stderr, flush=True)
        missing = [] if args.figure else figures.MISSING
        if missing and player.has_pictures:
            paperplot.draw(player, folder / "paper-d.png")
        (folder / "index.html").write_text(page(rows, missing, player), encoding="utf-8")
        if args.json:
            records = [record_of(row) for row in rows]
            records += [{"paper": m.paper, "figure": m.figure, "case": m.case, "theirs": m.theirs, "ours": None, "bar": None, "met": None,
                         "why": f"not reproduced yet: needs {m.needs}"} for m in missing]
            pathlib.Path(args.json).write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    except (Failed, OSError) as error:
        print(f"reproduce: {error}", file=sys.stderr)
        return 2
    print("\n".join(grid(["", "case", "ours", "bar", "verdict"],
                         [[row.paper, row.case, row.ours, row.bar, "met" if row.met else "MISSED"] for row in rows], is_prose=True)))
    print(f"{sum(bool(row.met) for row in rows)} met, {sum(not row.met for row in rows)} missed, {len(missing)} not reproduced yet; "
          f"{folder / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
