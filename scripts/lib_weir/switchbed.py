# SPDX-License-Identifier: BSD-3-Clause
"""Switches on the same ports that take turns on one CPU: weir and dpdk-testpmd, each a process of its own."""
import os
import pathlib
import random
import signal
import struct
import time

from . import frames
from .processes import ProcessError
from .telemetry import Telemetry

START_SECONDS = 30
ELSEWHERE = "02:00:00:00:00:99"
FIRST_VF = "02:00:00:01:00:00"      # the MAC of VF 0; the others count on
RING = 1024


def mac_text(number):
    """-> the MAC of VF 'number'."""
    return frames.mac_bytes(FIRST_VF, number).hex(":")


def write_sources(path, n_macs, n_frames, size):
    """A pcap of UDP frames whose sources are VFs 0 to n_macs - 1, each as often, in random order (the same every time)."""
    order = [number % n_macs for number in range(n_frames)]
    random.Random(1).shuffle(order)
    with open(path, "wb") as file:
        file.write(struct.pack("!IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for ident, number in enumerate(order):
            data = frames.frame(frames.mac_bytes(FIRST_VF, number), frames.mac_bytes(ELSEWHERE), 0, ident, size)
            file.write(struct.pack("!IIII", 0, 0, len(data), len(data)) + data)


class Place:
    """Who runs where, and what all processes of one run share."""

    def __init__(self, group, programs, data_cpu=None):
        allowed = sorted(os.sched_getaffinity(0))
        self.data = allowed[-1] if data_cpu is None else data_cpu
        self.other = next((cpu for cpu in allowed if cpu != self.data), self.data)
        self.group, self.programs = group, pathlib.Path(programs)
        self.env = dict(os.environ, XDG_RUNTIME_DIR=str(group.run_dir), RUNTIME_DIRECTORY=str(group.run_dir))
        # The sleepers and this script stay away from the measured CPU.
        os.sched_setaffinity(0, {self.other})

    def prefix(self, name):
        """-> EAL's file prefix of a process."""
        return f"weir{os.getpid()}-{name}"

    def eal(self, name, data_cpu, megabytes, vdevs):
        """-> EAL's options. No huge pages, for everybody: few machines that build this have any."""
        return ["--lcores", f"0@{self.other},1@{data_cpu}", "--no-huge", "-m", str(megabytes), "--no-pci",
                f"--file-prefix={self.prefix(name)}", *[f"--vdev={vdev}" for vdev in vdevs]]


class Counted:
    """A running DPDK process whose ports are counted by DPDK's own telemetry: the same counter for everybody."""

    def __init__(self, place, name, process):
        self.place, self.name, self.process = place, name, process
        self.telemetry = Telemetry(place.group.run_dir, place.prefix(name))
        self._thread = None

    def sent(self, n_ports):
        """-> (packets that its ports sent so far, when)."""
        before, total = time.monotonic(), 0
        for port in range(n_ports):
            stats = self.telemetry.ask(f"/ethdev/stats,{port}")
            if stats is None:
                raise ProcessError(f"{self.name}'s telemetry does not answer:\n{self.process.tail()}")
            total += stats["opackets"]
        return total, (before + time.monotonic()) / 2

    def ran_ns(self):
        """-> ns that its data lcore's thread ran, as the kernel counts."""
        try:
            if self._thread is None:
                tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*")
                self._thread = next(task for task in tasks if (task / "comm").read_text().strip() == "rte-worker-1")
            return int((self._thread / "schedstat").read_text().split()[0])
        except (OSError, ValueError, IndexError, StopIteration) as error:
            raise ProcessError(f"{self.name}'s data lcore is not there: {error}\n{self.process.tail()}") from error

    def close(self):
        """Ends the connection."""
        self.telemetry.close()


class Weir(Counted):
    """weir; frozen while it is not its turn. Killed, and not asked, should this script die: it could not hear it."""

    def __init__(self, place, name, config, vdevs, megabytes, more=()):
        command = ["setpriv", "--pdeathsig", "KILL", place.programs / "app/weir/weir",
                   *place.eal(name, place.data, megabytes, vdevs), "--", "--config", config, *more]
        super().__init__(place, name, place.group.start(name, command, place.env, nice=-20))
        self.process.wait_for("weir is up", START_SECONDS)
        self.pause()

    def idle_turns(self):
        """-> how many of its turns found nothing to do so far."""
        workers = (self.telemetry.ask("/weir/info") or {}).get("workers") or {}
        return sum(one["idle_turns"] for one in workers.values())

    def pause(self):
        """Takes it off the CPU."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go(self):
        """Lets it run on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def end(self):
        """Asks it to end."""
        self.close()
        self.go()
        os.kill(self.process.pid, signal.SIGINT)

    def stop(self):
        """Waits for that. A second SIGINT would not let it finish."""
        self.process.stop(15.0, signal.SIGCONT)


class Testpmd(Counted):
    """dpdk-testpmd, told what to do line by line; its lcore sleeps while it is not its turn."""

    def __init__(self, place, name, vdevs, own=(), data_cpu=None):
        command = ["stdbuf", "-oL", "dpdk-testpmd",
                   *place.eal(name, place.data if data_cpu is None else data_cpu, 512, vdevs), "--", "-i", "--no-flush-rx",
                   "--no-mlockall", "--total-num-mbufs=65536", f"--txd={RING}", f"--rxd={RING}", *own]
        super().__init__(place, name, place.group.start(name, command, place.env, nice=-20))
        self.mode = "io"

    def wait(self):
        """Until it takes commands."""
        self.ask("show port summary all", "Name")

    def ask(self, command, answer):
        """Types a command and waits for a line of its answer."""
        start = len(self.process.lines())
        self.process.say(command)
        return self.process.wait_for(answer, START_SECONDS, start)

    def go(self, mode=None):
        """Forwards in that mode."""
        if mode and mode != self.mode:
            self.ask(f"set fwd {mode}", f"Set {mode} packet forwarding mode")
            self.mode = mode
        self.ask("start", "packet forwarding -")

    def pause(self):
        """Takes it off the CPU."""
        self.ask("stop", "Done.")

    def end(self):
        """Asks it to end."""
        self.close()
        self.process.say("quit")

    def stop(self):
        """Waits for that."""
        self.process.stop(8.0, signal.SIGCONT)
