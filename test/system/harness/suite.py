# SPDX-License-Identifier: BSD-3-Clause
"""A list of tests and the runner.  A test is a function with a sentence for its name; tests that name a rig share one
running weir, so that the whole run needs few starts.  A rig's end is a test too: exit code 0, every mbuf home."""

import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback

from . import net, process, stolen, view
from .blast import TooBusy

TESTS = []
N_TRIES = 3     # where a machine says that it was too busy, it may do so twice


class Skip(Exception):
    """This machine cannot run the test; the text says why."""


class TestTimeout(BaseException):
    """Not an Exception: no test may swallow it."""


class Test:
    def __init__(self, group, sentence, function, rig, placement, timeout_s, slow, retry):
        self.group, self.sentence, self.function = group, sentence, function
        self.rig, self.placement = rig, placement
        self.timeout_s, self.slow, self.retry = timeout_s, slow, retry

    @property
    def title(self):
        where = " (split)" if self.placement == "split" else ""
        return "%s: %s%s" % (self.group, self.sentence, where)


def test(sentence, rig=None, split=False, timeout_s=20, slow=False, retry=False):
    """split: run it once more with several data lcores.  retry: a measured rate; a busy machine may try it N_TRIES times.
    slow: not with --quick (nor is the split part of any test)."""
    def add(function):
        group = function.__module__.replace("test_", "")
        for placement in ("single", "split") if split else ("single",):
            left_out = slow or placement == "split"
            TESTS.append(Test(group, sentence, function, rig, placement, timeout_s, left_out, retry))
        return function
    return add


class Context:
    """What tests are given: the binary, a folder for files, and the rig that runs."""

    def __init__(self, binary):
        self.binary = binary
        self.folder = tempfile.mkdtemp(prefix="%s%d_" % (net.NAME_PREFIX, os.getpid()))
        os.chmod(self.folder, 0o755)
        self.rig = None
        self.rig_key = None
        self.broken_rig = None
        self.notes = []
        self.closers = []
        self.watch = None       # of the CPU that all but weir share
        self.processes = []     # of this test: their logs are shown when it fails

    def note(self, text):
        """Printed below the test's line."""
        self.notes.append(text)

    def defer(self, function):
        """Called at the end of the test, whatever its outcome."""
        self.closers.append(function)

    def launch(self, cables, config, vdevs, **more):
        """A net and a weir for this test alone, up; both end with the test."""
        own_net = net.Net(cables)
        self.defer(own_net.close)
        weir = process.Weir(self.binary, config, vdevs, self.folder, own_net.ns, **more)
        self.processes.append(weir)
        self.defer(weir.kill)
        weir.start()
        return own_net, weir

    def close_deferred(self):
        while self.closers:
            self.closers.pop()()


class Rig(view.View):
    """A net, a config and a weir that several tests share.  Made from a description (rigs.py)."""

    def __init__(self, context, description, placement):
        self.net = net.Net(description.cables, getattr(description, "apart", ()))
        self.lcores = process.SPLIT if placement == "split" else process.SINGLE
        self.mem_mb, self.more = getattr(description, "mem_mb", 256), getattr(description, "more", ())
        self.context, self.watch = context, context.watch
        self.vms = {}           # what tests started and others go on with
        try:
            self.start_weir(description.config(context), description.vdevs(context))
        except BaseException:
            self.net.close()
            raise

    def start_weir(self, config, vdevs):
        """The rig's switch, also another one than before."""
        self.weir = process.Weir(self.context.binary, config, vdevs, self.context.folder, self.net.ns, self.lcores,
                                 self.mem_mb, more=self.more)
        self.context.processes.append(self.weir)
        self.weir.start()

    def ask(self, request):
        return self.weir.ask(request)

    def wait_until(self, condition, what):
        view.wait_until(condition, what)

    def kill_vms(self):
        for vm in self.vms.values():
            vm.kill()
        self.vms = {}

    def close(self):
        try:
            self.kill_vms()
            code = self.weir.stop()
        finally:
            self.net.close()
        assert code == 0, "weir ended with code %d, wanted 0" % code


def say_log(child, n_lines=25):
    if os.path.exists(child.log_path):
        print("    --- the end of what this said: %s" % " ".join(child.argv))
        for line in child.output().splitlines()[1:][-n_lines:]:
            print("    | " + line)


def on_alarm(_signal, _frame):
    raise TestTimeout("out of time")


class Runner:
    def __init__(self, binary):
        self.context = Context(binary)
        self.passed = self.failed = self.skipped = 0
        self.later_try = []     # titles of those that did not pass at once

    def run(self, tests):
        self.context.watch = stolen.Watch()
        try:
            for key in unique((t.rig, t.placement) for t in tests):
                self.run_group(key, [t for t in tests if (t.rig, t.placement) == key])
        finally:
            self.context.close_deferred()
            self.end_rig(None, quietly=True)
            self.context.watch.close()
            shutil.rmtree(self.context.folder, ignore_errors=True)

    def run_group(self, key, tests):
        rig, placement = key
        for t in tests:
            self.run_one(t)
        if rig is not None and self.context.rig is not None:
            self.end_rig("%s: ends with exit code 0 and every mbuf home%s" % (
                rig.__name__, " (split)" if placement == "split" else ""))

    def attempt(self, t, action):
        """None, or what went wrong."""
        signal.signal(signal.SIGALRM, on_alarm)
        signal.setitimer(signal.ITIMER_REAL, t.timeout_s)
        try:
            action()
            return None
        except Skip:
            raise
        except (Exception, TestTimeout) as error:
            return error
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def run_one(self, t):
        started = time.monotonic()
        self.context.notes, self.context.processes = [], []
        try:
            error = self.attempt(t, lambda: self.call(t))
            for tried in range(1, N_TRIES if t.retry else 1):
                if error is None or isinstance(error, TestTimeout) or (tried > 1 and isinstance(error, TooBusy)):
                    break
                self.context.note("tried again, after: %s" % error)
                error = self.attempt(t, lambda: self.call(t))
                self.later_try += [t.title] if error is None else []
        except Skip as why:
            self.skipped += 1
            print("skipped  %s: %s" % (t.title, why), flush=True)
            return
        if isinstance(error, TooBusy):
            self.skipped += 1
            print("skipped  %s: this machine is too busy to tell: %s" % (t.title, error), flush=True)
            for note in self.context.notes:
                print("    " + note)
        else:
            self.report(t.title, error, time.monotonic() - started)

    def call(self, t):
        context = self.context
        if t.rig is not None:
            self.need_rig(t)
            context.processes = [context.rig.weir]
            context.rig.net.settle()
        try:
            t.function(context.rig if t.rig is not None else context, *([context] if wants_context(t) else []))
        finally:
            context.close_deferred()

    def need_rig(self, t):
        context, key = self.context, (t.rig, t.placement)
        if context.rig is not None and context.rig.weir.is_running():
            return
        self.end_rig(None, quietly=True)
        assert context.broken_rig != key, "its rig does not start, as said above"
        context.broken_rig = key
        context.rig = Rig(context, t.rig, t.placement)
        context.broken_rig = None

    def end_rig(self, title, quietly=False):
        rig, self.context.rig = self.context.rig, None
        if rig is None:
            return
        if quietly:
            rig.kill_vms()
            rig.weir.kill()
            rig.net.close()
            return
        started, error = time.monotonic(), None
        try:
            rig.close()
        except Exception as problem:
            error = problem
            self.context.processes = [rig.weir]
        self.report(title, error, time.monotonic() - started)

    def report(self, title, error, took_s):
        print("%-8s %s (%.2f s)" % ("ok" if error is None else "FAILED", title, took_s), flush=True)
        for note in self.context.notes:
            print("    " + note)
        self.context.notes = []
        if error is None:
            self.passed += 1
            return
        self.failed += 1
        for line in traceback.format_exception(error)[-6:] if not isinstance(error, AssertionError) else [str(error)]:
            for part in line.rstrip().splitlines():
                print("    " + part)
        if isinstance(error, AssertionError):
            print("    at %s" % where(error))
        for child in self.context.processes:
            say_log(child)
        sys.stdout.flush()


def wants_context(t):
    return t.rig is not None and t.function.__code__.co_argcount == 2


def where(error):
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if os.path.basename(frame.filename).startswith("test_"):
            return "%s:%d" % (os.path.basename(frame.filename), frame.lineno)
    return "the harness"


def unique(items):
    return list(dict.fromkeys(items))


def select(only, quick):
    chosen = [t for t in TESTS if not (quick and t.slow)]
    if only:
        chosen = [t for t in chosen if re.search(only, t.title)]
    return chosen
