# SPDX-License-Identifier: BSD-3-Clause
"""Paper A: what re-allocation costs, swept over its period. Measured by weir-bench, for a simulator has no costs."""
from .figures_base import Row

THEIRS = "breaks even at a period of 0.3 s (memory) and 0.9 s (CPU)"
MOST_PCT = 0.5      # from the default period of 1 ms on, even if all is granted anew each time
SHOWN_US = (100, 1000, 100000, 1000000)


def percent(value):
    """-> '0.36 %', and of next to nothing that."""
    return f"{value:.2g} %" if value >= 0.001 else "< 0.001 %"


def period(play):
    """DBA-VM, figures 7 and 8: cost of the control core and of the workers, and how soon a change is had."""
    values = {}
    for (case, _, metric), value in play.bench("period-sweep").items():
        values.setdefault(case, {})[metric] = value
    for us in SHOWN_US:
        got = values[f"period {us} us"]
        periods, most = got["split_95"] * 1000 / us, MOST_PCT if us >= 1000 else 10
        yield Row("A", "period", f"control core every {us / 1000:g} ms, 4 workers, 64 VFs", THEIRS,
                  f"{percent(got['control_core'])} of a core (all granted anew each time: {percent(got['control_core_worst'])}, and "
                  f"{percent(got['workers_worst'])} of each worker); 95 % of a new split after {got['split_95']:g} ms, "
                  f"a weaker uplink counted with after {got['uplink_cut'] / 1000:.1f} s",
                  f"<= {most:g} % of a core, 95 % within 3 periods", got["control_core_worst"] <= most and periods <= 3.01,
                  "weir-bench measures on a machine that others use: repeat it in a quiet hour")


FIGURES = {"period": period}
