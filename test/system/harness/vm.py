# SPDX-License-Identifier: BSD-3-Clause
"""Real VMs (QEMU), and the kernel's network stack of this host as their peer behind the PF."""

import hashlib
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))

from lib_weir import guestvm  # noqa: E402

from .net import Inside, die_with_parent, go_first, ip_batch  # noqa: E402
from .process import Process  # noqa: E402
from .suite import Skip  # noqa: E402

BOOT_S = 40         # 3 s where it has a CPU of its own
_state = {}


def image(binary):
    """The image, made once a run; the kernel is kept beside the binary's build."""
    if "why" not in _state:
        _state["why"] = guestvm.missing()
    if _state["why"]:
        raise Skip("no VM: " + _state["why"])
    if "image" not in _state:
        _state["image"] = guestvm.Image(os.path.join(os.path.dirname(binary), "..", "..", "vm"))
    return _state["image"]


class Vm(Process):
    """A VM with NICs on weir's sockets.  It lives on the tests' CPU, not on the switch's, and there it goes before other
    people's jobs: a busy machine must not look like a slow VM."""

    is_first = True

    def __init__(self, binary, name, nics, folder, cpus=1):
        self.console_path = os.path.join(folder, name + ".console")
        self.nics = nics
        self.console = None
        command = guestvm.qemu_command(image(binary), nics, self.console_path, cpus=cpus)
        super().__init__(command, os.path.join(folder, name + ".log"))

    def _in_child(self):
        super()._in_child()
        os.sched_setaffinity(0, {cpu for cpu in os.sched_getaffinity(0) if cpu != 1} or {0})

    def start(self):
        for nic in self.nics:
            if nic.serves and os.path.exists(nic.path):
                os.unlink(nic.path)     # a killed QEMU leaves it
        super().start()
        self.console = guestvm.Console(self.console_path)
        return self

    def wait_up(self):
        self.console.wait_up(BOOT_S)

    def run(self, command, timeout_s=15, check=True):
        return self.console.run(command, timeout_s, check)

    def address(self, nic, v4=None, v6=None):
        """Gives eth<nic> addresses."""
        lines = ["ip link set eth%d up" % nic]
        lines += ["ip addr add %s/24 dev eth%d" % (v4, nic)] if v4 else []
        lines += ["ip -6 addr add %s/64 dev eth%d" % (v6, nic)] if v6 else []
        self.run(" && ".join(lines))

    def counter(self, nic, name):
        return int(self.run("cat /sys/class/net/eth%d/statistics/%s" % (nic, name)))

    def waited_ns(self):
        """How long QEMU's threads were ready and had no CPU."""
        total = 0
        for task in os.listdir("/proc/%d/task" % self.pid):
            with open("/proc/%d/task/%s/schedstat" % (self.pid, task)) as f:
                total += int(f.read().split()[1])
        return total

    def kill(self):
        if self.console:
            self.console.close()
            self.console = None
        super().kill()


def beside_the_tests():
    die_with_parent()
    go_first()


class Host:
    """This host's own TCP/IP in a namespace, on a device there."""

    def __init__(self, ns, device):
        self.ns, self.device = ns, device

    @classmethod
    def apart(cls, net, device, from_ns):
        """Of a device of its own, in a namespace of its own: what goes to another host's address leaves by it."""
        ns = "%s%s" % (net.ns, device)
        subprocess.run(["ip", "netns", "add", ns], check=True, timeout=10)
        net.made.append(ns)
        subprocess.run(["ip", "-n", from_ns, "link", "set", device, "netns", ns], check=True, timeout=10)
        return cls(ns, device)

    def up(self, addresses, offload="tx"):
        """addresses: "10.9.0.2/24", "fd09::2/64".  offload: what the kernel must do itself; with "tso" it leaves checksums
        unfinished."""
        with Inside(self.ns):
            subprocess.run(["ethtool", "-K", self.device, offload, "off"], check=True, capture_output=True, timeout=10)
            for name, value in (("disable_ipv6", "0"), ("accept_dad", "0")):
                with open("/proc/sys/net/ipv6/conf/%s/%s" % (self.device, name), "w") as f:
                    f.write(value)
        ip_batch(["link set lo up", "link set %s up" % self.device]
                 + ["addr add %s dev %s" % (a, self.device) for a in addresses], self.ns)

    def popen(self, *command):
        """A server; it dies with the tests."""
        return subprocess.Popen(["nsenter", "--net=/run/netns/" + self.ns, *command], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=beside_the_tests)

    def run(self, *command, timeout_s=20):
        done = subprocess.run(["nsenter", "--net=/run/netns/" + self.ns, *command], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout_s, preexec_fn=beside_the_tests)
        assert done.returncode == 0, "%s: %s%s" % (" ".join(command), done.stdout[-400:], done.stderr[-400:])
        return done.stdout

    def iperf(self, *arguments, timeout_s=30):
        """A client; -> its figures."""
        return json.loads(self.run("iperf3", "-J", *arguments, timeout_s=timeout_s))["end"]

    def counter(self, name):
        with Inside(self.ns), open("/proc/thread-self/net/dev") as f:
            for line in f:
                if line.strip().startswith(self.device + ":"):
                    return int(line.split(":")[1].split()[{"rx_bytes": 0, "rx_packets": 1, "tx_bytes": 8}[name]])
        raise AssertionError("no device %s" % self.device)


def random_bytes(size, seed=1):
    return random.Random(seed).randbytes(size)


class Stream:
    """A TCP server for one connection: it sends 'data', or takes all and tells its hash."""

    def __init__(self, ns, address, data=None):
        self.data, self.digest, self.n_bytes = data, None, 0
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with Inside(ns):
            self.listener = socket.socket(family, socket.SOCK_STREAM)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((address, 0))
        self.listener.listen(1)
        self.listener.settimeout(30)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        try:
            peer, _ = self.listener.accept()
            peer.settimeout(30)
            with peer:
                if self.data is not None:
                    peer.sendall(self.data)
                    return
                digest = hashlib.md5()
                while block := peer.recv(1 << 16):
                    digest.update(block)
                    self.n_bytes += len(block)
                self.digest = digest.hexdigest()
        except OSError:
            pass        # the digest stays empty
        finally:
            self.listener.close()

    def finish(self, timeout_s=30):
        self.thread.join(timeout_s)
        return self.digest


def send_stream(ns, address, port, data, timeout_s=15):
    with Inside(ns):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    with sock:
        sock.settimeout(timeout_s)
        sock.connect((address, port))
        sock.sendall(data)
