# SPDX-License-Identifier: BSD-3-Clause
"""Tables for people: the live one, and the verdict."""
import collections
import sys
import time

UNITS = {"bps": (1e6, "Mb/s", 2), "pps": (1e3, "kp/s", 2), "ms": (1, "ms", 0), "packets": (1, "packets", 0), "": (1, "", 0)}

BAR = 30


def figure(value, unit):
    """-> '150.02 Mb/s'"""
    scale, name, digits = UNITS[unit]
    if value == float("inf"):
        return "never"
    return f"{value / scale:,.{digits}f} {name}".rstrip()


def grid(head, rows, is_prose=False):
    """-> lines with aligned columns; a cell that begins with a digit or a sign goes to the right, but not in prose."""
    cells = [head, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for row in cells:
        parts = [cell.rjust(width) if not is_prose and cell[:1] in set("+-0123456789") else cell.ljust(width)
                 for cell, width in zip(row, widths)]
        lines.append("  ".join(parts).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def verdict_lines(promises):
    """-> the table at the end of a scenario."""
    rows = []
    for p in promises:
        error = f"{p.error_pct:+.2f} %" if p.unit in ("bps", "pps") and (p.is_rate or p.error_pct > 0) else ""
        rows.append([p.who, p.text, figure(p.asked, p.unit), figure(p.got, p.unit), error,
                     p.outcome, p.note])
    return grid(["who", "promise", "asked", "got", "error", "", ""], rows)


class Live:
    """The table while it runs: redrawn on a terminal, a line a second elsewhere."""

    def __init__(self, scenario, promised, owed):
        self.scenario, self.contract, self.owed = scenario, promised, owed
        self.is_tty = sys.stdout.isatty()
        self._history = collections.deque(maxlen=12)
        self._drawn, self._lines = 0.0, 0

    def __call__(self, bed):
        """Called often; draws when it is time."""
        if not self._history or bed.sink.at_ms != self._history[-1][0]:
            self._history.append((bed.sink.at_ms, dict(bed.sink.totals)))
        now = time.monotonic()
        if now - self._drawn < (0.2 if self.is_tty else 1.0) or len(self._history) < 2:
            return
        self._drawn = now
        if self.is_tty:
            self._redraw()
        else:
            print("  " + "   ".join(f"{name} {self._shown(name)}" for name in self.scenario.frames), flush=True)

    def _rates(self, name):
        (from_ms, before), (to_ms, after) = self._history[0], self._history[-1]
        mac, seconds = self.contract.vf(name).mac, max(to_ms - from_ms, 1) / 1e3
        (p0, b0), (p1, b1) = before.get(mac, (0, 0)), after.get(mac, (0, 0))
        return (b1 - b0) * 8 / seconds, (p1 - p0) / seconds

    def _shown(self, name):
        bps, pps = self._rates(name)
        return f"{bps / 1e6:6.1f} Mb/s {pps / 1e3:6.2f} kp/s"

    def _redraw(self):
        top = max(self.owed.values()) * 1.25
        lines = []
        for name in self.scenario.frames:
            _, pps = self._rates(name)
            bar = "█" * round(min(pps / top, 1) * BAR)
            mark = round(self.owed[name] / top * BAR)
            bar = bar.ljust(BAR)
            lines.append(f"  {name}  {self._shown(name)}  {bar[:mark]}│{bar[mark:]}")
        if self._lines:
            sys.stdout.write(f"\x1b[{self._lines}A")
        sys.stdout.write("".join(f"\x1b[2K{line}\n" for line in lines))
        sys.stdout.flush()
        self._lines = len(lines)
