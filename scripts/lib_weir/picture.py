# SPDX-License-Identifier: BSD-3-Clause
"""One panel a scenario: what arrived of each VM over time, and what it was owed as dashed lines."""
from . import contract
from .table import UNITS

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]     # told apart by everybody (Okabe, Ito)
STEP_NS = 20_000_000


def panel(axes, outcome):
    """Draws one scenario."""
    unit = outcome.scenario.unit
    scale, name_of_unit, _ = UNITS[unit]
    what, factor = ("bytes", 8) if unit == "bps" else ("packets", 1)
    begin = outcome.begin_ns
    top = 0.0
    for place, (colour, (name, size)) in enumerate(zip(COLOURS, outcome.scenario.frames.items())):
        times, values = outcome.recording.series(outcome.contract.vf(name).mac, what, STEP_NS)
        # The first is the widest: those with the same rate stay visible below each other.
        axes.plot([(at - begin) / 1e9 for at in times], [value * factor / scale for value in values], color=colour,
                  linewidth=max(2.6 - 0.9 * place, 0.8), label=name)
        for phase in outcome.phases:
            if name in phase.senders:
                owed = contract.owed_pps(outcome.contract, phase.senders)[name]
                owed *= size * 8 if unit == "bps" else 1
                top = max(top, owed / scale)
                ends = [(phase.from_ns - begin) / 1e9, (phase.to_ns - begin) / 1e9]
                axes.plot(ends, [owed / scale] * 2, color="black", linestyle=(0, (4, 3)), linewidth=0.9)
    axes.set_xlim(-0.3, (outcome.phases[-1].to_ns - begin) / 1e9 + 0.2)
    axes.set_ylim(0, top * 1.25)
    axes.set_ylabel(name_of_unit)
    axes.set_title(f"{outcome.scenario.name}: {outcome.scenario.title}", loc="left", fontsize=10)
    axes.grid(alpha=0.25)
    axes.legend(loc="upper right", ncol=3, frameon=False, fontsize=9)


def draw(outcomes, path):
    """Writes the PNG. -> its path, or None with a word on why not."""
    try:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        return None
    figure, all_axes = pyplot.subplots(len(outcomes), 1, figsize=(10, 3.1 * len(outcomes)), squeeze=False)
    for axes, outcome in zip(all_axes[:, 0], outcomes):
        panel(axes, outcome)
    all_axes[-1, 0].set_xlabel("s   (lines: received at the uplink, mean of 20 ms; dashed: what the SLA comes to)")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    return path
