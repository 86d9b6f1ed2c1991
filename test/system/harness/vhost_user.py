# SPDX-License-Identifier: BSD-3-Clause
"""The guest's side of vhost-user, in a few lines: quick to come and go, and free to misbehave.  Two split rings of 256
descriptors in a shared memory of its own; ring 0 takes frames, ring 1 sends them.  (virtio 1.1, 2.6; vhost-user protocol of
QEMU's docs/interop.)"""

import array
import mmap
import os
import socket
import struct
import time

GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 1, 2, 3, 5
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL = 8, 9, 10, 12, 13
F_VERSION_1 = 1 << 32
F_CSUM, F_HOST_TSO4, F_HOST_TSO6, F_HOST_UFO = 1 << 0, 1 << 11, 1 << 12, 1 << 14
NEEDS_CSUM = 1
GSO_NONE, GSO_TCPV4, GSO_UDP, GSO_TCPV6 = 0, 1, 3, 4
VERSION = 1
HEADER_BYTES = 12           # struct virtio_net_hdr of version 1
RING_SIZE = 256
RING_BYTES = 0x10000        # descriptors, avail and used, a page and more each
AVAIL, USED = 0x1000, 0x3000
BUFFER_BYTES = 2048
DESC_F_WRITE = 2
MEMORY_BYTES = 2 << 20
ADDRESS = 0x7f0000000000    # what the guest calls its memory


class Frontend:
    """Connected to weir's socket; says only what it is told to say."""

    def __init__(self, path, features=0):
        self.features = features | F_VERSION_1
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(path)
        self.fds = []
        self.memory = None

    def say(self, request, payload=b"", fds=()):
        message = struct.pack("=III", request, VERSION, len(payload)) + payload
        more = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([message], more)

    def ask(self, request):
        self.say(request)
        head = self.sock.recv(12)
        return struct.unpack("=Q", self.sock.recv(struct.unpack("=III", head)[2]))[0]

    def greet(self):
        """The first half of the protocol: everything but the rings."""
        features = self.ask(GET_FEATURES)
        assert features & self.features == self.features, "weir offers %#x, wanted %#x" % (features, self.features)
        self.say(SET_OWNER)
        self.say(SET_FEATURES, struct.pack("=Q", self.features))
        fd = os.memfd_create("guest")
        self.fds.append(fd)
        os.ftruncate(fd, MEMORY_BYTES)
        self.memory = mmap.mmap(fd, MEMORY_BYTES)
        self.say(SET_MEM_TABLE, struct.pack("=II4Q", 1, 0, 0, MEMORY_BYTES, ADDRESS, 0), [fd])

    def start_ring(self, index):
        base = ADDRESS + index * RING_BYTES
        self.say(SET_VRING_NUM, struct.pack("=II", index, RING_SIZE))
        self.say(SET_VRING_BASE, struct.pack("=II", index, 0))
        self.say(SET_VRING_ADDR, struct.pack("=IIQQQQ", index, 0, base, base + USED, base + AVAIL, 0))
        for request in (SET_VRING_KICK, SET_VRING_CALL):
            fd = os.eventfd(0)
            self.fds.append(fd)
            self.say(request, struct.pack("=Q", index), [fd])

    def start(self):
        """The whole protocol: weir's port comes up.  All buffers are lent for frames to come."""
        self.greet()
        self._fill_ring(0, [b""] * (RING_SIZE - 1), DESC_F_WRITE)
        for index in (0, 1):
            self.start_ring(index)
        return self

    def _fill_ring(self, index, frames, flags):
        ring = index * RING_BYTES
        for i, frame in enumerate(frames):
            at = 2 * RING_BYTES + (index * RING_SIZE + i) * BUFFER_BYTES
            data = bytes(HEADER_BYTES) + frame
            self.memory[at:at + len(data)] = data
            length = BUFFER_BYTES if flags & DESC_F_WRITE else len(data)
            struct.pack_into("=QIHH", self.memory, ring + 16 * i, at, length, flags, 0)
            struct.pack_into("=H", self.memory, ring + AVAIL + 4 + 2 * i, i)
        struct.pack_into("=H", self.memory, ring + AVAIL + 2, len(frames))

    def send(self, *frames):
        """Once: puts frames into the ring."""
        self._fill_ring(1, frames, 0)

    def send_to_cut(self, *frames):
        """Once: (GSO type, segment size, headers' bytes, frame) each, of any length.  Their checksums are not finished."""
        at = 2 * RING_BYTES + 2 * RING_SIZE * BUFFER_BYTES - 0x80000
        for i, (kind, mss, csum_start, csum_offset, frame) in enumerate(frames):
            data = struct.pack("=BBHHHHH", NEEDS_CSUM, kind, csum_start + csum_offset, mss, csum_start, csum_offset, 0) + frame
            self.memory[at:at + len(data)] = data
            struct.pack_into("=QIHH", self.memory, RING_BYTES + 16 * i, at, len(data), 0, 0)
            struct.pack_into("=H", self.memory, RING_BYTES + AVAIL + 4 + 2 * i, i)
            at += -(-len(data) // 64) * 64
        struct.pack_into("=H", self.memory, RING_BYTES + AVAIL + 2, len(frames))

    def n_used(self, index):
        """How many buffers of a ring weir has given back."""
        return struct.unpack_from("=H", self.memory, index * RING_BYTES + USED + 2)[0]

    def wait_used(self, index, count, timeout_s=3):
        until = time.monotonic() + timeout_s
        while self.n_used(index) < count:
            if time.monotonic() > until:
                raise AssertionError("weir used %d buffers of ring %d, wanted %d" % (self.n_used(index), index, count))
            time.sleep(0.001)

    def close(self):
        self.sock.close()
        if self.memory:
            self.memory.close()
        for fd in self.fds:
            os.close(fd)
