# SPDX-License-Identifier: BSD-3-Clause
"""Judges a capture of what left by the uplink: frames that carry numbers which count up, sender by sender, each held to a limit."""
import struct

HEAD_BYTES, RECORD_BYTES = 24, 16
KEPT_BYTES = 24         # of each frame: the MACs, and IPv4's header up to its identification
FIELDS = struct.Struct("<IIII6x6s6xH4x")


class Sender:
    """One sender's frames: numbers of 0 .. n - 1, again and again."""

    def __init__(self, n_numbers, limit_bytes_per_s):
        self.n_numbers, self.limit_bytes_per_s, self.last = n_numbers, limit_bytes_per_s, None
        self.pkts = self.lost = self.reordered = 0
        self.above_bytes = self.most_above_bytes = 0.0
        self.last_s = None

    def take(self, number, when_s, n_bytes):
        """The next frame.  A number that is ahead tells of lost ones; one that is behind was only reordered."""
        self.pkts += 1
        gap = (number - self.last - 1) % self.n_numbers if self.last is not None else 0
        if gap > self.n_numbers // 2:
            self.reordered += 1
            self.lost -= 1
        else:
            self.lost += gap
            self.last = number
        if self.last_s is not None:
            self.above_bytes = max(0.0, self.above_bytes - (when_s - self.last_s) * self.limit_bytes_per_s)
        self.above_bytes += n_bytes
        self.most_above_bytes = max(self.most_above_bytes, self.above_bytes)
        self.last_s = when_s


def judge(path, n_numbers, limits_bps):
    """-> [Sender] for each (MAC: its limit) of a little-endian pcap whose frames were kept to KEPT_BYTES.

    most_above_bytes is the most that it sent, over any time whatever, above that limit: a burst at most where it holds."""
    senders = {mac: Sender(n_numbers, bps / 8) for mac, bps in limits_bps.items()}
    with open(path, "rb") as file:
        file.read(HEAD_BYTES)
        while chunk := file.read(FIELDS.size * 65536):
            whole = len(chunk) - len(chunk) % FIELDS.size
            for sec, nsec, kept, length, source, number in FIELDS.iter_unpack(chunk[:whole]):
                if kept != KEPT_BYTES:
                    raise ValueError(f"{path}: a frame of {kept} bytes kept")
                senders[source].take((number & 0xff) << 8 | number >> 8, sec + nsec / 1e9, length)
    return list(senders.values())
