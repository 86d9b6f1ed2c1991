# SPDX-License-Identifier: BSD-3-Clause
"""Delays of a VM's packets: by weir's own clock, as weirctl reads them; and from a sender to the far end, by the kernel's."""
import ctypes
import pathlib
import socket
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))

from lib_weir.delays import CLASSES, DIRECTIONS, Delays  # noqa: E402

from .net import PACKET_IGNORE_OUTGOING, SO_RCVBUFFORCE, SOL_PACKET, Inside  # noqa: E402

__all__ = ["CLASSES", "DIRECTIONS", "Delays", "Arrivals", "from_source"]
SO_ATTACH_FILTER, SO_TIMESTAMPNS = 26, 35


def from_source(sock, source):
    """Lets a packet socket see 64 bytes of each frame of this source, and of no other's."""
    last = struct.unpack("!I", bytes.fromhex(source.replace(":", ""))[2:])[0]
    program = bytearray(b"".join(struct.pack("=HBBI", *line) for line in (
        (0x20, 0, 0, 8), (0x15, 0, 1, last), (0x06, 0, 0, 64), (0x06, 0, 0, 0))))      # the last 4 bytes of the source
    address = ctypes.addressof(ctypes.c_char.from_buffer(program))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program) // 8, address))


class Arrivals:
    """How long the stamped frames of one source (Blast with stamp) took to a cable's end: the kernel there notes the time."""

    def __init__(self, net, name, source):
        with Inside(net.guest_ns):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            from_source(self.sock, source)
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self.sock.setblocking(False)
            self.sock.bind(("g" + name, 3))

    def take_ms(self):
        """Of all that came since the last call, sorted."""
        found = []
        while True:
            try:
                frame, about, _, _ = self.sock.recvmsg(64, 64)
            except BlockingIOError:
                return sorted(found)
            seconds, ns = struct.unpack("=qq", about[0][2])
            found.append((seconds * 10**9 + ns - int.from_bytes(frame[42:50], "little")) / 1e6)

    def close(self):
        self.sock.close()
