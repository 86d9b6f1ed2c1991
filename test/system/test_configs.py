# SPDX-License-Identifier: BSD-3-Clause
"""Bad configs: exit code 1, every mistake with its line and what was wanted, and nothing started."""

import os
import subprocess

from harness import process
from harness.net import Net
from harness.suite import test
from rigs import sections, vdevs_of

GOOD = """[switch]
guarantee_size = 1500
[port net_af_packet0]
role = pf
rate = 1G
[port net_af_packet1]
role = vf
[vf a]
port = net_af_packet1
mac = 02:00:00:00:00:01
"""

# What is appended or replaced, and what the messages must say: (line, text) pairs.
BAD = [
    ("an unknown key", GOOD + "colour = blue\n", [(11, "colour")]),
    ("an unknown section", GOOD + "[vm a]\n", [(11, "vm")]),
    ("a rate with a unit that is none", GOOD + "tx.max_bps = 10Gbs\n", [(11, "10Gbs")]),
    ("a negative rate", GOOD + "tx.max_bps = -5\n", [(11, "-5")]),
    ("a key twice", GOOD + "mac = 02:00:00:00:00:02\n", [(11, "mac")]),
    ("a VF twice", GOOD + "[vf a]\nport = net_af_packet1\nmac = 02:00:00:00:00:02\n", [(11, "a")]),
    ("a MAC twice in a VLAN", GOOD + "[vf b]\nport = net_af_packet1\nmac = 02:00:00:00:00:01\n",
     [(13, "02:00:00:00:00:01")]),
    ("a group address as MAC", GOOD.replace("mac = 02:", "mac = 03:"), [(10, "03:00:00:00:00:01")]),
    ("half a MAC", GOOD.replace("mac = 02:00:00:00:00:01", "mac = 02:00:00"), [(10, "02:00:00")]),
    ("a VF on a port that is not there", GOOD.replace("port = net_af_packet1", "port = eth7"), [(9, "eth7")]),
    ("a VF on the PF", GOOD.replace("port = net_af_packet1\n", "port = net_af_packet0\n"), [(9, "net_af_packet0")]),
    ("no PF", GOOD.replace("role = pf\nrate = 1G", "role = vf"), [(0, "pf")]),
    ("two PFs", GOOD.replace("role = vf", "role = pf"), [(7, "second PF")]),
    ("a VLAN out of range", GOOD + "vlan = 4095\n", [(11, "4095")]),
    ("access and trunk at once", GOOD + "vlan = 10\ntrunk = 20\n", [(12, "trunk")]),
    ("min over max", GOOD + "tx.min_bps = 200M\ntx.max_bps = 100M\n", [(11, "min_bps")]),
    ("a weight of 0", GOOD + "tx.weight = 0\n", [(11, "weight")]),
    ("a line that is no setting", GOOD + "tx.max_bps 10M\n", [(11, "")]),
    ("a name with a dash", GOOD.replace("[vf a]", "[vf a-b]"), [(8, "a-b")]),
    ("a memif port without trusted = yes", GOOD.replace("net_af_packet1", "net_memif1"), [(9, "trusted")]),
    ("a tenant nobody knows", GOOD + "tenant = nobody\n", [(11, "no such [tenant]")]),
    ("tenants that loop", GOOD + "tenant = x\n[tenant x]\nparent = y\n[tenant y]\nparent = x\n", [(13, "x < y < x")]),
    ("tenants too deep", GOOD + "tenant = e\n[tenant e]\nparent = d\n[tenant d]\nparent = c\n[tenant c]\nparent = b\n"
     "[tenant b]\nparent = a\n[tenant a]\n", [(13, "5 deep")]),
    ("a VF in no tenant", GOOD.replace("[switch]\n", "[switch]\nrequire_tenant = yes\n"), [(9, "in no tenant")]),
    ("more promised to members than a tenant may have", GOOD + "tenant = x\ntx.min_bps = 20M\n[tenant x]\n"
     "tx.max_bps = 10M\n", [(13, "20M")]),
    ("a receive limit of a tenant", GOOD + "tenant = x\n[tenant x]\nrx.max_bps = 10M\n", [(13, "rx.max_bps")]),
    ("a DSCP map with holes", GOOD + "dscp_map = m\n[dscp m]\nEF = urgent\n", [(12, "no class for")]),
    ("three mistakes at once", GOOD.replace("rate = 1G", "rate = fast") + "vlan = x\nantispoof = maybe\n",
     [(5, "fast"), (11, "x"), (12, "maybe")]),
]


def run(context, text, check=True, vdevs=(), ns=None, mem_mb=64):
    path = os.path.join(context.folder, "bad.conf")
    with open(path, "w") as f:
        f.write(text)
    prefix = process.unique_prefix("c")
    argv = ["nsenter", "--net=/run/netns/" + ns] if ns else []
    if check:
        argv = [context.binary, "--", "--config", path, "--check"]
    else:
        argv += [context.binary, "--lcores", process.SINGLE, "--no-huge", "-m", str(mem_mb), "--no-pci",
                 "--file-prefix", prefix, *("--vdev=" + v for v in vdevs), "--", "--config", path]
    context.defer(lambda: process.remove_run_dir(prefix))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=15)
    return done, done.stdout + done.stderr, path


def refused(what, done, text, code=1):
    assert done.returncode == code, "%s: exit code %d, wanted %d\n%s" % (what, done.returncode, code, text[-1500:])
    assert "weir is up" not in text, "%s: it started\n%s" % (what, text[-1500:])


@test("each kind of mistake is told with its line, and ends with code 1")
def bad_files(context):
    problems = []
    for what, text, messages in BAD:
        done, said, path = run(context, text)
        if done.returncode != 1:
            problems.append("%s: exit code %d\n%s" % (what, done.returncode, said[-500:]))
        for line, word in messages:
            head = "%s:%d:" % (path, line) if line else path + ":"
            if not any(head in part and word in part for part in said.splitlines()):
                problems.append("%s: no message with %r and %r in:\n%s" % (what, head, word, said[-800:]))
    assert not problems, "%d of %d:\n%s" % (len(problems), len(BAD), "\n".join(problems))


@test("the good file that the bad ones are made from passes --check")
def good_file(context):
    done, said, _ = run(context, GOOD)
    assert done.returncode == 0, said


@test("a bad file starts nothing: EAL is not even there yet")
def nothing_started(context):
    done, said, path = run(context, GOOD + "colour = blue\n", check=False)
    refused("an unknown key", done, said)
    assert path + ":11:" in said, said
    assert "EAL:" not in said, "EAL was started:\n" + said


@test("a file that is not there is told by name")
def no_file(context):
    done = subprocess.run([context.binary, "--", "--config", "/nonexistent.conf", "--check"], capture_output=True,
                          text=True, timeout=15)
    refused("no file", done, done.stdout + done.stderr)
    assert "/nonexistent.conf" in done.stdout + done.stderr


@test("no --config, and options it does not know, are refused with a hint")
def bad_options(context):
    for options, word in (([], "--config"), (["--", "--conifg", "x"], "--conifg"), (["--", "--config"], "--config")):
        done = subprocess.run([context.binary, *options], capture_output=True, text=True, timeout=15)
        refused(options, done, done.stdout + done.stderr)
        assert word in done.stdout + done.stderr, "%s: %s" % (options, done.stderr)


@test("over-committed guarantees are refused with both sums")
def over_commit(context):
    cables = ["pf", "a", "b"]
    vfs = {"a": ("a", 1, ["tx.min_bps = 600M"]), "b": ("b", 2, ["tx.min_bps = 500M"])}
    done, said, _ = run(context, sections(cables, "1G", vfs))
    refused("1.1G on 1G", done, said)
    assert "1.1G" in said and "1G" in said, said
    capped = sections(cables, "1G", {"a": ("a", 1, ["tx.min_pps = 30k"]), "b": ("b", 2, ["tx.min_pps = 20k"])})
    capped = capped.replace("[switch]\n", "[switch]\npacket_capacity = 40k\n")
    done, said, _ = run(context, capped)
    refused("50k on 40k", done, said)
    assert "50k" in said and "40k" in said, said


@test("with allow_overcommit = yes they are not")
def over_commit_allowed(context):
    text = sections(["pf", "a"], "1G", {"a": ("a", 1, ["tx.min_bps = 1200M", "tx.max_bps = 2G"])})
    done, said, _ = run(context, text.replace("[switch]\n", "[switch]\nallow_overcommit = yes\n"))
    assert done.returncode == 0, said


@test("a port that EAL does not know is told by name, with those it knows")
def missing_port(context):
    net = Net(["pf", "a"])
    context.defer(net.close)
    text = GOOD.replace("net_af_packet1", "net_af_packet7")
    done, said, _ = run(context, text, check=False, vdevs=vdevs_of(["pf", "a"]), ns=net.ns, mem_mb=128)
    refused("no such port", done, said, 2)
    assert "net_af_packet7" in said and "net_af_packet1" in said, said[-1500:]


@test("too little memory is told with what to do")
def too_little_memory(context):
    net = Net(["pf", "a"])
    context.defer(net.close)
    done, said, _ = run(context, GOOD, check=False, vdevs=vdevs_of(["pf", "a"]), ns=net.ns, mem_mb=16)
    refused("-m 16", done, said, 2)
    assert "-m" in said, "no word of -m:\n" + said[-1500:]
