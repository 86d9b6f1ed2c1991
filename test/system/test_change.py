# SPDX-License-Identifier: BSD-3-Clause
"""Changes while weir runs: on the wire within a second, nothing lost or reordered, and every bad command refused whole."""

import grp
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone

from harness.blast import Blast, measure
from harness.frames import DSCP, OUTSIDE, numbered, udp4, udp_number
from harness.process import RUN_DIR, Telemetry
from harness.suite import test
from harness.view import done, wait_until, weirctl
from rigs import Changeable, mac, sections, vdevs_of, with_state

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))

from lib_weir import telemetry  # noqa: E402

NOBODY = 65534
GROUP = 1                # some group that is not root's
CABLES = ["pf", "a", "b", "c"]
VFS = {
    "a": ("a", 0x0a, ["tenant = lab", "tx.max_bps = 40M"]),
    "b": ("b", 0x0b, ["tenant = lab"]),
    "c": ("c", 0x0c, ["tx.min_bps = 100M"]),
}
A, B, C = (mac(VFS[n][1]) for n in ("a", "b", "c"))


def config(state=None, **more):
    vfs = {name: (cable, number, more.get(name, lines)) for name, (cable, number, lines) in VFS.items()}
    return with_state(sections(CABLES, "1G", vfs, Changing.maps), state)


class Changing(Changeable):
    """Three VMs whose terms may be changed."""

    cables, vfs, maps = CABLES, VFS, "[tenant lab]\ntx.max_bps = 500M\n"


class Fixed(Changing):
    """The same without --allow-set."""

    more = []


def terms(rig):
    """Everything that can be changed, as a file."""
    return done(rig, "/weir/config/dump")["lines"]


def reset(rig):
    for vf in VFS:
        done(rig, "/weir/sla/set,%s,%s" % (vf, ";".join("%s=none" % key for key in (
            "tx.min_bps", "tx.max_bps", "tx.max_pps", "tx.weight", "tx.priority", "rx.max_bps"))))
        done(rig, "/weir/dscp/set,%s,map=default" % vf)
    done(rig, "/weir/tenant/set,lab,tx.max_bps=500M;tx.weight=none")
    done(rig, "/weir/sla/set,a,tx.max_bps=40M")
    done(rig, "/weir/sla/set,c,tx.min_bps=100M")


@test("a new rate is on the wire within a second while packets flow, both ways, none dropped for it", Changing, split=True,
      retry=True)
def on_the_wire(rig):
    reset(rig)
    dropped = rig.all_drops("a")
    with Blast(rig.net, "a", [udp4(OUTSIDE, A, size=1514), udp4(C, A, size=1514)], 8000):
        before = measure(rig, 0.8)
        answer = done(rig, "/weir/sla/set,a,tx.max_bps=20M")
        after = measure(rig, 0.8, settle_s=0.2)
        done(rig, "/weir/tenant/set,lab,tx.max_bps=10M")
        tenant = measure(rig, 0.8, settle_s=0.2)
    before.check_offered("a", 5000)
    before.check("bits/s before", before["pf"].bps + before["c"].bps, 40e6)
    after.check("bits/s after", after["pf"].bps + after["c"].bps, 20e6)
    tenant.check("bits/s of the tenant", tenant["pf"].bps + tenant["c"].bps, 10e6)
    assert rig.all_drops("a") == dropped, "dropped for the sender's own limit: %s" % rig.all_drops("a")
    assert answer["changed"] == ["tx.max_bps 40M -> 20M"], answer
    assert answer["tx"]["asked"]["max_bps"] == answer["tx"]["effective"]["max_bps"] == 20000000, answer
    logged = re.search(r"^(\S+) weir: set vf a: tx.max_bps 40M -> 20M$", rig.weir.output(), re.M)
    assert logged, "not in the log"
    at_s = datetime.strptime(logged[1], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    assert abs(time.time() - at_s) < 60, logged[1]


@test("packets under changing terms all arrive, in order", Changing, split=True, retry=True)
def in_order(rig):
    reset(rig)
    sent, stop = [], threading.Event()
    client = Telemetry(rig.weir.prefix)

    def change():
        i = 0
        while not stop.is_set():
            i += 1
            client.ask("/weir/sla/set,a,tx.max_bps=%dM;tx.weight=%d;tx.priority=%d" % (12 + 37 * i % 90, 1 + i % 7, i % 3))

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for i in range(2000):
            sent.append(numbered(OUTSIDE, A, i, size=200))
            rig.net["a"].send(sent[-1])
            if i % 10 == 9:     # 16 Mb/s at most: its ring, which is the guest's, does not overflow
                time.sleep(0.001)
        got = rig.net.collect(lambda g: len(g["pf"]) >= len(sent), timeout_s=5)
    finally:
        stop.set()
        changer.join()
        client.close()
    assert got["pf"] == sent, "%d of %d arrived, %s" % (len(got["pf"]), len(sent),
                                                        "in order" if got["pf"] == sorted(got["pf"]) else "reordered")
    assert rig.ask("/weir/info")["changes"] > 20, "nothing was changed meanwhile"


@test("a DSCP gets another class while packets flow: what waits keeps its own, what comes later overtakes, none is lost",
      Changing, split=True, retry=True)
def another_class(rig):
    reset(rig)
    done(rig, "/weir/sla/set,a,tx.max_bps=2M")
    n = 40
    old = [udp4(OUTSIDE, A, i, DSCP["AF11"], 500) for i in range(n)]
    new = [udp4(OUTSIDE, A, n + i, DSCP["AF11"], 500) for i in range(n)]
    rig.net["a"].send(*old)
    first = rig.net.collect(lambda g: len(g["pf"]) >= 3, timeout_s=5)["pf"]
    answer = done(rig, "/weir/dscp/set,a,AF11=urgent")
    rig.net["a"].send(*new)
    got = first + rig.net.collect(lambda g: len(first + g["pf"]) >= 2 * n, timeout_s=5)["pf"]
    numbers = [udp_number(frame) for frame in got]
    assert len(first) >= 3 and sorted(numbers) == list(range(2 * n)), "%d of %d arrived" % (len(got), 2 * n)
    assert [i for i in numbers if i < n] == list(range(n)) and [i for i in numbers if i >= n] == list(range(n, 2 * n)), numbers
    assert numbers.index(2 * n - 1) < len(numbers) - 5, "the new class does not go first: %s" % numbers
    assert answer["changed"] == ["AF11 medium low -> urgent low"] and answer["map"] == "a" and answer["map_vfs"] == 1, answer
    assert answer["classes"]["AF11"] == "urgent low" and len(answer["classes"]) == 64, answer["classes"]
    assert done(rig, "/weir/dscp/get,b")["classes"]["AF11"] == "medium low"
    assert rig.ask("/weir/vf,a")["dscp_map"] == "a"
    assert {"[dscp a]", "AF11 = urgent low", "dscp_map = a"} <= set(terms(rig))
    for line in ("set dscp a (new): AF11 medium low -> urgent low", "set vf a: dscp_map default -> a"):
        assert "weir: %s\n" % line in rig.weir.output(), "not in the log: " + line
    done(rig, "/weir/dscp/set,a,map=default")
    assert "[dscp a]" not in terms(rig)


@test("maps that come and go leave buffers and memory where they were", Changing, timeout_s=120)
def many_maps(rig):
    reset(rig)

    def resident_kib():
        with open("/proc/%d/status" % rig.weir.pid) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def cycles(n):
        for i in range(n):
            done(rig, "/weir/dscp/set,%s,EF=%s;AF11=low high" % ("abc"[i % 3], ("high", "low", "medium")[i // 3 % 3]))
            if i % 2:
                done(rig, "/weir/dscp/set,%s,map=default" % "abc"[i % 3])
        for vf in VFS:
            done(rig, "/weir/dscp/set,%s,map=default" % vf)

    before_lines = terms(rig)
    cycles(60)      # what a heap takes once
    before, free = resident_kib(), rig.ask("/weir/info")["n_free_mbufs"]
    cycles(300)
    assert terms(rig) == before_lines
    # Address sanitizer keeps what was freed for a while, and tells of leaks itself at the end.
    is_sanitized = "ASAN_OPTIONS" in os.environ
    assert is_sanitized or resident_kib() <= before + 256, "%d KiB more after 300 changes" % (resident_kib() - before)
    wait_until(lambda: rig.ask("/weir/info")["n_free_mbufs"] >= free - 64, "buffers back")


BAD = ["/weir/sla/set", "/weir/sla/set,", "/weir/sla/set,a", "/weir/sla/set,a,", "/weir/sla/set,a,;;", "/weir/sla/set,,tx.weight=1",
       "/weir/sla/set,nobody,tx.weight=2", "/weir/sla/set," + "x" * 40 + ",tx.weight=2", "/weir/sla/set,a,tx.weight",
       "/weir/sla/set,a,tx.weight=0", "/weir/sla/set,a,tx.max_bps=10Gbs", "/weir/sla/set,a,tx.max_bps=2M;tx.weight=0",
       "/weir/sla/set,a,tx.max_bps=2M;tx.max_bps=3M", "/weir/sla/set,a,port=b", "/weir/sla/set,a,tx.min_bps=50M",
       "/weir/sla/set,a,rx.min_bps=1M", "/weir/sla/set,c,tx.min_bps=2G", "/weir/sla/set,a,tx.weight=2,tx.priority=1",
       "/weir/sla/set,a,tx.weight=2;" + "tx.weight=2;" * 82, "/weir/sla/get", "/weir/sla/get,nobody", "/weir/sla/get,a,b",
       "/weir/sla/dryrun,a", "/weir/sla/dryrun,a,tx.weight=0", "/weir/sla/dryrun,a,tx.weight=2,x", "/weir/sla/dryrun,a,tx.weight=2,99",
       "/weir/tenant/set,lab,tx.max_bps=none;tx.urgent_bps=1M", "/weir/tenant/set,nobody,tx.weight=2", "/weir/tenant/get,a",
       "/weir/tenant/dryrun,lab,rx.max_bps=1M", "/weir/config/dump,x", "/weir/config/reload", "/weir/config/reload,weir.conf",
       "/weir/dscp/set", "/weir/dscp/set,a", "/weir/dscp/set,a,", "/weir/dscp/set,nobody,EF=low", "/weir/dscp/set,a,EF",
       "/weir/dscp/set,a,EF=lowest", "/weir/dscp/set,a,AF11=low;XX=low", "/weir/dscp/set,a,64=low", "/weir/dscp/set,a,EF=low;46=high",
       "/weir/dscp/set,a,map=nope", "/weir/dscp/set,a,map=default;EF=low none", "/weir/dscp/set,a,default=x", "/weir/dscp/get",
       "/weir/dscp/get,nobody", "/weir/dscp/get,a,b", "/weir/sla/set,a,dscp_map=default",
       "/weir/config/reload,/nowhere/weir.conf", "/weir/config/reload,/dev/zero", "/weir/config/reload,/" + "x" * 300]


@test("every bad command says why and what was wanted, and changes nothing", Changing)
def bad_commands(rig):
    reset(rig)
    before, n = terms(rig), rig.ask("/weir/info")["changes"]
    for request in BAD:
        got = rig.ask(request)
        assert got and {"error", "wanted"} <= set(got) <= {"error", "wanted", "reasons"}, "%s answers %s" % (request[:60], got)
    for cut in range(1, len("/weir/sla/set,a,tx.max_bps=")):    # whatever of it comes, no client is lost
        rig.weir.telemetry.ask_raw("/weir/sla/set,a,tx.max_bps="[:cut])
    assert terms(rig) == before, "something was changed"
    assert rig.ask("/weir/info")["changes"] == n


LOOKS = ("vfs", "ports", "tenants", "allocator", "config/dump", "mark/list", "capture/list", "info", "pf", "drops")     # want none
ABUSE = ["", ",", ";", "a,", "a,;", "a,=", "a,==;=", ",,,,", "-1", "99999999999999999999", "0x10", "1e9", "%s%n%s%n", "../../etc/passwd",
         "a\tb", "a,tx.max_bps", "a,tx.max_bps=", "a,tx.max_bps=-1", "a,tx.max_bps=1e400", "a,tx.max_bps=18446744073709551616",
         "a,tx.weight=nan", "a,tx.min_bps=9M;tx.max_bps=8M", "a,vf=b;vf=c", "a,port=;mac=", "a,file=;file=/",
         "a,remote=yes;echo=classic", "\u00e9\u00e9,\u00e9=1", "\1\2\x7f,\x1b=\x1b", "\"a\\\",\"}{", "a" * 33, "a," + "x" * 900,
         "a," + "tx.weight=1;" * 81, "a," + "=" * 900, "a," + ";" * 900, "a" * 1015]


# Broken by: what a client sent, and is not ASCII, told as it came (EAL makes broken JSON of it: make_printable()); a callback that
# fails (EAL answers null).
@test("every command takes any abuse: an error with what was wanted, and nothing is changed, half or whole", Changing, timeout_s=90)
def abuse(rig):
    reset(rig)
    before, n = terms(rig), rig.ask("/weir/info")["changes"]
    commands = [c for c in json.loads(rig.weir.telemetry.ask_raw("/"))["/"] if c.startswith("/weir/")]
    assert len(commands) >= 30, commands
    for command in commands:
        for text in [None] + ABUSE:
            request = command if text is None else command + "," + text
            raw = rig.weir.telemetry.ask_raw(request)
            got = json.loads(raw)
            (key, answer), = got.items()
            assert key == command and isinstance(answer, dict) and answer, "%r answers %r" % (request[:80], raw[:200])
            if not text and command[len("/weir/"):] in LOOKS:
                continue
            assert {"error", "wanted"} <= set(answer) <= {"error", "wanted", "reasons"}, "%r answers %r" % (request[:80], raw[:200])
    assert terms(rig) == before and rig.ask("/weir/info")["changes"] == n, "something was changed"


@test("without --allow-set what changes is refused and what only looks is not", Fixed)
def not_allowed(rig):
    before = terms(rig)
    for request in ("/weir/sla/set,a,tx.weight=2", "/weir/tenant/set,lab,tx.weight=2", "/weir/dscp/set,a,EF=low",
                    "/weir/config/reload," + rig.weir.config_path):
        got = rig.ask(request)
        assert "--allow-set" in got["error"] and "--allow-set" in got["wanted"], got
    assert terms(rig) == before
    assert done(rig, "/weir/sla/get,a")["tx"]["asked"]["max_bps"] == 40000000
    assert done(rig, "/weir/sla/dryrun,a,tx.weight=2")["admitted"] == "yes"
    assert rig.ask("/weir/info")["allow_set"] == "no"


def as_nobody(groups, prefix):
    """-> 0 where another user in these groups changes a weight to 7; 13 where he is not let in."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(groups)
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os._exit("error" in Telemetry(prefix).ask("/weir/sla/set,a,tx.weight=7"))
        except PermissionError:
            os._exit(13)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# Broken by: a folder of weir's run-time files that others may enter, with a socket that they may write to.
@test("the socket is for weir's user alone: another user reaches neither it nor what it answers", Fixed)
def others(rig):
    socket_path = "%s/%s/dpdk_telemetry.v2" % (RUN_DIR, rig.weir.prefix)
    assert os.stat(socket_path).st_mode & 0o007 == 0, oct(os.stat(socket_path).st_mode)
    assert as_nobody([], rig.weir.prefix) == 13, "nobody was let in"


# Broken by: a folder on the way that stays shut; one that is opened to all, or to be listed; another socket that is given too.
@test("with --group its members may use the socket, and change what it may; others may not, and see nothing else there")
def group(context):
    name = grp.getgrgid(GROUP).gr_name
    net, weir = context.launch(CABLES, config(), vdevs_of(CABLES), more=["--allow-set", "--group", name])
    folder = os.path.join(RUN_DIR, weir.prefix)
    assert as_nobody([GROUP], weir.prefix) == 0, "a member was not let in"
    assert as_nobody([], weir.prefix) == 13, "nobody was let in"
    assert os.stat(folder).st_mode & 0o777 == 0o710 and os.stat(RUN_DIR).st_mode & 0o006 == 0, oct(os.stat(folder).st_mode)
    others = [one for one in os.listdir(folder) if one != "dpdk_telemetry.v2"]
    assert others and all(os.stat(os.path.join(folder, one)).st_gid != GROUP for one in others), others
    assert weir.ask("/weir/sla/get,a")["tx"]["asked"]["weight"] == 7
    done_run = subprocess.run([context.binary, "--config", weir.config_path, "--check", "--group", "no_such"], capture_output=True, text=True, timeout=10)
    assert done_run.returncode == 1 and "--group no_such: there is no group of this name" in done_run.stderr, done_run.stderr


@test("many clients at once: no change is lost, none is half", Changing)
def many_clients(rig):
    reset(rig)
    n, before = 60, rig.ask("/weir/info")["changes"]
    wrong = []

    def client(vf, pairs):
        link = Telemetry(rig.weir.prefix)
        for i in range(n):
            low, high = pairs[i % 2]
            answer = link.ask("/weir/sla/set,%s,tx.min_bps=%dM;tx.max_bps=%dM" % (vf, low, high))
            seen = link.ask("/weir/sla/get," + vf)["tx"]["asked"]
            if "error" in answer or (seen["min_bps"] // 10**6, seen["max_bps"] // 10**6) not in PAIRS:
                wrong.append((answer, seen))
        link.close()

    clients = [threading.Thread(target=client, args=(vf, pairs)) for vf, pairs in (
        ("a", PAIRS[:2]), ("a", PAIRS[2:]), ("b", PAIRS[:2]), ("c", PAIRS[2:]))]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    assert not wrong, wrong[0]
    assert rig.ask("/weir/info")["changes"] - before == len(clients) * n
    reset(rig)


# Broken by: a connect() that takes a full backlog for no answer.
@test("operators who come in the same moment are all answered", Changing)
def same_moment(rig):
    n, answers = 8, []
    together = threading.Barrier(n)

    def operator():
        for _ in range(30):
            together.wait()
            link = telemetry.Telemetry(os.path.dirname(RUN_DIR), rig.weir.prefix, timeout_s=5)     # weirctl's
            answers.append(link.ask("/weir/sla/get,a"))
            together.wait()
            link.close()

    operators = [threading.Thread(target=operator) for _ in range(n)]
    for one in operators:
        one.start()
    for one in operators:
        one.join()
    answered = sum(isinstance(answer, dict) and answer.get("vf") == "a" for answer in answers)
    assert answered == 30 * n, "%d of %d were answered" % (answered, 30 * n)


PAIRS = [(10, 20), (30, 40), (50, 60), (70, 80)]


@test("/weir/vf, /weir/tenant and weirctl why show the new asked and effective", Changing)
def shown(rig):
    reset(rig)
    done(rig, "/weir/sla/set,a,tx.min_bps=15M;rx.max_bps=7M")
    done(rig, "/weir/tenant/set,lab,tx.min_bps=20M")
    vf, lab = rig.ask("/weir/vf,a"), rig.ask("/weir/tenant,lab")
    assert vf["tx"]["asked"]["min_bps"] == 15000000 and vf["tx"]["asked"]["min_pps"] == 0, vf["tx"]["asked"]
    assert vf["tx"]["effective"]["min_pps"] == 1250 and vf["rx"]["effective"]["max_bps"] == 7000000, vf
    assert lab["tx"]["owed_bps"] == 20000000 and lab["tx"]["members_bps"] == 15000000, lab
    why = weirctl(rig, "why", "a", "--seconds", "0.1").stdout
    assert "min_bps 15.00 Mb/s" in why and "max_bps 7.00 Mb/s" in why, why
    done(rig, "/weir/tenant/set,lab,tx.min_bps=none")


@test("a dry run tells who would get what, and changes nothing", Changing)
def dry_run(rig):
    reset(rig)
    before = terms(rig)
    got = done(rig, "/weir/sla/dryrun,b,tx.min_bps=300M;tx.weight=3")
    assert got["admitted"] == "yes" and got["capacity_bps"] == 10**9, got
    rates = {name: (line["now_bps"] // 10**6, line["then_bps"] // 10**6) for name, line in got["vfs"].items()}
    assert rates == {"a": (40, 40), "b": (460, 460), "c": (500, 500)}, rates
    assert got["vfs"]["a"]["bound"] == "its limit" and "tenant lab" in got["vfs"]["b"]["bound"], got["vfs"]
    refused = rig.ask("/weir/sla/dryrun,c,tx.min_bps=2G")
    assert "2G of 1G bits/s" in "".join(refused["reasons"]).replace("\\", ""), refused
    assert terms(rig) == before


@test("a reload changes all terms of a file, or with one mistake none, and names what cannot change", Changing)
def reload(rig, context):
    reset(rig)
    path = os.path.join(context.folder, "new.conf")

    def load(text):
        with open(path, "w") as f:
            f.write(text)
        return rig.ask("/weir/config/reload," + path)

    before = terms(rig)
    got = load(config(a=["tenant = lab", "tx.max_bps = 77M"], b=["tenant = lab", "queue = 99"]))
    assert "queue in [vf b]" in got["error"] and "restart" in got["wanted"] and "new.conf:" in got["error"], got
    got = load(config(a=["tenant = lab", "tx.max_bps = 77M"], c=["tx.min_bps = 2G"]))
    assert "error" in got and terms(rig) == before, got
    got = load(config(a=["tenant = lab", "tx.max_bps = 77M"], c=["rx.max_bps = 9M"]))
    assert got.get("changed_vfs") == 2 and got.get("changed_tenants") == 0, got
    assert rig.ask("/weir/sla/get,a")["tx"]["asked"]["max_bps"] == 77000000
    assert rig.ask("/weir/sla/get,c")["tx"]["asked"]["min_bps"] == 0
    assert "weir: reload vf a: tx.max_bps 40M -> 77M\n" in rig.weir.output()
    got = load("\n".join(terms(rig)) + "\n")    # what was dumped is a file that runs already
    assert got.get("changed_vfs") == got.get("changed_maps") == 0, got
    got = load(config(a=["tenant = lab", "dscp_map = gold", "tx.max_bps = 77M"]) + "[dscp gold]\ndefault = low\n[dscp default]\nEF = high\n")
    assert got.get("changed_maps") == 2 and got.get("changed_vfs") == 2, got
    assert done(rig, "/weir/dscp/get,a")["classes"]["EF"] == "low low" and done(rig, "/weir/dscp/get,b")["classes"]["EF"] == "high low"
    got = load(config())
    assert "error" not in got and done(rig, "/weir/dscp/get,a") == dict(done(rig, "/weir/dscp/get,b"), vf="a"), got


@test("what was changed survives a restart, and a kill, and is told; a reload of the config itself ends it")
def survives(context):
    state = os.path.join(context.folder, "state.conf")
    _net, weir = context.launch(CABLES, config(state), vdevs_of(CABLES), more=["--allow-set"])
    assert "error" not in weir.ask("/weir/sla/set,a,tx.max_bps=none;tx.weight=5")
    assert "error" not in weir.ask("/weir/tenant/set,lab,tx.max_bps=300M")
    assert "error" not in weir.ask("/weir/dscp/set,b,EF=low;default=high")
    weir.signal(signal.SIGKILL)
    weir.wait(5)
    assert not os.path.exists(state + ".new")
    _net, weir = context.launch(CABLES, config(state), vdevs_of(CABLES), more=["--allow-set"])
    assert "[vf a] as changed at run time: tx.max_bps 40M -> none, tx.weight none -> 5" in weir.output()
    assert weir.ask("/weir/sla/get,a")["tx"]["asked"]["weight"] == 5
    assert weir.ask("/weir/sla/get,a")["tx"]["asked"]["max_bps"] == 0
    assert weir.ask("/weir/tenant/get,lab")["tx"]["asked"]["max_bps"] == 300000000
    assert weir.ask("/weir/dscp/get,b")["classes"]["EF"] == "low low" and weir.ask("/weir/dscp/get,b")["classes"]["AF11"] == "high low"
    assert "[vf b] as changed at run time: dscp_map default -> b" in weir.output()
    assert weir.ask("/weir/config/reload," + weir.config_path).get("changed_vfs") == 2
    with open(state) as f:
        assert "[" not in f.read(), "a state beside the config, which says it all"
    assert weir.stop() == 0


@test("a state file that cannot be written is warned of, and one that is broken is refused with its lines")
def bad_state(context):
    folder = os.path.join(context.folder, "states")
    os.mkdir(folder)
    state = os.path.join(folder, "state.conf")
    _net, weir = context.launch(CABLES, config(state), vdevs_of(CABLES), more=["--allow-set"])
    os.rename(folder, folder + ".away")
    got = weir.ask("/weir/sla/set,a,tx.weight=5")
    assert "cannot be written" in got["warnings"][0] and got["tx"]["asked"]["weight"] == 5, got
    os.rename(folder + ".away", folder)
    weir.wait_for("written again", 5)
    assert weir.stop() == 0
    with open(state, "w") as f:
        f.write("[vf a]\ntx.weight = 0\nport = b\n")
    done_run = subprocess.run([context.binary, "--check", "--config", weir.config_path], capture_output=True, text=True,
                              timeout=10)
    assert done_run.returncode == 1 and "state.conf:2: tx.weight = 0" in done_run.stderr, done_run.stderr
    assert "state.conf:3: port = b: there is no such [port]" in done_run.stderr and "file removed" in done_run.stderr, done_run.stderr


@test("weirctl sets, gets, dumps, reloads and tries, as tables and as JSON", Changing, timeout_s=120)
def by_weirctl(rig, context):
    reset(rig)
    said = weirctl(rig, "set", "a", "tx.max_bps", "33M", "tx.weight", "2").stdout
    assert "tx.max_bps" in said and "40M -> 33M" in said, said
    assert json.loads(weirctl(rig, "--json", "get", "a").stdout)["tx"]["asked"]["max_bps"] == 33000000
    assert "33.00 Mb/s" in weirctl(rig, "get", "a").stdout
    weirctl(rig, "set", "--tenant", "lab", "tx.max_bps", "400M")
    path = os.path.join(context.folder, "dump.conf")
    with open(path, "w") as f:
        f.write(weirctl(rig, "dump").stdout.replace("33M", "34M"))
    assert "1 VF" in weirctl(rig, "reload", path).stdout
    said = weirctl(rig, "dscp", "a", "EF", "high", "AF41", "low medium").stdout
    assert "EF urgent low -> high low" in said and "a: map a" in said, said
    assert json.loads(weirctl(rig, "--json", "dscp", "a").stdout)["classes"]["AF41"] == "low medium"
    assert "as 2 other VFs" in weirctl(rig, "dscp", "a", "map", "default").stdout
    tried = weirctl(rig, "dryrun", "b", "tx.min_bps", "300M").stdout
    assert "admitted" in tried and "its limit" in tried, tried


# Fails if a verb has no example of its own.
@test("weirctl --help lists every verb, and each verb's own says what it does, with an example", Changing)
def help_of_weirctl(rig):
    whole = weirctl(rig, "--help").stdout
    verbs = re.findall(r"^    (\w+) {2,}", whole, re.MULTILINE)
    assert {"show", "set", "add", "del", "mark", "dscp", "why", "dryrun", "capture", "reload", "dump", "top"} <= set(verbs), verbs
    verbs = [[verb] for verb in verbs if verb not in ("mark", "capture")] + [
        [verb, what] for verb, some in (("mark", ("list", "add", "del")), ("capture", ("start", "stop", "list"))) for what in some]
    for verb in verbs:
        said = weirctl(rig, *verb, "--help").stdout
        assert re.search(r"(?s)usage: .*\n\n\w.*examples:\n  weirctl %s\b" % " ".join(verb), said), said
        assert said.count("\n\n") >= 3, said


@test("every verb of weirctl that looks has JSON, and every mistake is told", Changing, timeout_s=120)
def verbs_of_weirctl(rig):
    assert "a " in weirctl(rig, "top", "--count", "1").stdout
    for verb in (["vfs"], ["show", "tenants"], ["why", "a", "--seconds", "0.1"], ["dump"], ["top", "--count", "1"],
                 ["dryrun", "b", "tx.weight", "2"]):
        json.loads(weirctl(rig, "--json", *verb).stdout)
    for verb in (["show", "vf", "a"], ["show", "tenant", "lab"], ["show", "ports"], ["show", "info"], ["vf", "show"], ["pf"]):
        json.loads(weirctl(rig, *verb, "--json").stdout)        # anywhere
    assert weirctl(rig, "vf", "get", "a").stdout == weirctl(rig, "get", "a").stdout
    assert weirctl(rig, "config", "dump").stdout == weirctl(rig, "dump").stdout
    assert "lab" in weirctl(rig, "tenant", "show").stdout and "tx.max_bps" in weirctl(rig, "tenant", "get", "lab").stdout
    assert "rate, 10 s" in weirctl(rig, "vf", "show", "a").stdout
    for words, said in ((["vf", "frob", "a"], "wanted vf set, get"), (["vf", "show", "nobody"], "wanted one of a, b, c"),
                        (["show", "vf"], "wanted vf NAME, or vfs"), (["show", "pf", "a"], "wanted no name"),
                        (["config"], "wanted config dump or reload")):
        bad = weirctl(rig, *words, check=False)
        assert bad.returncode != 0 and said in bad.stderr, bad.stderr
    bad = weirctl(rig, "set", "a", "tx.max_bps", check=False)
    assert bad.returncode == 2 and "value" in bad.stderr, bad.stderr
    for words, meant in ((["tx.max_bps", "=", "20M"], "tx.max_bps 20M"), (["tx.max_bps=20M"], "tx.max_bps 20M"), (["="], "tx.max_bps 200M"),
                         (["tx.max_bps", "="], "tx.max_bps 200M"), (["tx.max_bps=", "20M"], "tx.max_bps 200M")):
        bad = weirctl(rig, "set", "a", *words, check=False)
        assert bad.returncode == 2 and bad.stderr.endswith("a blank between, as in %s\n" % meant), bad.stderr
    bad = weirctl(rig, "set", "a", "tx.max_bps", "10Gbs", "port", "x", check=False)
    assert bad.returncode == 1 and "10Gbs" in bad.stderr and "port cannot change" in bad.stderr, bad.stderr
    bad = weirctl(rig, "get", "nobody", check=False)
    assert bad.returncode == 1 and "weirctl" in bad.stderr, bad.stderr
