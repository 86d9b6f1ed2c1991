# SPDX-License-Identifier: BSD-3-Clause
"""Private network namespaces, cables (veth pairs) between them, and raw sockets at the guests' ends.

A cable "a" has two ends: pa in the switch's namespace, given to weir as an af_packet port, and ga in the guests'
namespace, where the test sends and receives.  No addresses and no IPv6, so that the kernel has nothing to say.
"""

import ctypes
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
PR_SET_PDEATHSIG = 1
SO_RCVBUFFORCE = 33
NAME_PREFIX = "weirtest"

_libc = ctypes.CDLL(None, use_errno=True)


def setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def die_with_parent():
    """In a child: ends when the test program does, however that happens."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def go_first():
    """In a child: has the CPU before others.  Where the kernel groups tasks by session (sched_autogroup), a process's
    nice value counts only inside its session, and the session has one of its own."""
    os.setsid()
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    if os.path.exists("/proc/self/autogroup"):
        with open("/proc/self/autogroup", "w") as f:
            f.write("-20")


def ip_batch(lines, ns=None):
    command = ["ip"] + (["-n", ns] if ns else []) + ["-batch", "-"]
    subprocess.run(command, input="\n".join(lines) + "\n", text=True, check=True, timeout=30)


def is_stale(name):
    """Names tell the process that made them: is it gone?"""
    pid = name[len(NAME_PREFIX):].split("_")[0]
    return name.startswith(NAME_PREFIX) and pid.isdigit() and not os.path.exists("/proc/" + pid)


def remove_stale(folders):
    """What runs that were killed left behind: namespaces, and folders of theirs in 'folders'."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, timeout=10).stdout
    for name in filter(is_stale, (line.split()[0] for line in listed.splitlines() if line)):
        subprocess.run(["ip", "netns", "del", name], timeout=10)
    for folder in folders:
        for name in filter(is_stale, os.listdir(folder) if os.path.isdir(folder) else []):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


class Inside:
    """with Inside("ns"): this thread is in that namespace."""

    def __init__(self, ns):
        self.path = "/run/netns/" + ns

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        setns(there)
        os.close(there)

    def __exit__(self, *_):
        setns(self.home)
        os.close(self.home)


class End:
    """The guest's end of a cable."""

    def __init__(self, name, ns):
        self.name = name
        self.device = "g" + name
        with Inside(ns):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.sock.bind((self.device, ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.sock.setblocking(False)

    def send(self, *frames):
        for frame in frames:
            while True:
                try:
                    self.sock.send(frame)
                    break
                except BlockingIOError:
                    select.select([], [self.sock], [], 1)

    def receive(self):
        """One frame, or None.  The kernel takes the outermost tag off and tells it beside: put it back."""
        try:
            frame, about, _, _ = self.sock.recvmsg(65600, 256)
        except BlockingIOError:
            return None
        for level, kind, data in about:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", data[:20])
                if status & TP_STATUS_VLAN_VALID:
                    tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                    frame = frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
        return frame

    def drain(self):
        while self.receive() is not None:
            pass

    def close(self):
        self.sock.close()


class Net:
    """Two namespaces and the cables between them."""

    _count = 0

    def __init__(self, names, apart=()):
        """apart: cables whose p end goes to a namespace of its own, for another process than weir.  (Two DPDK processes
        with af_packet ports in one namespace can collide in PACKET_FANOUT: the PMD makes its id of pid ^ ifindex.)"""
        Net._count += 1
        self.ns = "%s%d_%ds" % (NAME_PREFIX, os.getpid(), Net._count)
        self.guest_ns = self.ns[:-1] + "g"
        self.ends = {}
        self.made = []
        try:
            self._make(names, apart)
        except BaseException:
            self.close()
            raise

    def _make(self, names, apart):
        for ns in [self.ns, self.guest_ns] + [self.ns + name for name in apart]:
            subprocess.run(["ip", "netns", "add", ns], check=True, timeout=10)
            self.made.append(ns)
            with Inside(ns):
                for which in ("all", "default"):
                    path = "/proc/sys/net/ipv6/conf/%s/disable_ipv6" % which
                    if os.path.exists(path):
                        with open(path, "w") as f:
                            f.write("1")
        lines = []
        for name in names:
            ns = self.ns + name if name in apart else self.ns
            lines += ["link add g%s type veth peer name p%s netns %s" % (name, name, ns), "link set g%s up" % name]
        ip_batch(lines, self.guest_ns)
        ip_batch(["link set p%s up" % name for name in names if name not in apart], self.ns)
        for name in apart:
            ip_batch(["link set p%s up" % name], self.ns + name)
        for name in names:
            self.ends[name] = End(name, self.guest_ns)
        with Inside(self.guest_ns):
            self.dev_fd = os.open("/proc/thread-self/net/dev", os.O_RDONLY)

    def __getitem__(self, name):
        return self.ends[name]

    def counters(self):
        """What the kernel counted at the guests' ends: {name: (received packets, bytes, sent packets)}, and the time of
        reading."""
        text = os.pread(self.dev_fd, 1 << 20, 0).decode()
        now_ns = time.monotonic_ns()
        seen = {}
        for line in text.splitlines()[2:]:
            device, figures = line.split(":")
            device = device.strip()
            if device[0] == "g":
                figures = figures.split()
                seen[device[1:]] = (int(figures[1]), int(figures[0]), int(figures[9]))
        return seen, now_ns

    def drain(self):
        for end in self.ends.values():
            end.drain()

    def settle(self, quiet_s=0.05, timeout_s=2.0):
        """Takes what is still under way from an earlier test, until nothing has come for a while."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until and any(self.collect(lambda got: False, quiet_s).values()):
            pass

    def collect(self, enough, timeout_s=2.0, linger_s=0.03):
        """Receives at all ends until enough(got), then a little longer, for what should not have come."""
        got = {name: [] for name in self.ends}
        by_fd = {end.sock.fileno(): end for end in self.ends.values()}
        poll = select.poll()
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        until = time.monotonic() + timeout_s
        is_enough = False
        while True:
            if not is_enough and enough(got):
                is_enough = True
                until = time.monotonic() + linger_s
            left_s = until - time.monotonic()
            if left_s <= 0:
                return got
            for fd, _ in poll.poll(max(1, int(left_s * 1000))):
                while (frame := by_fd[fd].receive()) is not None:
                    got[by_fd[fd].name].append(frame)

    def expect(self, wanted, timeout_s=2.0, linger_s=0.03):
        """Exactly these frames, in this order, and nothing at any other end.  wanted: {end: [frames]}"""
        got = self.collect(lambda g: all(len(g[n]) >= len(w) for n, w in wanted.items()), timeout_s, linger_s)
        for name in self.ends:
            want = wanted.get(name, [])
            if got[name] != want:
                raise AssertionError(describe_difference(name, want, got[name]))

    def close(self):
        for end in self.ends.values():
            end.close()
        if hasattr(self, "dev_fd"):
            os.close(self.dev_fd)
        for ns in self.made:
            subprocess.run(["ip", "netns", "del", ns], timeout=30)
        self.ends, self.made = {}, []


def describe_difference(name, want, got):
    lines = ["end %s: wanted %d frames, got %d" % (name, len(want), len(got))]
    for i in range(max(len(want), len(got))):
        w = want[i] if i < len(want) else None
        g = got[i] if i < len(got) else None
        if w != g:
            lines.append("  first difference, frame %d:" % i)
            lines.append("  wanted %s" % (short(w)))
            lines.append("  got    %s" % (short(g)))
            break
    return "\n".join(lines)


def short(frame):
    if frame is None:
        return "nothing"
    text = frame[:64].hex()
    return "%s %s %s%s (%d bytes)" % (text[:12], text[12:24], text[24:], "..." if len(frame) > 64 else "", len(frame))
