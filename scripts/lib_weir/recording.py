# SPDX-License-Identifier: BSD-3-Clause
"""What the sink counted, as rates over any time. Times are CLOCK_MONOTONIC ns."""
from itertools import accumulate


class Recording:
    """The sink's document, summed up once so that any window costs nothing."""

    def __init__(self, document):
        self.bin_ns = document["bin_ns"]
        self.start_ns = document["start_ns"]
        self.longest_gap_ns = document["longest_gap_ns"]
        self.gaps = [(a + self.start_ns, b + self.start_ns) for a, b in document["gaps"]]
        self.bins = {mac: counts["packets"] for mac, counts in document["sources"].items()}
        self._sums = {(mac, what): [0, *accumulate(counts[what])]
                      for mac, counts in document["sources"].items() for what in ("packets", "bytes")}

    def bin_at(self, at_ns):
        """-> the bin a time is in."""
        return max(0, round((at_ns - self.start_ns) / self.bin_ns))

    def time_of(self, index):
        """-> when a bin begins."""
        return self.start_ns + index * self.bin_ns

    def count(self, mac, what, from_ns, to_ns):
        """-> packets or bytes in a window (its ends are rounded to bins)."""
        sums = self._sums.get((mac, what))
        if sums is None:
            return 0
        last = len(sums) - 1
        return sums[min(self.bin_at(to_ns), last)] - sums[min(self.bin_at(from_ns), last)]

    def rate(self, mac, what, from_ns, to_ns):
        """-> packets/s or bytes/s."""
        seconds = (self.bin_at(to_ns) - self.bin_at(from_ns)) * self.bin_ns / 1e9
        return self.count(mac, what, from_ns, to_ns) / seconds if seconds > 0 else 0.0

    def total(self, mac):
        """-> packets, all in all."""
        sums = self._sums.get((mac, "packets"))
        return sums[-1] if sums else 0

    def silence(self, mac, from_ns, to_ns):
        """The longest time without a packet of 'mac' in a window. -> (its begin, its end), ns."""
        best, begin, bins = (0, 0), None, self.bins.get(mac, [])
        last = min(self.bin_at(to_ns), len(bins))
        for index in range(self.bin_at(from_ns), last + 1):
            if index < last and bins[index] == 0:
                begin = index if begin is None else begin
            elif begin is not None:
                best = max(best, (begin, index), key=lambda span: span[1] - span[0])
                begin = None
        return self.time_of(best[0]), self.time_of(best[1])

    def longest_gap(self, from_ns, to_ns):
        """-> the sink's longest absence in a window, ns: no bin there is better than that."""
        return max((b - a for a, b in self.gaps if b > from_ns and a < to_ns), default=0)

    def series(self, mac, what, step_ns):
        """-> (times in ns, rates) for a picture."""
        width = max(1, round(step_ns / self.bin_ns))
        sums = self._sums.get((mac, what), [0])
        edges = range(0, len(sums) - width, width)
        return ([self.time_of(edge + width / 2) for edge in edges],
                [(sums[edge + width] - sums[edge]) / (width * self.bin_ns / 1e9) for edge in edges])
