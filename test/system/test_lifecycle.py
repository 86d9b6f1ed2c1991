# SPDX-License-Identifier: BSD-3-Clause
"""Start, end, and what needs no start at all."""

import os
import shutil
import re
import signal
import subprocess
import sys
import time

from harness import process
from harness.blast import Blast
from harness.frames import OUTSIDE, udp4
from harness.hugepages import reserve
from harness.suite import Skip, test
from rigs import Limits, mac, sections, vdevs_of

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
from lib_weir import machine  # noqa: E402

CABLES = ["pf", "a", "b"]
VFS = {"a": ("a", 1, ["tx.max_pps = 2k"]), "b": ("b", 2, [])}
A, B = mac(1), mac(2)


def small(context, **more):
    return context.launch(CABLES, sections(CABLES, "1G", VFS), vdevs_of(CABLES), **more)


def check_passes(net):
    frames = [udp4(B, A, i) for i in range(20)]
    net["a"].send(*frames)
    net.expect({"b": frames})


def run(context, *arguments, user=None):
    argv = [context.binary, *arguments]
    if user:    # who may not look into the folder where it was built
        argv[0] = os.path.join(context.folder, "weir")
        shutil.copy(context.binary, argv[0])
        os.chmod(argv[0], 0o755)
        argv = ["setpriv", "--reuid=" + user, "--regid=nogroup", "--clear-groups", "env", "-i", "PATH=/usr/bin"] + argv
    return subprocess.run(argv, capture_output=True, text=True, timeout=15)


def write(context, text):
    path = os.path.join(context.folder, "check.conf")
    with open(path, "w") as f:
        f.write(text)
    return path


def under_load(context, which, final):
    net, weir = small(context)
    with Blast(net, "a", [udp4(OUTSIDE, A, size=300)], 20000), Blast(net, "pf", [udp4(B, OUTSIDE)], 10000):
        time.sleep(0.5)
        started = time.monotonic()
        code = weir.stop(which)
        took_s = time.monotonic() - started
    assert code == 0, "ended with code %d, wanted 0\n%s" % (code, weir.output()[-1500:])
    assert took_s < 5, "took %.1f s" % took_s
    last = weir.output().split("weir is up")[1]
    for name in final:
        assert name in last, "no %r in the final table:\n%s" % (name, last[-1500:])


@test("SIGINT under load: queues drain, a final table, exit code 0")
def sigint(context):
    under_load(context, signal.SIGINT, ["a", "b"])


# Broken by: rte_strerror(0), which is "Success".
@test("a second weir of the same file prefix says that it does not start, and what it wants, without a false reason")
def same_prefix(context):
    _net, weir = small(context)
    done = subprocess.run(weir.argv, capture_output=True, text=True, timeout=15)
    assert done.returncode == 2 and "EAL does not start: its lines above tell why" in done.stderr, done.stderr
    assert "--file-prefix of its own" in done.stderr and "Success" not in done.stderr, done.stderr
    assert weir.stop() == 0


@test("SIGTERM under load ends it the same way, with several data lcores")
def sigterm(context):
    net, weir = small(context, lcores=process.SPLIT)
    with Blast(net, "a", [udp4(OUTSIDE, A, size=300)], 20000), Blast(net, "pf", [udp4(B, OUTSIDE)], 10000):
        time.sleep(0.5)
        code = weir.stop(signal.SIGTERM)
    assert code == 0, "ended with code %d, wanted 0\n%s" % (code, weir.output()[-1500:])


@test("a second signal ends it at once")
def second_signal(context):
    net, weir = small(context)
    with Blast(net, "a", [udp4(OUTSIDE, A, size=1500)], 20000):
        time.sleep(0.3)
        weir.signal(signal.SIGSTOP)     # both signals are there when it goes on
        weir.signal(signal.SIGINT)
        weir.signal(signal.SIGTERM)
        weir.signal(signal.SIGCONT)
        started = time.monotonic()
        code = weir.wait(5)
    assert time.monotonic() - started < 2, "took %.1f s" % (time.monotonic() - started)
    assert code != 0, "an end that could not drain must not claim success"


@test("it starts with huge pages where there are some", slow=True)
def huge_pages(context):
    reserve(context, 160)
    net, weir = small(context, memory=("--in-memory",), mem_mb=256)
    check_passes(net)
    code = weir.stop()
    assert code == 0, "ended with code %d, wanted 0" % code


@test("all lcores given are used, unless the config says one")
def placement(context):
    config = sections(CABLES, "1G", VFS)
    overridden = config.replace("[switch]\n", "[switch]\nplacement = single\n")
    for lcores, text, wanted in ((process.SPLIT, config, 3), (process.SPLIT, overridden, 1)):
        net, weir = context.launch(CABLES, text, vdevs_of(CABLES), lcores=lcores)
        check_passes(net)
        got = weir.ask("/weir/info")["workers"]
        assert len(got) == wanted, "%d workers, wanted %d" % (len(got), wanted)
        assert weir.stop() == 0, "not every mbuf came home"
        context.close_deferred()


@test("--check, --help and --version work before EAL, for anybody")
def unprivileged(context):
    path = write(context, Limits.config(context))
    for arguments, wanted in ((["--", "--config", path, "--check"], "pps"), (["--help"], "--config"),
                              (["--version"], "weir"), (["--", "--help"], "--config"), (["--", "--version"], "weir")):
        done = run(context, *arguments, user="nobody")
        assert done.returncode == 0, "%s: code %d\n%s%s" % (arguments, done.returncode, done.stdout, done.stderr)
        assert wanted in done.stdout, "%s: no %r on stdout:\n%s" % (arguments, wanted, done.stdout)
        assert "EAL:" not in done.stdout + done.stderr, "%s: EAL was started" % arguments


@test("--check takes an lcore's NUMA node from the CPU behind the @ of --lcores")
def check_numa(context):
    path = write(context, Limits.config(context))
    for lcores, lcore, is_known in (("0@0,100@0", 100, True), ("0@0,(1,99)@(0-0)", 1, True), ("0@0,1@1000", 1, False),
                                    ("0@0,1@(0,1000)", 1, False), ("0,(1,1000)@0", None, False), ("0@0,1@", None, False)):
        done = run(context, "--lcores", lcores, "--", "--config", path, "--check")
        assert done.returncode == 0, "%s: code %d\n%s" % (lcores, done.returncode, done.stderr)
        if lcore is None:
            assert "placement: not known" in done.stdout, "%s was taken:\n%s" % (lcores, done.stdout)
            continue
        row = re.search(r"(?m)^ *%d +(\S+) " % lcore, done.stdout.split("placement, if")[1])
        assert row and (row[1] != "?") == is_known, "%s: NUMA node of lcore %d:\n%s" % (lcores, lcore, done.stdout)


@test("--check prints the effective values: what was asked, and what was derived")
def check_effective(context):
    path = write(context, sections(["pf", "a"], "1G", {"a": ("a", 1, ["tx.min_bps = 150M"])}))
    done = run(context, "--", "--config", path, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    for wanted in ("150M", "12.5k"):
        assert wanted in done.stdout, "no %s in:\n%s" % (wanted, done.stdout)


@test("what meson installs is whole: programs, manual pages, and a weirctl that starts")
def installed(context):
    build = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(context.binary))))
    if not os.path.exists(os.path.join(build, "build.ninja")):
        raise Skip("%s is not in a build directory" % context.binary)
    there = os.path.join(context.folder, "installed")
    done = subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", there],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {name: os.path.join(at, name) for at, _, names in os.walk(there) for name in names}
    for name in ("weir", "weir-sim", "weir-bench", "weirctl", "weir.8", "weir.conf.5", "weir-sim.1"):
        assert name in found, "no %s in %s" % (name, sorted(found))
    done = subprocess.run([found["weirctl"], "--help"], capture_output=True, text=True, timeout=15)
    assert done.returncode == 0 and "why" in done.stdout, done.stdout + done.stderr


SLOW = """rule slow
  command = %s && touch $out
build one: slow
build two: slow one
build three: slow two
"""


# Broken by: lines that are read when the tool has ended.
@test("a build by the scripts says how far it is while it lasts, and shows the tools' output where it fails")
def progress_of_a_build(context):
    program = ("import sys; from lib_weir import machine; machine.Progress.EVERY_S = 0; machine.build(sys.argv[1])")

    def build(command):
        write_ninja(context, command)
        child = subprocess.Popen([sys.executable, "-c", program, context.folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 env=dict(os.environ, PYTHONPATH=os.path.dirname(os.path.dirname(machine.__file__))), text=True)
        lines = [(time.monotonic(), line) for line in child.stdout]
        child.wait(20)
        return child.returncode, lines

    code, lines = build("sleep 0.3")
    said = [line for _, line in lines]
    assert code == 0 and said[0] == "building ...\n" and re.match("  done in [0-9]+ s", said[-1]), said
    assert [line.split(",")[0] for line in said[1:-1]] == ["  1 of 3", "  2 of 3", "  3 of 3"], said
    assert lines[3][0] - lines[1][0] > 0.3, "all was told at the end"
    code, lines = build("echo this is why && false")
    said = "".join(line for _, line in lines)
    assert code == 1 and "this is why" in said and "this failed: ninja -C" in said, said


def write_ninja(context, command):
    for name in ("one", "two", "three"):
        if os.path.exists(os.path.join(context.folder, name)):
            os.unlink(os.path.join(context.folder, name))
    with open(os.path.join(context.folder, "build.ninja"), "w") as f:
        f.write(SLOW % command)
