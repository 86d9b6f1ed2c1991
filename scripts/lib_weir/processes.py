# SPDX-License-Identifier: BSD-3-Clause
"""Processes that end: each has a log, a bound, and dies with the one that started it."""
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from . import machine

RUN_PREFIX = "weir-run-"


class ProcessError(Exception):
    """A process did not do what was expected; the text has the end of its log."""


class Process:
    """A child whose output is followed line by line and kept in a log file."""

    def __init__(self, name, command, log_dir, env=None, on_line=None, nice=None):
        self.name = name
        self.log_path = pathlib.Path(log_dir) / f"{name}.log"
        self._lines, self._news = [], threading.Condition()
        self._on_line = on_line
        # A killed script must not leave pollers behind: the kernel ends them with it.
        command = ["setpriv", "--pdeathsig", "TERM", *machine.prefix_all_cpus(), *map(str, command)]
        self._log = open(self.log_path, "w", encoding="utf-8")
        self._log.write("$ " + " ".join(command) + "\n")
        self._log.flush()
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       text=True, errors="replace", env=env, start_new_session=True)
        if nice is not None:
            machine.put_ahead(self._child.pid, nice)
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def _follow(self):
        machine.attend()
        for line in self._child.stdout:
            if self._on_line and self._on_line(line):
                continue
            self._log.write(line)
            self._log.flush()
            with self._news:
                self._lines.append(line)
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    @property
    def pid(self):
        """The child's process id."""
        return self._child.pid

    def is_running(self):
        """Has it not ended?"""
        return self._child.poll() is None

    def children(self, seconds):
        """-> the process ids of its own children, as soon as there are any."""
        path, end = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children"), time.monotonic() + seconds
        while time.monotonic() < end:
            if found := path.read_text(encoding="ascii").split():
                return [int(pid) for pid in found]
            time.sleep(0.05)
        return []

    def lines(self):
        """Everything it said so far."""
        with self._news:
            return list(self._lines)

    def tail(self, count=15):
        """The end of what it said."""
        return "".join(self.lines()[-count:])

    def wait_for(self, text, seconds, start=0):
        """Waits for a line (from line 'start' on) that contains 'text' and returns it."""
        end, seen = time.monotonic() + seconds, start
        with self._news:
            while True:
                for line in self._lines[seen:]:
                    if text in line:
                        return line
                seen = len(self._lines)
                left = end - time.monotonic()
                if left <= 0 or (not self._reader.is_alive() and self._child.poll() is not None):
                    break
                self._news.wait(min(left, 0.2))
        state = "still runs" if self.is_running() else f"ended with {self._child.returncode}"
        raise ProcessError(f"{self.name} did not say '{text}' within {seconds:.0f} s ({state}):\n{self.tail()}")

    def say(self, text):
        """Types a line."""
        try:
            self._child.stdin.write(text + "\n")
            self._child.stdin.flush()
        except OSError as error:
            raise ProcessError(f"{self.name} does not listen: {error}\n{self.tail()}") from error

    def stop(self, seconds=8.0, how=signal.SIGINT):
        """Ends it, kindly first. -> its exit code (negative = the signal that ended it)."""
        for sign, patience in ((how, seconds), (signal.SIGKILL, 5.0)):
            if self.is_running():
                self._child.send_signal(sign)
            try:
                self._child.wait(patience)
                break
            except subprocess.TimeoutExpired:
                continue
        self._reader.join(5.0)
        if not self._reader.is_alive():     # else a grandchild holds the pipe, or this machine is that busy
            self._log.close()
        return self._child.returncode


def sweep():
    """Removes the folders of runs that were killed."""
    for left in pathlib.Path(tempfile.gettempdir()).glob(f"{RUN_PREFIX}*-*"):
        owner = left.name[len(RUN_PREFIX):].split("-")[0]
        if owner.isdigit() and not pathlib.Path(f"/proc/{owner}").exists():
            shutil.rmtree(left, ignore_errors=True)


def take_turn():
    """Two measurements at once would share a CPU and spoil each other: waits for the other one. -> the lock, held."""
    path = pathlib.Path(tempfile.gettempdir()) / f"weir-measures-{os.getuid()}.lock"
    lock = open(path, "a", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another measurement is running here: waiting for it", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


class Group:
    """Processes and a private folder for their sockets; all gone at the end. Use with 'with'."""

    def __init__(self, log_dir):
        self.log_dir = pathlib.Path(log_dir)
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self.run_dir = None
        self._processes = []
        self._turn = None

    def __enter__(self):
        self._turn = take_turn()
        sweep()
        # Short: a UNIX socket's path has 107 characters.  DPDK's own run-time files go there too.
        self.run_dir = pathlib.Path(tempfile.mkdtemp(prefix=f"{RUN_PREFIX}{os.getpid()}-"))
        return self

    def __exit__(self, *_):
        # An impatient second Ctrl-C must not leave anything behind.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        for process in reversed(self._processes):
            process.stop(3.0)
        shutil.rmtree(self.run_dir, ignore_errors=True)
        self._turn.close()
        for number, handler in before.items():
            signal.signal(number, handler)

    def start(self, name, command, env, on_line=None, nice=None):
        """-> the Process."""
        process = Process(name, command, self.log_dir, env, on_line, nice)
        self._processes.append(process)
        return process
