# SPDX-License-Identifier: BSD-3-Clause
"""weir-sim as a program: what it is linked from, its arguments, its files, its mistakes."""

import csv
import json
import os
import pty
import re
import struct
import subprocess

from harness.suite import test

GOOD = """[sim]
duration = 200ms
[port up]
role = pf
rate = 100M
link_basis = l2
[port a]
[port b]
[vf vm1]
port = a
mac = 02:00:00:00:00:01
tx.min_bps = 70M
[vf vm2]
port = b
mac = 02:00:00:00:00:02
tx.max_bps = 50M
"""
TRAFFIC = "[traffic all]\nfrom = *\nrate = max\n"


def build_of(context):
    return os.path.abspath(os.path.join(os.path.dirname(context.binary), "..", ".."))


def sim(context, *options, seconds=60):
    binary = os.path.join(build_of(context), "app", "weir-sim", "weir-sim")
    return subprocess.run([binary, *options], capture_output=True, text=True, timeout=seconds)


def written(context, name, text):
    path = os.path.join(context.folder, name)
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    return path


def libraries_of(context, target):
    """-> the static libraries that a program is linked from, by ninja's own graph."""
    graph = subprocess.run(["ninja", "-C", build_of(context), "-t", "query", target], capture_output=True, text=True,
                           timeout=60, check=True).stdout
    inputs = graph.split("outputs:")[0]
    return set(re.findall(r"lib/libweir_\w+\.a", inputs))


# Fails if weir-sim is given a scheduler of its own, or a library is built twice.
@test("weir-sim and weir are linked from the same libraries: there is no second scheduler")
def same_libraries(context):
    theirs, ours = libraries_of(context, "app/weir/weir"), libraries_of(context, "app/weir-sim/weir-sim")
    for name in ("sla", "classify", "l2", "cffs", "order", "sched", "ask", "pipeline"):
        assert "lib/libweir_%s.a" % name in ours & theirs, "%s: %s" % (name, sorted(ours))
    assert ours - theirs == {"lib/libweir_sim.a", "lib/libweir_policy.a"}, sorted(ours - theirs)   # policy: a switch beyond weir's


@test("weir-sim needs no DPDK")
def no_dpdk(context):
    binary = os.path.join(build_of(context), "app", "weir-sim", "weir-sim")
    linked = subprocess.run(["ldd", binary], capture_output=True, text=True, timeout=20).stdout
    assert "librte" not in linked and "libpcap" in linked, linked


@test("weir-sim keeps a guarantee and a limit, and says so in a table, JSON and CSV that agree")
def figures(context):
    scenario = written(context, "good.conf", GOOD + TRAFFIC)
    paths = [os.path.join(context.folder, name) for name in ("o.json", "o.csv", "o.svg")]
    done = sim(context, scenario, "--json", paths[0], "--csv", paths[1], "--plot", paths[2], "--strict")
    assert done.returncode == 0, done.stderr
    with open(paths[0]) as f:
        out = json.load(f)
    rates = {(vf["name"], vf["direction"]): vf for vf in out["vfs"]}
    assert abs(rates["vm1", "tx"]["got"]["bps"] - 70e6) < 0.2e6, rates["vm1", "tx"]["got"]
    assert abs(rates["vm2", "tx"]["got"]["bps"] - 30e6) < 0.2e6, rates["vm2", "tx"]["got"]
    for vf in out["vfs"]:
        assert {"name", "direction", "asked", "got", "offered", "delay_us", "kept", "classes"} <= set(vf), vf
        assert vf["kept"] is True, vf
    assert [p["name"] for p in out["ports"]] == ["up", "a", "b"], out["ports"]
    assert 99.5 < out["ports"][0]["utilization_pct"] <= 100.01, out["ports"]
    assert abs(out["virtual_s"] - 0.2) < 1e-9 and out["events"] > 1000, out
    with open(paths[1]) as f:
        rows = [row for row in csv.DictReader(f) if row["vf"] == "vm1" and row["direction"] == "tx"]
    assert len(rows) == 100, len(rows)
    late = [float(row["got_bps"]) for row in rows if float(row["time_s"]) > 0.1]
    assert abs(sum(late) / len(late) - 70e6) < 0.5e6, sum(late) / len(late)
    with open(paths[2]) as f:
        assert "<svg" in f.read(2000)
    assert re.search(r"vm1 +tx +70M +- +5\.833k +- +\S+ +70\.0\dM", done.stdout), done.stdout


@test("weir-sim repeats itself with one seed, and not with another")
def seeds(context):
    scenario = written(context, "seed.conf", GOOD + "[traffic p]\nkind = poisson\nfrom = *\nrate = 20M\nsize = imix\n")
    got = []
    for seed in ("1", "1", "2"):
        path = os.path.join(context.folder, "seed.json")
        assert sim(context, scenario, "--seed", seed, "--json", path, "--quiet").returncode == 0
        with open(path) as f:
            got.append([vf["got"] for vf in json.load(f)["vfs"]])
    assert got[0] == got[1] and got[0] != got[2], got


@test("weir-sim takes an operator's config as it is, and a scenario may name it")
def operators_file(context):
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    config = os.path.abspath(os.path.join(root, "config", "three-vms.conf"))
    done = sim(context, config)
    assert done.returncode == 0 and "every VF sends all it can" in done.stdout, done.stderr
    scenario = written(context, "named.conf", "[sim]\nconfig = %s\nduration = 50ms\n[traffic t]\nfrom = vm2\nrate = 5M\n" % config)
    done = sim(context, scenario)
    assert done.returncode == 0 and "vm2" in done.stdout and "vm1" not in done.stdout, done.stdout + done.stderr


@test("weir-sim tells all mistakes of a scenario at once, with file and line, and plays nothing")
def mistakes(context):
    scenario = written(context, "bad.conf", GOOD + "[traffic t]\nfrom = vm9\nrate = fast\n[bottleneck]\nrate = 1\n")
    done = sim(context, scenario)
    assert done.returncode == 1 and done.stdout == "", done.stdout
    for text in ("bad.conf:18: from = vm9", "bad.conf:19: rate = fast", "bad.conf:21: rate = 1"):
        assert text in done.stderr, done.stderr


@test("weir-sim refuses arguments it does not understand, and tells of files it cannot write")
def bad_arguments(context):
    scenario = written(context, "good.conf", GOOD)
    for options, code, wanted in (([], 1, "SCENARIO"), ([scenario, "--jsn", "x"], 1, "--help"),
                                  ([scenario, scenario], 1, "one SCENARIO"), ([scenario, "--seed", "x"], 1, "number"),
                                  ([scenario, "--json"], 1, "value"), (["/nonexistent"], 1, "No such file"),
                                  ([scenario, "--json", "/nonexistent/x"], 2, "/nonexistent/x"),
                                  ([scenario, "--csv", "/nonexistent/x"], 2, "/nonexistent/x"),
                                  ([scenario, "--plot", "x.jpeg"], 1, "ends in .svg, .png or .pdf"),
                                  ([scenario, "--plot", "/nonexistent/x.svg"], 2, "--plot /nonexistent/x.svg: No such")):
        done = sim(context, *options)
        assert not done.stdout, "%s: played all the same: %s" % (options, done.stdout)
        assert done.returncode == code and wanted in done.stderr, "%s: %d %s" % (options, done.returncode, done.stderr)


# Broken by: a look whether a file can be written that empties it, or leaves one.
@test("weir-sim that cannot write one file leaves the others as they are, and plays nothing")
def files_untouched(context):
    scenario, old, new = written(context, "good.conf", GOOD), written(context, "old.json", "mine"), os.path.join(context.folder, "new.json")
    for path in (old, new):
        assert sim(context, scenario, "--json", path, "--plot", "/nonexistent/x.svg").returncode == 2
    with open(old) as f:
        assert f.read() == "mine"
    assert not os.path.exists(new)


@test("weir-sim --strict fails when a promise is broken: an over-committed guarantee")
def strict(context):
    text = "[switch]\nallow_overcommit = yes\n" + GOOD.replace("tx.max_bps = 50M", "tx.min_bps = 70M") + TRAFFIC
    done = sim(context, written(context, "over.conf", text), "--strict")
    assert done.returncode == 3 and "GUARANTEE MISSED" in done.stdout, done.stdout + done.stderr


TENANTS = """[switch]
allow_overcommit = yes
%s[sim]
duration = 200ms
[port up]
role = pf
rate = 100M
link_basis = l2
[port a]
[port b]
[port c]
[tenant lab]
tx.min_bps = %s
[tenant shop]
tx.min_bps = 40M
tx.max_bps = 50M
[vf vm1]
port = a
mac = 02:00:00:00:00:01
tenant = lab
[vf vm2]
port = b
mac = 02:00:00:00:00:02
tenant = lab
[vf vm3]
port = c
mac = 02:00:00:00:00:03
tenant = shop
"""


def tenants_of(context, switch, minimum, *options, more=""):
    """-> the run, and of each tenant its line of the table, and what the JSON says of it."""
    path = os.path.join(context.folder, "kept.json")
    done = sim(context, written(context, "kept.conf", TENANTS % (switch, minimum) + more), "--json", path, *options)
    with open(path) as f:
        tenants = {t["name"]: t for t in json.load(f)["tenants"]}
    table = done.stdout.split("  tenant  ")[1].split("\n\n")[0]
    lines = {line.split()[0]: line for line in table.splitlines()[1:]}
    return done, lines, tenants


# None of their VMs was sold anything itself.  Fails if tenants are not judged.
@test("weir-sim tells of tenants too whether their guarantees and limits were kept, and --strict fails where one was not")
def tenants_kept(context):
    done, lines, tenants = tenants_of(context, "", "60M", "--strict")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(line.endswith("  kept") for line in lines.values()) and len(lines) == 2, lines
    assert all(t["kept"] and t["limit_kept"] and t["missed_ns"] == 0 for t in tenants.values()), tenants
    done, lines, tenants = tenants_of(context, "", "90M", "--strict")
    assert done.returncode == 3 and "GUARANTEE MISSED" not in done.stdout.split("  tenant  ")[0], done.stdout
    assert "GUARANTEE MISSED" in lines["lab"], lines
    assert not tenants["lab"]["kept"] and not tenants["lab"]["guarantee_kept"] and tenants["lab"]["limit_kept"], tenants
    assert tenants["lab"]["missed_ns"] > 0.1e9, tenants
    # In packets: 60 Mb/s are 5 kp/s, and the core carries 4.
    done, lines, tenants = tenants_of(context, "packet_capacity = 4k\n", "60M", "--strict")
    assert done.returncode == 3 and "GUARANTEE MISSED" in lines["lab"], done.stdout
    # Its limit is that of each time: 50 Mb/s, then 90.
    done, lines, tenants = tenants_of(context, "", "10M", "--strict", more="[change more]\nat = 60ms\ntenant = shop\ntx.max_bps = 90M\ntx.weight = 9\n")
    assert done.returncode == 0 and tenants["shop"]["got"]["bps"] > 70e6 and tenants["shop"]["limit_kept"], done.stdout + str(tenants)


# Fails if a key of weir's own config is one too many for weir-sim, or where nothing tells the uplink's rate.
@test("weir-sim plays every ready config as it stands, with the uplink's rate from the command line where the file has none",
      slow=True, timeout_s=60)
def as_they_are(context):
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../config")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".conf") and name != "load.conf")   # that one takes 10 s
    assert len(names) > 5, names
    for name in names:
        done = sim(context, os.path.join(folder, name), "--uplink-rate", "25G", "--quiet")
        assert done.returncode == 0, "%s: %s" % (name, done.stderr)
    path = os.path.join(context.folder, "tenants.json")
    done = sim(context, os.path.join(folder, "tenants.conf"), "--uplink-rate", "10G", "--json", path)
    with open(path) as f:
        got = {t["name"]: t["got"]["bps"] / 1e9 for t in json.load(f)["tenants"]}
    assert {name: round(bps, 3) for name, bps in got.items()} == {"gold": 7.5, "gold_web": 3.0, "bronze": 2.5}, got
    assert re.search(r"gold_web +2 +- +3G .* 3.000G", done.stdout), done.stdout
    done = sim(context, os.path.join(folder, "urgent-storage.conf"), "--quiet")
    assert done.returncode == 1 and "--uplink-rate" in done.stderr, done.stderr
    done = sim(context, os.path.join(folder, "urgent-storage.conf"), "--uplink-rate", "25x")
    assert done.returncode == 1 and "wanted bits per second" in done.stderr, done.stderr


# Fails if a VF that gets anything counts as served.
@test("weir-sim --strict fails when a VF's ring, full of one [traffic], takes nothing of another")
def shut_out(context):
    voice = "[traffic voice]\nfrom = vm2\nrate = 5M\nsize = 200\ndscp = EF\n"
    bulk = "[traffic bulk]\nfrom = vm2\nrate = %s\n"
    done = sim(context, written(context, "shut.conf", GOOD + bulk % "max" + voice), "--strict")
    assert done.returncode == 3 and "[traffic voice] of vm2 is shut out" in done.stdout, done.stdout + done.stderr
    done = sim(context, written(context, "open.conf", GOOD + bulk % "20M" + voice), "--strict")
    assert done.returncode == 0 and "shut out" not in done.stdout, done.stdout + done.stderr


@test("weir-sim stops a run whose time stands still, and says what it saw")
def stands_still(context):
    text = GOOD.replace("tx.max_bps = 50M\n", "").replace("200ms", "200ms\nturn = 0ns")
    done = sim(context, written(context, "still.conf", text + "[traffic t]\nfrom = vm1\nto = vm2\nrate = max\n"))
    assert done.returncode == 2 and "time stands still" in done.stderr and "[port a]" in done.stderr, done.stderr


def on_a_terminal(command):
    """-> all that a program writes to a terminal that is its stderr, and its exit code."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    said = b""
    try:
        while True:
            said += os.read(ours, 65536)
    except OSError:         # EIO: the other end is closed
        return said.decode(), child.wait(timeout=60)
    finally:
        os.close(ours)
        child.kill()


# Broken by: part = 1 in show_progress(); a bar that is not wiped; one that is drawn for --quiet.
@test("weir-sim shows on a terminal how far it is: virtual time that grows, events a second, and nothing of it afterwards", timeout_s=120)
def progress(context):
    text = GOOD.replace("200ms", "1500ms\nturn = 500ns") + TRAFFIC
    binary, scenario = os.path.join(build_of(context), "app", "weir-sim", "weir-sim"), written(context, "long.conf", text)
    said, code = on_a_terminal([binary, scenario])
    shown = [(len(bar), float(at_s), float(rate)) for bar, at_s, rate in
             re.findall(r"\r\[(#*) *\] ([\d.]+) of 1\.500 s, ([\d.]+) M events/s", said)]
    assert code == 0 and len(shown) >= 2, said
    for (bar, at_s, rate), (_, later_s, _) in zip(shown, shown[1:] + [(30, 1.5, 1)]):
        assert at_s < later_s and 0 <= at_s / 1.5 * 30 - bar + 0.02 <= 1.04 and rate > 0, shown      # at_s is rounded
    assert said.endswith("\r\x1b[K"), said[-40:]
    assert on_a_terminal([binary, scenario, "--quiet"]) == ("", 0)
    assert sim(context, scenario).stderr == ""      # no terminal


# Broken by: is_greedy() that is so whoever reads the ring: no end of packets to drop, 258 M events for one of them.
@test("weir-sim ends with senders that nothing holds: they send as fast as their line")
def unheld(context):
    text = GOOD.replace("tx.min_bps = 70M", "tx.max_bps = 10M\nwhen_full = drop")
    path = os.path.join(context.folder, "unheld.json")
    done = sim(context, written(context, "unheld.conf", text + TRAFFIC), "--json", path)
    assert done.returncode == 0, done.stderr
    with open(path) as f:
        out = json.load(f)
    assert abs(out["vfs"][0]["offered"]["bps"] - 100e6) < 1e6 and out["events"] < 1e6, (out["vfs"][0]["offered"], out["events"])


LOSSES = GOOD.replace("tx.min_bps = 70M", "tx.max_bps = 70M\nwhen_full = drop\ndscp_map = m").replace("tx.max_bps = 50M", "rx.max_bps = 20M") + """
[dscp m]
AF41 = high
AF43 = high high
default = low
[traffic h]
from = vm1
rate = 60M
dscp = AF41
[traffic h3]
from = vm1
rate = 60M
dscp = AF43
[traffic l]
from = vm1
rate = 60M
ecn = ect0
[traffic r]
from = pf
to = vm2
rate = 40M
[bottleneck]
rate = 50M
buffer = 100k
mark_above = 20k
"""


# Broken by: rim_dropped() that counts at tx whatever it is told; sample_losses() that keeps what it saw first.
@test("weir-sim tells drops and marks by VF, class and reason, alike in its table, JSON and CSV")
def losses(context):
    path = os.path.join(context.folder, "loss")
    done = sim(context, written(context, "loss.conf", LOSSES), "--json", path + ".json", "--csv", path + ".csv")
    assert done.returncode == 0, done.stderr
    with open(path + ".json") as f:
        vfs = {(vf["name"], vf["direction"]): vf for vf in json.load(f)["vfs"]}
    with open(path + ".csv") as f:
        rows = [row for row in csv.DictReader(f) if float(row["time_s"]) > 0.02 + 1e-9]     # after the warm-up
    vm1, vm2 = vfs["vm1", "tx"], vfs["vm2", "rx"]
    assert set(vm2["drops"]) == {"receiver_limit"} and {"queue_full", "pushed_out"} <= set(vm1["drops"]), (vm1["drops"], vm2["drops"])
    assert vm1["switch_dropped"] > 0 and vm1["marked_by"]["switch"] > 0 and vm1["marked_by"]["weir"] > 0, vm1
    for vf in vm1, vm2:
        for reason, n in vf["drops"].items():       # weir's own counters are the sum of what was seen of each class
            assert n == sum(one["drops"].get(reason, 0) for one in vf["classes"]), (reason, vf)
        assert vf["switch_dropped"] == sum(one["switch_dropped"] for one in vf["classes"]), vf
        assert vf["marked"] == sum(one["marked"] for one in vf["classes"]), vf
        told = {one: 0 for one in list(vf["drops"]) + ["switch"]}
        for row in rows:
            if (row["vf"], row["direction"]) == (vf["name"], vf["direction"]):
                for reason, n in (item.split("=") for item in row["drops"].split()):
                    told[reason] += int(n)
        assert told == {**vf["drops"], "switch": vf["switch_dropped"]}, (told, vf)
        for one in vf["classes"]:
            seen = sum(float(row[one["class"] + "_marked_pps"]) * 0.002 for row in rows if (row["vf"], row["direction"]) == (vf["name"], vf["direction"]))
            assert abs(seen - sum(one["marked_by"].values())) < 1, (seen, one)
            for reason, n in one["drops"].items():
                assert re.search(rf"{vf['name']} +{vf['direction']} +{one['class']} +dropped +{n}  {reason}: ", done.stdout), done.stdout


def pcap(frames, link=1, cut=0):
    """-> a pcap file of (time_us, bytes of a frame)."""
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, link)
    for at_us, frame in frames:
        out += struct.pack("<IIII", at_us // 1000000, at_us % 1000000, len(frame), len(frame)) + frame
    return out[:len(out) - cut] if cut else out


def frame(size, dscp, macs=bytes(12), udp_port=0):
    ip = b"\x45" + bytes([dscp << 2]) + bytes(7) + b"\x11" + bytes(10) + struct.pack(">HH", 9, udp_port)
    return (macs + b"\x08\x00" + ip + bytes(size))[:size]


# Broken by: sample_one() taking class_bytes[0] for every class.
@test("weir-sim plays a pcap: its sizes, times and DSCP")
def trace(context):
    written(context, "t.pcap", pcap([(i * 1000, frame(100 + i, 46 if i % 2 else 0)) for i in range(100)]))
    scenario = written(context, "t.conf", GOOD + "[traffic t]\nkind = trace\nfrom = vm1\nfile = t.pcap\n")
    path = os.path.join(context.folder, "t.json")
    done = sim(context, scenario, "--json", path, "--csv", path + ".csv")
    assert done.returncode == 0, done.stderr
    with open(path) as f:
        vm1 = json.load(f)["vfs"][0]
    assert vm1["offered"]["bps"] > 0 and vm1["kept"], vm1
    with open(path + ".csv") as f:
        rows = [r for r in csv.DictReader(f) if r["vf"] == "vm1" and r["direction"] == "tx"]
    total = sum(float(r["got_bps"]) * 0.002 / 8 for r in rows)
    assert abs(total - sum(100 + i for i in range(100))) < 1, total
    for name, first in (("urgent", 101), ("medium", 100)):      # a class's column is its own
        part = sum(float(r[name + "_bps"]) * 0.002 / 8 for r in rows)
        assert abs(part - sum(range(first, 200, 2))) < 1, "%s: %s" % (name, part)
    assert not any(float(r["high_bps"]) or r["quality"] for r in rows), rows[0]
    classes = {c["class"] for c in vm1["classes"]}
    assert classes == {"urgent", "medium"}, vm1["classes"]


# Broken by: add() that refuses every step back, or that measures them from the packet before instead of the latest.
@test("weir-sim plays a pcap whose packets are up to 1 ms out of order, as of one moment")
def trace_back(context):
    for name, times, status in (("little", (1000, 0, 1000, 500, 2000), 0), ("drift", (2000, 1400, 800), 1)):
        written(context, name + ".pcap", pcap([(at_us, frame(100, 0)) for at_us in times]))
        path = os.path.join(context.folder, name + ".csv")
        text = "[traffic t]\nkind = trace\nfrom = vm1\nfile = %s.pcap\n" % name
        done = sim(context, written(context, name + ".conf", GOOD + text), "--csv", path)
        assert done.returncode == status and ("packet 3 is more than 1 ms earlier" in done.stderr) == bool(status), done.stderr
        if status == 0:
            with open(path) as f:
                total = sum(float(r["got_bps"]) * 0.002 / 8 for r in csv.DictReader(f) if r["vf"] == "vm1" and r["direction"] == "tx")
            assert abs(total - 500) < 1, total


# Broken by: is_of_pair() that looks at the receiver alone; read_ip() that leaves the ports out.
@test("weir-sim plays a pcap by its MACs: each VF sends what was its own, and marking rules see its headers")
def trace_by_mac(context):
    macs = {name: bytes.fromhex(f"0200000000{last}") for name, last in (("vm1", "01"), ("vm2", "02"), ("out", "99"))}
    pairs = [("vm1", "out", 53), ("vm1", "vm2", 80), ("vm2", "out", 80), ("out", "vm1", 80), ("out", "out", 80)]
    frames = [(i * 100, frame(100 + 100 * (i % 5), 0, macs[to] + macs[by], port)) for i in range(1000) for by, to, port in [pairs[i % 5]]]
    written(context, "m.pcap", pcap(frames))
    path = os.path.join(context.folder, "m.json")
    head = GOOD.replace("200ms", "200ms\nwarmup = 0s") + "[mark dns]\nvf = vm1\nprotocol = udp\ndst_port = 53\nset = EF\n"
    text = "[traffic t]\nkind = trace\nfile = m.pcap\nby_mac = yes\n"
    done = sim(context, written(context, "m.conf", head + text + "from = pf, vm1, vm2\nto = pf, vm1, vm2\n"), "--json", path)
    assert done.returncode == 0, done.stderr
    with open(path) as f:
        vfs = {(vf["name"], vf["direction"]): vf for vf in json.load(f)["vfs"]}
    sent = {key: round(vf["offered"]["pps"] * 0.2) for key, vf in vfs.items()}
    assert sent == {("vm1", "tx"): 400, ("vm2", "tx"): 200, ("vm1", "rx"): 200, ("vm2", "rx"): 200}, sent
    assert round(vfs["vm1", "tx"]["offered"]["bps"] * 0.2 / 8) == 200 * (100 + 200), vfs["vm1", "tx"]["offered"]
    classes = {one["class"]: round(one["pps"] * 0.2) for one in vfs["vm1", "tx"]["classes"]}
    assert classes == {"urgent": 200, "medium": 200}, classes


@test("weir-sim refuses a foreign or truncated pcap, and names the packet")
def bad_traces(context):
    three = [(i, frame(100, 0)) for i in range(3)]
    for name, data, wanted in (("cut", pcap(three, cut=40), "packet 3: truncated"), ("wifi", pcap(three, link=105), "EN10MB"),
                               ("text", b"not a pcap at all, but text", "unknown file format"), ("none", pcap([]), "no packet"),
                               ("short", pcap([(0, bytes(60)), (1, bytes(5))]), "packet 2 has 5 bytes"),
                               ("back", pcap([(1001, bytes(60)), (0, bytes(60))]), "packet 2 is more than 1 ms earlier than one before it: wanted packets in order of time, as reordercap")):
        written(context, name + ".pcap", data)
        scenario = written(context, name + ".conf", GOOD + "[traffic t]\nkind = trace\nfrom = vm1\nfile = %s.pcap\n" % name)
        done = sim(context, scenario)
        assert done.returncode == 1, "%s: %d" % (name, done.returncode)
        assert "%s.conf:17: [traffic t]" % name in done.stderr and wanted in done.stderr, "%s: %s" % (name, done.stderr)
    written(context, "others.pcap", pcap([(i, frame(100, 0, bytes([2, 0, 0, 0, 0, 0x98] * 2))) for i in range(3)]))
    text = "[traffic t]\nkind = trace\nby_mac = yes\nfrom = vm1, vm2\nto = pf\nfile = others.pcap\n"
    done = sim(context, written(context, "others.conf", GOOD + text))
    assert done.returncode == 1 and "none of its 3 packets" in done.stderr, done.stderr
    done = sim(context, written(context, "others.conf", GOOD + text.replace("vm1, vm2", "pf").replace("to = pf", "to = vm1")))
    assert done.returncode == 1 and "none of its 3 packets" in done.stderr, done.stderr


def script(context, name, *options, seconds=60):
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    binary = os.path.join(build_of(context), "app", "weir-sim", "weir-sim")
    return subprocess.run([os.path.join(root, "scripts", name), "--sim", binary, *options], capture_output=True, text=True,
                          timeout=seconds)


@test("scripts/reproduce plays a paper's figure, judges it, and writes a page and rows", timeout_s=90)
def reproduce(context):
    rows, out = os.path.join(context.folder, "rows.json"), os.path.join(context.folder, "page")
    done = script(context, "reproduce", "classes", "--no-pictures", "--json", rows, "--out", out, seconds=80)
    assert done.returncode == 0, done.stderr
    with open(rows) as f:
        row, = json.load(f)
    assert {"paper", "figure", "case", "theirs", "ours", "bar", "met"} <= set(row), row
    assert row["met"] is True and row["paper"] == "D", row
    with open(os.path.join(out, "index.html")) as f:
        assert row["ours"] in f.read()


# Breaks where a [change] is not made, or a payment leaves the order as it was (set_sender()).
@test("DBA-VM's and DAQS's stories, a payment that changes among them, are kept to the paper's figures and better", timeout_s=120,
      slow=True)
def stories(context):
    rows, out = os.path.join(context.folder, "rows.json"), os.path.join(context.folder, "page")
    done = script(context, "reproduce", "dba1", "dba2", "dba-delay", "daqs", "daqs-joining", "payments", "static", "--no-pictures",
                  "--json", rows, "--out", out, seconds=110)
    with open(rows) as f:
        missed = [row for row in json.load(f) if not row["met"]]
    assert done.returncode == 0 and not missed, missed


SHIPPED = {     # Mb/s when all send: fair shares; 4:2:1 above what backup was promised; guarantees that fill the link
    "fair-share": {"vm1": 333.3, "vm2": 333.3, "vm3": 333.3},
    "paid-weights": {"gold": 5685.7, "silver": 2842.9, "bronze": 1421.4, "backup": 50},
    "three-vms": {"vm1": 150, "vm2": 700, "vm3": 150},
}


@test("the ready configs for fair shares, payments and guarantees give each VM what their first lines say")
def shipped(context):
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    path = os.path.join(context.folder, "shipped.json")
    for name, wanted in SHIPPED.items():
        done = sim(context, os.path.join(root, "config", name + ".conf"), "--json", path, "--quiet")
        assert done.returncode == 0, done.stderr
        with open(path) as f:
            got = {vf["name"]: vf["got"]["bps"] / 1e6 for vf in json.load(f)["vfs"] if vf["direction"] == "tx"}
        assert got.keys() == wanted.keys() and all(abs(got[vf] / wanted[vf] - 1) < 0.001 for vf in wanted), (name, got)


@test("scripts/reproduce refuses a figure it does not know, and tells of a scenario that could not be played")
def reproduce_bad(context):
    done = script(context, "reproduce", "fig99", "--out", context.folder)
    assert done.returncode == 2 and "fig99: no such figure" in done.stderr, done.stderr
    done = script(context, "reproduce", "classes", "--out", context.folder, "--sim", "/nonexistent")
    assert done.returncode == 2 and "classes-100g" in done.stderr, done.stderr


@test("scripts/simscale plays few VFs and many on one load, and tells what an event costs", timeout_s=90)
def simscale(context):
    path = os.path.join(context.folder, "scale.json")
    done = script(context, "simscale", "--vfs", "5,50", "--json", path)
    assert done.returncode in (0, 1), done.stderr     # how fast is no test's to say
    with open(path) as f:
        rows = json.load(f)["rows"]
    assert [row["vfs"] for row in rows] == [5, 50], rows
    for row in rows:
        assert abs(row["utilization_pct"] - 90) < 1 and row["not_kept"] == 0 and row["ns_per_event"] > 0, row


@test("weir-sim tells what a switch beyond the uplink carried of each VF, and that a guarantee does not bind there")
def beyond(context):
    scenario = written(context, "beyond.conf", GOOD + TRAFFIC + "[bottleneck]\nrate = 50M\n")
    path = os.path.join(context.folder, "beyond.json")
    done = sim(context, scenario, "--json", path)
    rows = dict(re.findall(r"^  (vm\d) +[\d.]+M +([\d.]+)M\b", done.stdout, re.M))
    with open(path) as f:
        carried = {vf["name"]: vf["carried_bps"] / 1e6 for vf in json.load(f)["vfs"] if vf["direction"] == "tx"}
    assert rows and all(abs(float(rows[vf]) - carried[vf]) < 0.06 for vf in carried), (rows, carried)
    assert re.search(r"^  vm1 +70\.0\dM +\S+ +less than its guarantee", done.stdout, re.M), done.stdout
