# SPDX-License-Identifier: BSD-3-Clause
"""The machine this runs on: which CPUs to use, what may be done there, and whether it was away meanwhile."""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUR_CPUS = os.sched_getaffinity(0)      # at the start


class Cpus:
    """One CPU for weir's data lcore; everything else shares the others."""

    def __init__(self):
        allowed = sorted(os.sched_getaffinity(0))
        self.only_one = len(allowed) == 1
        self.main = allowed[0]
        self.data = allowed[-1] if self.only_one else allowed[1]
        self.others = allowed[2:] + allowed[:1]     # CPU 0 last: the kernel likes it
        self._next = 0

    def other(self):
        """The next CPU for a guest or a tool, in turn."""
        cpu = self.others[self._next % len(self.others)]
        self._next += 1
        return cpu


def first_that_works(candidates):
    """-> the first of some command prefixes that this user may use, or none at all."""
    for prefix in candidates:
        if shutil.which(prefix[0]):
            probe = subprocess.run([*prefix, "true"], capture_output=True, check=False)
            if probe.returncode == 0 and not probe.stderr:
                return list(prefix)
    return []


def prefix_sleeper():
    """For one that mostly sleeps and must be let in at once when it wakes."""
    return first_that_works([("chrt", "-f", "10"), ("nice", "-n", "-20")])


def put_ahead(pid, nice):
    """Puts a process that never sleeps ahead of what else runs here, where that is permitted. (Not real-time: those
    classes are throttled 50 ms of each second.) With the kernel's autogroups a nice value counts only within its own
    session, so the session, which must be the process's own, gets it too."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, nice)
        pathlib.Path(f"/proc/{pid}/autogroup").write_text(str(nice), encoding="ascii")
    except OSError:
        pass


def attend():
    """Lets the calling thread in at once when it wakes, where that is permitted: it must sleep nearly all the time. What
    it starts, threads and processes, begins as usual."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(5))
    except OSError:
        pass


def prefix_all_cpus():
    """For what a pinned thread starts: all that this script was given."""
    if os.sched_getaffinity(0) == OUR_CPUS:
        return []
    return ["taskset", "--cpu-list", ",".join(map(str, sorted(OUR_CPUS)))]


@contextlib.contextmanager
def attending(cpus):
    """The calling thread attends, beside weir's data CPU and not on it: without that a busy machine's guests, which are
    ahead of all others, keep a script from hearing for seconds what it waits for."""
    before, policy, param = os.sched_getaffinity(0), os.sched_getscheduler(0), os.sched_getparam(0)
    if not cpus.only_one:
        os.sched_setaffinity(0, before - {cpus.data})
    attend()
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            # Who may be ahead by a limit alone (RLIMIT_RTPRIO) may not take "as usual for what it starts" back.
            os.sched_setscheduler(0, policy | os.SCHED_RESET_ON_FORK, param)
        os.sched_setaffinity(0, before)


class HostWatch:
    """How much of a CPU's time the host gave to somebody else (steal) since this was made."""

    def __init__(self):
        self._before = self._read()

    @staticmethod
    def _read():
        ticks = {}
        try:
            for line in pathlib.Path("/proc/stat").read_text().splitlines():
                fields = line.split()
                if fields and fields[0].startswith("cpu") and fields[0] != "cpu":
                    ticks[int(fields[0][3:])] = int(fields[8])
        except (OSError, ValueError, IndexError):
            pass
        return ticks

    def stolen_ms(self, cpu):
        """-> ms."""
        hertz = os.sysconf("SC_CLK_TCK")
        return (self._read().get(cpu, 0) - self._before.get(cpu, 0)) * 1000 // hertz


class Progress:
    """How far a step is: on a terminal one line that changes, else a line now and then."""

    EVERY_S = 10

    def __init__(self, what, out=None, clock=time.monotonic):
        self._what, self._out, self._clock = what, out or sys.stdout, clock
        self._began = self._said = clock()
        self._is_terminal = self._out.isatty()
        print(f"{what} ...", end="" if self._is_terminal else "\n", file=self._out, flush=True)

    def at(self, n, n_all):
        """So many steps of so many are done."""
        now = self._clock()
        if self._is_terminal:
            print(f"\r{self._what} ... {n} of {n_all}, {now - self._began:.0f} s ", end="", file=self._out, flush=True)
        elif now - self._said >= self.EVERY_S:
            self._said = now
            print(f"  {n} of {n_all}, {now - self._began:.0f} s", file=self._out, flush=True)

    def end(self):
        """It is done."""
        start = "\r" + self._what + " ... done" if self._is_terminal else "  done"
        print(f"{start} in {self._clock() - self._began:.0f} s{' ' * 8 if self._is_terminal else ''}", file=self._out, flush=True)


def build(directory, options=(), targets=()):
    """Configures (once) and builds, and says how far it is. The tools' own output only when one fails."""
    directory = pathlib.Path(directory)
    steps = [("building", ["ninja", "-C", str(directory), *targets])]
    if not (directory / "build.ninja").exists():
        steps.insert(0, ("configuring", ["meson", "setup", str(directory), str(ROOT), *options]))
    for what, command in steps:
        progress, said = Progress(what), []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as tool:
            for line in tool.stdout:
                said.append(line)
                counted = re.match(r"\[(\d+)/(\d+)\]", line)
                if counted:
                    progress.at(int(counted[1]), int(counted[2]))
        if tool.returncode != 0:
            sys.exit(f"\n{''.join(said)}\nthis failed: {' '.join(command)}")
        progress.end()
