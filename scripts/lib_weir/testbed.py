# SPDX-License-Identifier: BSD-3-Clause
"""weir with three vhost-user guests and a measuring sink at its uplink, each a process of its own."""
import json
import math
import os
import pathlib
import signal
import time

from . import contract, machine
from .processes import ProcessError
from .telemetry import Telemetry

START_SECONDS = 30
UPLINK_RING = 12            # memif: 2^12 descriptors, so that a sink that is away for 20 ms loses nothing
GUEST_RING = 1024           # a guest that shares its CPU is away for 8 to 12 ms at a time
ELSEWHERE = "02:00:00:00:00:99"


def guest_nice(owed_pps, name):
    """-> the nice value of a guest. Behind weir's control core, ahead of whatever else this machine does, and the faster
    it must send, the shorter it may be away: a ring lasts for 8 ms at 120 kp/s. A step of nice is a factor of 1.25."""
    slower = max(owed_pps.values()) / max(owed_pps[name], 1.0)
    return -19 + min(4, round(math.log(slower, 1.25)))


class Guest:
    """A VM's stand-in: dpdk-testpmd with a virtio-user NIC that sends frames of one size without end."""

    def __init__(self, bed, vf, frame_bytes, cpu, nice):
        self.vf = vf
        self.frame_bytes = frame_bytes
        eal = ["--lcores", f"0@{cpu},1@{cpu}", "--no-huge", "-m", "256", "--no-pci", "--no-telemetry",
               f"--file-prefix={bed.prefix}-{vf.name}",
               f"--vdev=net_virtio_user0,mac={vf.mac},path={bed.socket(vf.port)},queue_size={GUEST_RING}"]
        own = ["-i", "--forward-mode=txonly", f"--txpkts={frame_bytes}", f"--txd={GUEST_RING}", f"--rxd={GUEST_RING}",
               f"--eth-peer=0,{ELSEWHERE}", "--no-mlockall", "--total-num-mbufs=16384"]
        command = ["stdbuf", "-oL", "dpdk-testpmd", *eal, "--", *own]
        self.process = bed.group.start(vf.name, command, bed.env, nice=nice)

    def wait(self):
        """Until it takes commands."""
        # The prompt is not a line; an answered command is.
        self.process.say("show port summary 0")
        self.process.wait_for(self.vf.mac.upper(), START_SECONDS)

    def start(self):
        """Begins to send. -> the time it was told so, CLOCK_MONOTONIC ns."""
        now = time.monotonic_ns()
        self.process.say("start")
        return now

    def stop(self):
        """Ends sending; what is in its ring may still leave. -> the time it was told so."""
        now = time.monotonic_ns()
        self.process.say("stop")
        return now

    def total_sent(self, runs):
        """-> packets given to its NIC over 'runs' starts, waiting for the report of the last, or None."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            # "Accumulated forward statistics" ends the report of each run.
            lines = self.process.lines()
            reports = [i for i, line in enumerate(lines) if "Accumulated forward statistics" in line]
            done = [i for i in reports if any("TX-packets:" in line for line in lines[i:])]
            if len(done) >= runs:
                return sum(int(line.split("TX-packets:")[1].split()[0])
                           for i in done for line in lines[i:i + 3] if "TX-packets:" in line)
            time.sleep(0.05)
        return None


class Sink:
    """weir-sink, and what it last told of its totals."""

    def __init__(self, bed, seconds):
        self.out = bed.group.log_dir / "sink.json"
        self.totals = {}            # MAC -> (packets, bytes)
        self.at_ms = 0
        self.out.unlink(missing_ok=True)
        eal = ["--lcores", f"0@{bed.cpus.other()}", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
               f"--file-prefix={bed.prefix}-sink",
               f"--vdev=net_memif0,role=client,id=0,socket={bed.socket('net_memif0')},socket-abstract=no,"
               f"rsize={UPLINK_RING}"]
        own = ["--out", self.out, "--seconds", f"{seconds:.1f}", "--live"]
        command = [*machine.prefix_sleeper(), bed.programs / "app/weir-sink/weir-sink", *eal, "--", *own]
        self.process = bed.group.start("sink", command, bed.env, self._on_line)
        self.process.wait_for("weir-sink is up", START_SECONDS)

    def _on_line(self, line):
        if not line.startswith('{"at_ms"'):
            return False
        live = json.loads(line)
        self.totals = {mac: tuple(counts) for mac, counts in live["sources"].items()}
        self.at_ms = live["at_ms"]
        return True

    def packets(self, mac):
        """-> received from 'mac' up to a moment ago."""
        return self.totals.get(mac, (0, 0))[0]

    def finish(self):
        """Ends it. -> what it recorded."""
        code = self.process.stop(10.0)
        if code != 0 or not self.out.exists():
            raise ProcessError(f"weir-sink ended with {code}:\n{self.process.tail()}")
        return json.loads(self.out.read_text(encoding="utf-8"))


class Testbed:
    """Everything, for one configuration."""

    def __init__(self, group, programs, promised, config):
        self.group = group
        self.programs = programs
        self.contract = promised
        self.config = config
        self.cpus = machine.Cpus()
        self.prefix = f"weir{os.getpid()}"
        self.env = dict(os.environ, XDG_RUNTIME_DIR=str(group.run_dir), RUNTIME_DIRECTORY=str(group.run_dir))
        # As root EAL asks RUNTIME_DIRECTORY first, else XDG_RUNTIME_DIR: nothing of ours lands in /var/run.
        self.guests, self.sink, self.weir = {}, None, None
        self.telemetry = Telemetry(group.run_dir, self.prefix)

    def socket(self, device):
        """-> the path of a port's socket."""
        return self.group.run_dir / f"{device}.sock"

    def vdevs(self):
        """-> EAL's options for weir's ports."""
        ports = [f"--vdev=net_memif0,role=server,id=0,socket={self.socket('net_memif0')},socket-abstract=no,"
                 f"rsize={UPLINK_RING}"]
        return ports + [f"--vdev={port},iface={self.socket(port)}" for port in sorted({vf.port for vf in self.contract.vfs})]

    def start_weir(self):
        """weir, with its main lcore among the others and its data lcore alone."""
        eal = ["--lcores", f"0@{self.cpus.main},1@{self.cpus.data}", "--no-huge", "-m", "512", "--no-pci",
               f"--file-prefix={self.prefix}", *self.vdevs()]
        command = [self.programs / "app/weir/weir", *eal, "--", "--config", self.config]
        self.weir = self.group.start("weir", command, self.env, nice=-20)
        self.weir.wait_for("weir is up", START_SECONDS)

    def start(self, frame_bytes, seconds):
        """Everything is up after this, and nothing is sent yet."""
        self.start_weir()
        self.sink = Sink(self, seconds)
        owed = contract.owed_pps(self.contract, frame_bytes)
        for name, size in frame_bytes.items():
            self.guests[name] = Guest(self, self.contract.vf(name), size, self.cpus.other(), guest_nice(owed, name))
        for guest in self.guests.values():
            guest.wait()

    def wait_until_arrived(self, sent, quiet_ms=2000):
        """Until the sink has what the guests gave to their NICs, or hears nothing more: the rings are empty."""
        seen, since = None, 0
        while self.sink.process.is_running():
            if sent and all(self.sink.packets(self.guests[name].vf.mac) == count for name, count in sent.items()):
                return
            if self.sink.totals != seen:
                seen, since = self.sink.totals, self.sink.at_ms
            elif self.sink.at_ms - since >= quiet_ms:
                return
            time.sleep(0.05)

    def ask(self, command):
        """-> weir's telemetry, or None."""
        return self.telemetry.ask(command)

    def stop_weir(self):
        """-> its exit code; 0 is a clean end."""
        self.telemetry.close()
        return self.weir.stop(15.0, signal.SIGINT)

    def weir_waits(self):
        """-> {CPU: ns} that weir's threads were ready and the CPU ran something else, as the kernel counts."""
        waits = {}
        for task in pathlib.Path(f"/proc/{self.weir.pid}/task").glob("*"):
            try:
                cpu = int((task / "stat").read_text().rsplit(")", 1)[1].split()[36])
                waits[cpu] = waits.get(cpu, 0) + int((task / "schedstat").read_text().split()[1])
            except (OSError, ValueError, IndexError):
                continue
        return waits

    def lost_ms(self):
        """-> (in all, longest) ms that weir's data lcores did not run, or None when weir does not tell."""
        workers = (self.ask("/weir/info") or {}).get("workers")
        if not workers:
            return None
        return (sum(worker["lost_ns"] for worker in workers.values()) / 1e6,
                max(worker["longest_gap_ns"] for worker in workers.values()) / 1e6)
