# SPDX-License-Identifier: BSD-3-Clause
"""Draws the rows of weir-bench: lines where the cases of a suite are sizes, bars where they are not."""
import argparse
import collections
import json
import math
import re
import sys
import textwrap

OURS = "weir"
OUR_COLOUR = "#d55e00"
COLOURS = ["#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f", "#5254a3", "#637939"]
SIZE = re.compile(r"(\d+)([KM]?)\b")
FACTOR = {"": 1, "K": 1 << 10, "M": 1 << 20}
UNITS = {"B": "size of a packet", "ns": "time", "us": "time", "ms": "time", "Gb/s": "rate", "Mb/s": "rate"}
LINES_FROM = 3          # so many sizes of one series make a line
KEYS = ("suite", "case", "contender", "metric", "value", "unit")

Panel = collections.namedtuple("Panel", "suite metric unit title cases is_line")


class BadRows(Exception):
    """The file is not what weir-bench --json writes."""


def read_rows(path):
    """-> the rows that have a value."""
    try:
        with open(path, encoding="utf-8") as file:
            rows = json.load(file)
    except (OSError, ValueError) as error:
        raise BadRows(f"{path}: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) and all(key in row for key in KEYS) for row in rows):
        raise BadRows(f"{path}: want the list of rows that weir-bench --json writes")
    return [row for row in rows if isinstance(row["value"], (int, float))]


def unique(values):
    """-> each once, in their order."""
    return list(dict.fromkeys(values))


def size_of(case):
    """-> (the case without its first number, that number): what a series has in common, and where on it."""
    found = SIZE.search(case)
    if not found:
        return case, None
    return case[:found.start()] + "N" + case[found.end():], int(found[1]) * FACTOR[found[2]]


def size_text(size):
    """-> '64K', and of what is no power of two its number."""
    if size % (1 << 20) == 0:
        return f"{size >> 20}M"
    return f"{size >> 10}K" if size % (1 << 10) == 0 else str(size)


def size_label(panel):
    """-> what the sizes are, by what stands behind them in the cases' names: 'number of VFs', '% of the link'."""
    rest = panel.title.split("N", 1)[1] if "N" in panel.title else ""
    word = re.match(r" ?(%[^,]*|[A-Za-z]+(?:/s)?)", rest)
    if word is None:
        return "number of items (N)" if panel.suite.startswith("pq_") else "N"
    if word[1] in UNITS:
        return f"{UNITS[word[1]]} [{word[1]}]"
    return word[1] if word[1][0] == "%" else f"number of {word[1]}"


def scale_of(rows):
    """-> how the values of a suite are drawn, the same for all its panels: those that lie far apart by their logarithms."""
    heights = collections.defaultdict(list)
    for row in rows:
        heights[row["metric"]].append(row["value"])
    least = min(min(some) for some in heights.values())
    is_wide = any(max(some) > 1000 or (min(some) > 0 and max(some) / min(some) > 8) for some in heights.values())
    return "linear" if not is_wide else "log" if least > 0 else "symlog"


def headline_metrics(rows):
    """-> the metrics that are drawn: not the spread of another, nor cycles again in ns."""
    names = {row["metric"] for row in rows}
    return [name for name in unique(row["metric"] for row in rows)
            if not (name[-4:] in ("_p15", "_p95") and name[:-4] in names) and not (name == "ns" and "cycles" in names)]


def panels_of(rows, suite):
    """-> the panels of one suite."""
    mine = [row for row in rows if row["suite"] == suite]
    panels = []
    for metric in headline_metrics(mine):
        chosen = [row for row in mine if row["metric"] == metric]
        series = collections.defaultdict(list)
        for case in unique(row["case"] for row in chosen):
            series[size_of(case)[0]].append(case)
        bars = []
        for name, cases in series.items():
            if len({size_of(case)[1] for case in cases}) >= LINES_FROM:
                panels.append(Panel(suite, metric, chosen[0]["unit"], name, cases, True))
            else:
                bars += cases
        if bars and any(row["value"] for row in chosen):
            panels.append(Panel(suite, metric, chosen[0]["unit"], "", bars, False))
    return panels


def colours_of(contenders):
    """-> a colour for each; ours is always the same."""
    others = [name for name in contenders if name != OURS]
    return {OURS: OUR_COLOUR} | {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(others)}


def spread(values, case, contender, metric):
    """-> [[down], [up]] for an error bar, or None."""
    middle = values.get((case, contender, metric))
    low, high = (values.get((case, contender, metric + end)) for end in ("_p15", "_p95"))
    if None in (middle, low, high):
        return None
    return [[max(middle - low, 0)], [max(high - middle, 0)]]


def draw_lines(axes, panel, contenders, colours, values):
    """One line a contender over the sizes."""
    for name in contenders:
        points = [(size_of(case)[1], values[case, name, panel.metric]) for case in panel.cases
                  if (case, name, panel.metric) in values]
        axes.plot(*zip(*sorted(points)), marker="o", markersize=3.5, color=colours[name], label=name,
                  linewidth=2.2 if name == OURS else 1.2) if points else None
    sizes = sorted({size_of(case)[1] for case in panel.cases})
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [size_text(size) for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel(size_label(panel))


def draw_bars(axes, panel, contenders, colours, values):
    """A group of bars a case."""
    width = 0.8 / max(len(contenders), 1)
    for place, name in enumerate(contenders):
        for at, case in enumerate(panel.cases):
            value = values.get((case, name, panel.metric))
            if value is not None:
                axes.bar(at + (place + 0.5) * width - 0.4, value, width, color=colours[name],
                         yerr=spread(values, case, name, panel.metric), error_kw={"elinewidth": 0.7},
                         label=name if at == 0 else None)
    axes.set_xticks(range(len(panel.cases)), panel.cases, rotation=20 if len(panel.cases) > 3 else 0,
                    ha="right" if len(panel.cases) > 3 else "center", fontsize=8)
    axes.set_xlabel("case")


def draw_panel(axes, panel, rows, titles):
    """One panel: a metric of a suite."""
    mine = [row for row in rows if row["suite"] == panel.suite]
    values = {(row["case"], row["contender"], row["metric"]): row["value"] for row in mine}
    shown = [row for row in mine if row["metric"] == panel.metric and row["case"] in panel.cases]
    contenders = unique(row["contender"] for row in shown)
    contenders.sort(key=lambda name: name != OURS)
    (draw_lines if panel.is_line else draw_bars)(axes, panel, contenders, colours_of(contenders), values)

    drawn = set(headline_metrics(mine))
    scale = scale_of([row for row in mine if row["metric"] in drawn])
    if scale != "linear":
        axes.set_yscale(scale, **({"linthresh": 1} if scale == "symlog" else {}))
    elif min(row["value"] for row in shown) >= 0:
        axes.set_ylim(bottom=0)
    what = panel.metric.replace("_", " ")
    axes.set_ylabel("cycles (2 = 1 ns)" if panel.metric == "cycles" else f"{what} [{panel.unit}]")
    about = textwrap.fill(f"{panel.suite}: {titles.get(panel.suite, '')}".rstrip(": "), 105)
    axes.set_title("\n".join(filter(None, [about, f"{what}{': ' if panel.title else ''}{panel.title}"])), loc="left", fontsize=9)
    axes.grid(alpha=0.25, which="both", axis="y")
    handles, labels = axes.get_legend_handles_labels()
    by_label = dict(zip(labels, handles))
    axes.legend(by_label.values(), by_label.keys(), fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def draw(rows, path, pyplot, titles):
    """Writes the picture."""
    panels = [panel for suite in unique(row["suite"] for row in rows) for panel in panels_of(rows, suite)]
    if not panels:
        raise BadRows("there are no rows to draw")
    n_columns = 1 if len(panels) == 1 else 2
    n_rows = math.ceil(len(panels) / n_columns)
    figure, all_axes = pyplot.subplots(n_rows, n_columns, figsize=(9 * n_columns, 3.9 * n_rows), squeeze=False)
    for axes, panel in zip(all_axes.flat, panels):
        draw_panel(axes, panel, rows, titles)
    for axes in all_axes.flat[len(panels):]:
        axes.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main():
    """-> the exit code."""
    parser = argparse.ArgumentParser(prog="bench-plot", description="Draws what weir-bench --json wrote.",
                                     epilog="lines where the cases of a suite are sizes, bars where they are not; "
                                            "whiskers are the 15th and 95th percentile of the trials")
    parser.add_argument("rows", metavar="FILE.json", nargs="?")
    parser.add_argument("picture", metavar="FILE.svg|FILE.png", nargs="?")
    parser.add_argument("--title", nargs=2, metavar=("SUITE", "TEXT"), action="append", default=[],
                        help="what a suite measures, over its panels: as weir-bench --list has it")
    parser.add_argument("--check", action="store_true", help="only say whether pictures can be drawn here")
    args = parser.parse_args()
    if not args.check and not args.picture:
        parser.error("want FILE.json and FILE.svg or FILE.png")
    try:
        import matplotlib
        matplotlib.use("Agg")
        matplotlib.rcParams["svg.fonttype"] = "none"        # words stay words: they can be searched for
        from matplotlib import pyplot
    except ImportError:
        print("bench-plot: python3-matplotlib is not installed (scripts/install demo)", file=sys.stderr)
        return 1
    if args.check:
        return 0
    try:
        draw(read_rows(args.rows), args.picture, pyplot, dict(args.title))
    except (BadRows, OSError, ValueError) as error:
        print(f"bench-plot: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
