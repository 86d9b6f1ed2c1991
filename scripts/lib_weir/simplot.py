# SPDX-License-Identifier: BSD-3-Clause
"""Draws a run of weir-sim: rates over time, the delays of each VF, and what was dropped or marked, where anything was."""
import argparse
import collections
import csv
import json
import math
import sys

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f"]
MOST_LINES = 16         # more cannot be told apart
MOST_WITH_CLASSES = 3   # VFs: of more, only the whole
SCALES = ((1e9, "Gb/s"), (1e6, "Mb/s"), (1e3, "kb/s"), (1, "b/s"))


class BadFile(Exception):
    """Not what weir-sim writes."""


CLASSES = {"urgent": ":", "high": "-", "medium": "--", "low": "-."}


def read_series(path):
    """-> {(vf, direction): ([s], [b/s], {class: [b/s]})} of those that ever had anything."""
    series = collections.defaultdict(lambda: ([], [], {name: [] for name in CLASSES}))
    try:
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                times, rates, by_class = series[row["vf"], row["direction"]]
                times.append(float(row["time_s"]))
                rates.append(float(row["got_bps"]))
                for name, class_rates in by_class.items():
                    class_rates.append(float(row[f"{name}_bps"]))
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise BadFile(f"{path}: want what weir-sim --csv writes: {error!r}") from error
    return {key: value for key, value in series.items() if any(value[1])}


def read_losses(path):
    """-> {(vf, direction, class, "dropped" or "marked"): ([s], [packets/s])} of those that ever were above 0."""
    losses = collections.defaultdict(lambda: ([], []))
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for what in ("dropped", "marked"):
                for name in CLASSES:
                    times, rates = losses[row["vf"], row["direction"], name, what]
                    times.append(float(row["time_s"]))
                    rates.append(float(row[f"{name}_{what}_pps"]))
    return {key: value for key, value in losses.items() if any(value[1])}


def read_figures(path):
    """-> the JSON."""
    try:
        with open(path, encoding="utf-8") as file:
            figures = json.load(file)
        return {(vf["name"], vf["direction"]): vf for vf in figures["vfs"]}
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise BadFile(f"{path}: want what weir-sim --json writes: {error!r}") from error


def scale_of(most):
    """-> (divisor, unit) for rates up to 'most'."""
    return next((scale for scale in SCALES if most >= scale[0]), SCALES[-1])


def time_axis(axes, times):
    """Milliseconds where the whole is short. -> the times to draw.  To its end: a limit set before anything is drawn would stay."""
    factor, unit = (1, "s") if times[-1] > 1 else (1e3, "ms")
    axes.set_xlabel(f"time [{unit}]")
    axes.set_xlim(0, times[-1] * factor)
    return [one * factor for one in times]


def label(key, several_directions):
    """-> 'vm1', or 'vm1 rx' where both directions are shown."""
    return f"{key[0]} {key[1]}" if several_directions else key[0]


def draw_rates(axes, series, figures):
    """Rates over time; what was guaranteed as a dotted line of the same colour."""
    divisor, unit = scale_of(max(max(rates) for _, rates, _ in series.values()))
    both = len({direction for _, direction in series}) > 1
    has_guarantee = False
    for (key, (times, rates, by_class)), colour in zip(series.items(), COLOURS * MOST_LINES):
        times = time_axis(axes, times)
        used = {name: some for name, some in by_class.items() if any(some)}
        for name, some in used.items() if len(used) > 1 and len(series) <= MOST_WITH_CLASSES else ():
            axes.plot(times, [rate / divisor for rate in some], color=colour, linewidth=0.9, alpha=0.7, linestyle=CLASSES[name],
                      label=f"{label(key, both)} {name}")
        axes.plot(times, [rate / divisor for rate in rates], color=colour, linewidth=1.3, label=label(key, both),
                  linestyle="-" if key[1] == "tx" else "--")
        guaranteed = figures.get(key, {}).get("effective", {}).get("min_bps", 0)
        if guaranteed:
            has_guarantee = True
            axes.axhline(guaranteed / divisor, color=colour, linewidth=0.7, linestyle=":")
    axes.set_ylabel(f"rate [{unit}]")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0),
                title="thin dotted: guaranteed" if has_guarantee else None, title_fontsize=7)


def draw_delays(axes, series, figures):
    """p50, p99 and the longest, a group of bars a VF."""
    keys = [key for key in series if key in figures]
    both = len({direction for _, direction in series}) > 1
    for place, (name, shade) in enumerate((("p50", "#9ecae1"), ("p99", "#4292c6"), ("max", "#084594"))):
        axes.bar([at + (place - 1) * 0.27 for at in range(len(keys))],
                 [max(figures[key]["delay_us"][name], 1e-3) for key in keys], 0.27, color=shade, label=name)
    axes.set_xticks(range(len(keys)), [label(key, both) for key in keys], rotation=30 if len(keys) > 6 else 0, fontsize=8)
    axes.set_yscale("log")
    shown = [max(figures[key]["delay_us"][name], 1e-3) for key in keys for name in ("p50", "max")]
    axes.set_ylim(10 ** math.floor(math.log10(min(shown) / 1.01)), 10 ** math.ceil(math.log10(max(shown))))      # whole decades: bars have a foot
    for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        which(lambda value, _: f"{value:g}" if str(f"{value:.0e}")[0] in "125" else "")
    axes.set_ylabel("delay, ring to wire [us]")
    axes.grid(alpha=0.25, axis="y")
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def draw_losses(axes, losses):
    """Packets a second over time, the largest of them: dropped as lines, marked as dots."""
    most = sorted(losses, key=lambda key: -sum(losses[key][1]))[:MOST_LINES]
    for (key, (times, rates)), colour in zip(((key, losses[key]) for key in losses if key in most), COLOURS * MOST_LINES):
        vf, direction, name, what = key
        axes.plot(time_axis(axes, times), [rate / 1e3 for rate in rates], color=colour, linewidth=1, linestyle="-" if what == "dropped" else ":",
                  label=f"{vf} {direction} {name} {what}")
    axes.set_ylabel("packets [1000/s]")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_title("dropped, and marked CE, in weir and by a switch beside it" + (f": the {MOST_LINES} largest" if len(losses) > MOST_LINES else ""),
                   fontsize=9)


def draw(csv_path, json_path, path, pyplot):
    """Writes the picture."""
    series, figures = read_series(csv_path), read_figures(json_path)
    if not series:
        raise BadFile(f"{csv_path}: nothing arrived anywhere: there is nothing to draw")
    most = sorted(series, key=lambda key: -max(series[key][1]))[:MOST_LINES]
    series = {key: series[key] for key in series if key in most}
    losses = read_losses(csv_path)
    ratios = (3, 2, 2) if losses else (3, 2)
    figure, (above, below, *lowest) = pyplot.subplots(len(ratios), 1, figsize=(8, 6.4 * sum(ratios) / 5), height_ratios=ratios)
    draw_rates(above, series, figures)
    draw_delays(below, series, figures)
    if losses:
        draw_losses(lowest[0], losses)
    above.set_title("what arrived" + (f", the {MOST_LINES} largest of {len(figures)}" if len(figures) > 2 * MOST_LINES else ""), fontsize=9)
    below.set_title("delay of each packet", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    """-> the exit code."""
    parser = argparse.ArgumentParser(prog="sim-plot", description="Draws what weir-sim --csv and --json wrote.",
                                     epilog=f"at most {MOST_LINES} lines: those with the highest rates")
    parser.add_argument("csv", metavar="FILE.csv", nargs="?")
    parser.add_argument("json", metavar="FILE.json", nargs="?")
    parser.add_argument("picture", metavar="FILE.svg|.png|.pdf", nargs="?")
    parser.add_argument("--check", action="store_true", help="only say whether pictures can be drawn here")
    args = parser.parse_args()
    if not args.check and not args.picture:
        parser.error("want FILE.csv, FILE.json and the picture's FILE.svg")
    try:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        print("sim-plot: python3-matplotlib is not installed (scripts/install demo)", file=sys.stderr)
        return 1
    if args.check:
        return 0
    try:
        draw(args.csv, args.json, args.picture, pyplot)
    except (BadFile, OSError, ValueError) as error:
        print(f"sim-plot: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
