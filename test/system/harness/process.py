# SPDX-License-Identifier: BSD-3-Clause
"""Processes under test: weir itself, and dpdk-testpmd as a guest.  Ended by their pid, always; their output is kept."""

import json
import os
import signal
import socket
import subprocess
import time

from .net import NAME_PREFIX, die_with_parent, go_first

RUN_DIR = "/var/run/dpdk"
SINGLE = "0@0,1@1"              # the control core and one data lcore
SPLIT = "0@0,1@1,2@1,3@1"       # three data lcores; they may share a CPU

_n_prefixes = 0


def unique_prefix(kind):
    global _n_prefixes
    _n_prefixes += 1
    return "%s%d_%s%d" % (NAME_PREFIX, os.getpid(), kind, _n_prefixes)


def pin_to_control_cpu():
    """The tests live on CPU 0: the other one belongs to the switch."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


class Process:
    """A child whose output goes to a file."""

    is_first = False

    def __init__(self, argv, log_path, ns=None):
        self.argv = (["nsenter", "--net=/run/netns/" + ns] if ns else []) + argv
        self.log_path = log_path
        self.popen = None

    def start(self):
        with open(self.log_path, "ab") as log:
            log.write(("$ " + " ".join(self.argv) + "\n").encode())
            log.flush()
            self.popen = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                          preexec_fn=self._in_child)
        return self

    def _in_child(self):
        die_with_parent()
        os.sched_setaffinity(0, range(os.cpu_count()))
        if self.is_first:
            go_first()

    @property
    def pid(self):
        return self.popen.pid

    def is_running(self):
        return self.popen is not None and self.popen.poll() is None

    def output(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def wait_for(self, text, timeout_s):
        until = time.monotonic() + timeout_s
        while text not in self.output():
            if not self.is_running():
                raise AssertionError("%s ended with code %s before %r" % (self.argv[0], self.popen.returncode, text))
            if time.monotonic() > until:
                raise AssertionError("no %r within %g s" % (text, timeout_s))
            time.sleep(0.01)

    def signal(self, which):
        if self.is_running():
            self.popen.send_signal(which)

    def wait(self, timeout_s):
        """The exit code (negative: a signal's); killed when it takes longer."""
        try:
            return self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("%s still ran after %g s" % (self.argv[0], timeout_s)) from None

    def kill(self):
        if self.is_running():
            self._hurry()
            self.popen.kill()
            self.popen.wait(60)     # all its memory goes, and the machine may be busy

    def _hurry(self):
        """It dies at its own priority and where it may run: beside weir at its most important that took a minute."""
        try:
            for tid in map(int, os.listdir("/proc/%d/task" % self.popen.pid)):
                os.setpriority(os.PRIO_PROCESS, tid, -20)
                os.sched_setaffinity(tid, range(os.cpu_count()))
        except OSError:
            pass        # it has ended, or may not


class Telemetry:
    """A client of rte_telemetry's socket."""

    def __init__(self, prefix, timeout_s=5):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(timeout_s)
        until = time.monotonic() + timeout_s
        while True:
            try:
                self.sock.connect("%s/%s/dpdk_telemetry.v2" % (RUN_DIR, prefix))
                break
            except BlockingIOError:     # others connect in the same moment: DPDK lets one wait
                assert time.monotonic() < until, "no room in the socket's queue"
                time.sleep(0.002)
        self.max_output_bytes = json.loads(self.sock.recv(1024))["max_output_len"]

    def ask_raw(self, request):
        self.sock.send(request.encode())
        return self.sock.recv(self.max_output_bytes + 1024)

    def ask(self, request):
        answer = json.loads(self.ask_raw(request))
        return answer[request.split(",")[0]]

    def close(self):
        self.sock.close()


class Weir(Process):
    """weir with a config; start() returns when it says that it is up.  A busy machine must not look like a slow weir:
    it has its CPU before other people's jobs, as it would have one of its own."""

    is_first = True

    def __init__(self, binary, config, vdevs, folder, ns=None, lcores=SINGLE, mem_mb=256, memory=("--no-huge",),
                 more=()):
        self.prefix = unique_prefix("w")
        self.config_path = os.path.join(folder, self.prefix + ".conf")
        with open(self.config_path, "w") as f:
            f.write(config)
        argv = [binary, "--lcores", lcores, *memory, "-m", str(mem_mb), "--no-pci", "--file-prefix", self.prefix]
        argv += ["--vdev=" + v for v in vdevs] + ["--", "--config", self.config_path, *more]
        super().__init__(argv, os.path.join(folder, self.prefix + ".log"), ns)
        self.telemetry = None

    def start(self, timeout_s=15):
        super().start()
        try:
            self.wait_for("weir is up", timeout_s)
            self.telemetry = Telemetry(self.prefix)
        except BaseException:
            self.kill()
            raise
        return self

    def ask(self, request):
        return self.telemetry.ask(request)

    def stop(self, which=signal.SIGINT, timeout_s=15):
        if self.telemetry:
            self.telemetry.close()
            self.telemetry = None
        self.signal(which)
        code = self.wait(timeout_s)
        for complaint in ("runtime error:", "ERROR: AddressSanitizer", "ERROR: LeakSanitizer"):
            assert complaint not in self.output(), "a sanitizer complains: " + complaint
        return code

    def kill(self):
        if self.telemetry:
            self.telemetry.close()
            self.telemetry = None
        super().kill()
        remove_run_dir(self.prefix)

    def wait(self, timeout_s):
        code = super().wait(timeout_s)
        remove_run_dir(self.prefix)
        return code


class Bridge(Process):
    """testpmd passes everything between a NIC of its own and a cable's end, so that the test talks through it; and between more
    such pairs: one process that polls takes less of a CPU from the others than several."""

    def __init__(self, nic, device, folder, ns, stale_path=None, more=()):
        self.prefix = unique_prefix("g")
        self.stale_path = stale_path
        pairs = [(nic, device), *more]
        vdevs = [v for i, (a, b) in enumerate(pairs) for v in ("--vdev=" + a, "--vdev=net_af_packet%d,iface=%s" % (i, b))]
        argv = ["dpdk-testpmd", "--lcores", "0@0,1@0", "--no-huge", "-m", "128", "--no-pci",
                "--file-prefix", self.prefix, *vdevs, "--",
                "--forward-mode=io", "--no-mlockall", "--total-num-mbufs=8192", "--stats-period", "1"]
        super().__init__(argv, os.path.join(folder, self.prefix + ".log"), ns)

    def start(self):
        """Returns at once: as a server it waits for weir before it goes on."""
        if self.stale_path and os.path.exists(self.stale_path):
            os.unlink(self.stale_path)      # a killed server leaves it, and virtio_user would refuse to bind
        return super().start()

    def kill(self):
        super().kill()
        remove_run_dir(self.prefix)


class Guest(Bridge):
    """A VM's stand-in: its NIC is a virtio one, on weir's socket or with a socket for weir."""

    def __init__(self, path, is_server, mac, device, folder, ns, more=()):
        virtio = "net_virtio_user0,mac=%s,path=%s,queue_size=1024%s" % (mac, path, ",server=1" if is_server else "")
        super().__init__(virtio, device, folder, ns, path if is_server else None, more)


class MemifPeer(Bridge):
    """What is at the other end of a memif: its client, or its server."""

    def __init__(self, path, is_server, device, folder, ns):
        memif = "net_memif0,role=%s,id=0,socket=%s,socket-abstract=no" % ("server" if is_server else "client", path)
        super().__init__(memif, device, folder, ns, path if is_server else None)


def remove_run_dir(prefix):
    """EAL leaves its run-time files behind."""
    folder = os.path.join(RUN_DIR, prefix)
    if os.path.isdir(folder):
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
