# SPDX-License-Identifier: BSD-3-Clause
"""A switch beyond the uplink, as a process: one FIFO with a rate, a buffer and an ECN threshold from one device to another,
and a free way back.  (Kernels without RED, CoDel or fq have no queue that marks.)"""

import collections
import select
import socket
import struct
import time

from .child import Child
from .net import ETH_P_ALL, PACKET_IGNORE_OUTGOING, SOL_PACKET, SO_RCVBUFFORCE, Inside, go_first

CATCH_UP_S = 0.002      # lost with the CPU, and made good: a link never sleeps


def with_ce(frame):
    """-> the frame with CE, where it is IPv4 and ECN-capable; its header checksum stays right (RFC 1624)."""
    if frame[12:14] != b"\x08\x00" or frame[15] & 3 in (0, 3):
        return frame
    old, = struct.unpack("!H", frame[14:16])
    new = old | 3
    check, = struct.unpack("!H", frame[24:26])
    total = (~check & 0xffff) + (~old & 0xffff) + new
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    return frame[:14] + struct.pack("!H", new) + frame[16:24] + struct.pack("!H", ~total & 0xffff) + frame[26:]


class Bottleneck:
    """with Bottleneck(ns, near, far, bps, mark_bytes, buffer_bytes): frames pass, until the block ends."""

    def __init__(self, ns, near, far, bps, mark_bytes, buffer_bytes):
        self.ns, self.near, self.far = ns, near, far
        self.bps, self.mark_bytes, self.buffer_bytes = bps, mark_bytes, buffer_bytes
        self.child = None

    def __enter__(self):
        self.child = Child(self._carry)
        return self

    def _open(self, device):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        sock.bind((device, ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.setblocking(False)
        return sock

    @staticmethod
    def _frames(sock):
        for _ in range(64):
            try:
                yield sock.recv(65600)
            except BlockingIOError:
                return

    @staticmethod
    def _send(sock, frame):
        try:
            sock.send(frame)
        except OSError:
            pass        # full: lost, as on a wire

    def _carry(self):
        go_first()
        with Inside(self.ns):
            near, far = self._open(self.near), self._open(self.far)
        queue, n_bytes, free_s = collections.deque(), 0, time.monotonic()
        while True:
            now_s = time.monotonic()
            free_s = max(free_s, now_s - CATCH_UP_S)
            while queue and free_s <= now_s:
                frame = queue.popleft()
                n_bytes -= len(frame)
                free_s += len(frame) * 8 / self.bps
                self._send(far, frame)
            ready, _, _ = select.select([near, far], [], [], max(0, free_s - now_s) if queue else None)
            if far in ready:
                for frame in self._frames(far):
                    self._send(near, frame)
            if near in ready:
                for frame in self._frames(near):
                    if n_bytes + len(frame) > self.buffer_bytes:
                        continue
                    queue.append(with_ce(frame) if n_bytes > self.mark_bytes else frame)
                    n_bytes += len(frame)

    def __exit__(self, *_):
        self.child.kill()
