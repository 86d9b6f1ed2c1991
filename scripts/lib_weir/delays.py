# SPDX-License-Identifier: BSD-3-Clause
"""How long packets waited in a span of time: the difference of two readings of weir's histograms, which only grow."""

DIRECTIONS, CLASSES = ("tx", "rx"), ("urgent", "high", "medium", "low")


class Delays:
    """Of one VF, direction and class, since weir's start or between two readings."""

    def __init__(self, counts, longest_ns, uptime_ns, lost_ns):
        self.counts = counts            # {ns, a bucket's middle: packets}
        self.longest_ns = longest_ns
        self.uptime_ns, self.lost_ns = uptime_ns, lost_ns
        self.n = sum(counts.values())

    @classmethod
    def read(cls, ask, vf, direction, tclass):
        """ask: a function that asks weir."""
        answer = ask(f"/weir/delays,{vf},{direction},{tclass}")
        return cls(dict(zip(answer["bucket_ns"], answer["count"])), answer["max_ns"], answer["uptime_ns"], answer["lost_ns"])

    def since(self, before):
        """What came after 'before', an earlier reading of the same.  Its longest is exact where it is a record."""
        counts = {ns: n - before.counts.get(ns, 0) for ns, n in self.counts.items() if n > before.counts.get(ns, 0)}
        longest_ns = self.longest_ns
        if longest_ns <= before.longest_ns:
            longest_ns = min(max(counts, default=0), longest_ns)
        return Delays(counts, longest_ns, self.uptime_ns - before.uptime_ns, self.lost_ns - before.lost_ns)

    @classmethod
    def sum(cls, spans):
        """All of them together."""
        counts = {}
        for span in spans:
            for ns, n in span.counts.items():
                counts[ns] = counts.get(ns, 0) + n
        return cls(counts, max(s.longest_ns for s in spans), sum(s.uptime_ns for s in spans), sum(s.lost_ns for s in spans))

    def quantile_ns(self, share):
        """What this share of the packets did not wait longer than, to a sixteenth; 0 where there were none."""
        left = max(1, -int(-self.n * share // 1))
        for ns, n in sorted(self.counts.items()):
            if left <= n:
                return min(ns, self.longest_ns)
            left -= n
        return self.longest_ns if self.n else 0
