# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of paper D's figures as the paper draws them: carried rates by class, Q over time, rates over time, missed deadlines."""
from .figures_storage import CLASSES, TARGETS, missed_pct

COLOURS = {"high": "#0072b2", "medium": "#e69f00", "low": "#009e73", "low2": "#56b4e9", "other": "#7f7f7f"}
SMOOTHED = 16       # round trips


def finish(axes, x_name, y_name, title):
    """Axes with units, a grid, a legend."""
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    axes.set_title(title, fontsize=9)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7, frameon=False)


def bars(axes, groups, values_of, y_name, title, x_name="sender"):
    """A group of bars, one a class, for each of (label, key)."""
    for place, one in enumerate(CLASSES):
        axes.bar([at + (place - 1) * 0.26 for at in range(len(groups))], [values_of(key)[place] for _, key in groups], 0.26,
                 color=COLOURS[one], label=one)
    axes.set_xticks(range(len(groups)), [label for label, _ in groups], fontsize=8)
    finish(axes, x_name, y_name, title)


def over_time(axes, run, names, title):
    """Rates, a line a VF."""
    for name in names:
        times, rates = zip(*run.series(name))
        axes.plot([one * 1e3 for one in times], [one / 1e9 for one in rates], color=COLOURS[name], linewidth=1, label=name)
    finish(axes, "time [ms]", "rate [Gb/s]", title)


def quality(axes, run, rtt_us):
    """Q of each class over round trips."""
    for name, target in zip(CLASSES, TARGETS):
        rates = [rate for _, rate in run.series(name)]
        mean = [sum(rates[at - SMOOTHED:at]) / SMOOTHED for at in range(SMOOTHED, len(rates))]
        axes.plot(range(SMOOTHED, len(rates)), [target * 1e9 / max(1, one) for one in mean], color=COLOURS[name], linewidth=1, label=name)
    axes.axhline(1, color="black", linewidth=0.6, linestyle=":")
    axes.set_xlim(0, 200)
    finish(axes, "round trip", "Q (target / actual)", f"Q, {rtt_us} us (fig. 9)")


def draw(play, path):
    """Writes the page's first picture; every scenario is played already."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, grid = pyplot.subplots(3, 3, figsize=(14, 10.5))
    bars(grid[0][0], (("DCTCP", "storage-dctcp"), ("QTCP\nas rebuilt", "storage-qtcp-equal"), ("QTCP\nby target", "storage-qtcp")),
         lambda name: [play(name).tx(one)["carried_bps"] / 1e9 for one in CLASSES], "carried [Gb/s]", "90/60/30 on 100 Gb/s (fig. 12a)")
    groups = [(name.upper(), name) for name in ("dctcp", "d2tcp", "qtcp", "dcqcn", "qrdma")]
    bars(grid[0][1], groups, lambda name: missed_pct(play, name), "messages missed [%]", "targets 5/6/8 ms, stressed (figs. 15b, 18a)")
    bars(grid[0][2], (("10 %", "storage-incast-10"), ("20 %", "storage-incast-20")),
         lambda name: [sum(play(name).tx(f"{one}{i}")["carried_bps"] for i in range(1, 5)) / 1e9 for one in CLASSES],
         "carried [Gb/s]", "incast 1:12, without the urgent part (fig. 22b)", "urgent commands, of the link")
    for axes, rtt_us in zip(grid[1], (25, 62, 98)):
        quality(axes, play(f"storage-q-{rtt_us}us"), rtt_us)
    over_time(grid[2][0], play("storage-late-qtcp"), CLASSES, "QTCP, later arrivals (fig. 10)")
    over_time(grid[2][1], play("storage-new-flow"), CLASSES + ("low2",), "a new low-class flow (fig. 14a)")
    over_time(grid[2][2], play("storage-interfering"), CLASSES + ("other",), "an interfering DCTCP flow (fig. 14b)")
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
