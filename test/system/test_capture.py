# SPDX-License-Identifier: BSD-3-Clause
"""Captures of real traffic: the file has exactly what it is to have, and nobody's traffic notices."""

import json
import os
import shutil
import struct
import subprocess
import threading
import time

from harness import hugepages
from harness.blast import Blast, measure
from harness.frames import OUTSIDE, numbered, udp4
from harness.process import Process, Telemetry
from harness.suite import Skip, test
from harness.view import wait_until, weirctl
from rigs import Changeable, mac, sections, vdevs_of

CABLES = ["pf", "a", "b", "slow", "t"]
VFS = {
    "a": ("a", 0x0a, []),
    "b": ("b", 0x0b, ["tx.max_pps = 500"]),
    "slow": ("slow", 0x0c, ["rx.max_bps = 1M", "receive_queue = 32"]),
    "t": ("t", 0x0d, ["vlan = 7"]),
}
A, B, SLOW, T = (mac(VFS[n][1]) for n in ("a", "b", "slow", "t"))


class Capturing(Changeable):
    """VMs without bounds, with a limit, behind a limit, and in a VLAN."""

    cables, vfs = CABLES, VFS


class Closed(Capturing):
    """The same without --allow-set."""

    more = []


def read(path):
    """-> [(seconds, frame, whole length)], by hand; fails where anything is not whole."""
    with open(path, "rb") as f:
        data = f.read()
    magic, _, _, _, _, _, link = struct.unpack_from("=IHHiIII", data)
    assert (magic, link) == (0xa1b23c4d, 1), "no pcap of Ethernet with ns: %x, %d" % (magic, link)
    packets, at = [], 24
    while at < len(data):
        s, ns, kept, whole = struct.unpack_from("=IIII", data, at)
        assert at + 16 + kept <= len(data), "the last packet is cut"
        packets.append((s + ns / 1e9, data[at + 16:at + 16 + kept], whole))
        at += 16 + kept
    return packets


def frames_of(path):
    return [frame for _, frame, _ in read(path)]


def fresh(rig, name="x.pcap"):
    path = os.path.join(rig.context.folder, name)
    if os.path.exists(path):
        os.unlink(path)
    return path


def start(rig, vf, path, *terms):
    answer = rig.ask("/weir/capture/start,%s,%s" % (vf, ",".join(["file=" + path, *terms])))
    assert "error" not in answer and answer["runs"] == 1, answer
    return answer["id"]


def look(rig, number):
    return rig.ask("/weir/capture/list")["captures"][str(number)]


def stop(rig, number):
    answer = rig.ask("/weir/capture/stop,%d" % number)
    assert "error" not in answer and answer["runs"] == 0, answer
    return answer


def send(rig, cable, frames, to, n=None):
    """Sends them, and takes as many in; -> what came."""
    for frame in frames:
        rig.net[cable].send(frame)
    n = len(frames) if n is None else n
    return rig.net.collect(lambda g: len(g[to]) >= n, timeout_s=3)[to]


@test("a capture has exactly the packets that a VM sent and was sent, byte for byte, with the time of the wall clock", Capturing,
      split=True)
def whole(rig):
    path, before = fresh(rig), time.time()
    number = start(rig, "a", path)
    sent = [numbered(OUTSIDE, A, i, size=60 + 37 * i) for i in range(38)] + [udp4(B, A, i, size=1514) for i in range(3)]
    assert sorted(send(rig, "a", sent[:38], "pf")) == sorted(sent[:38])
    send(rig, "a", sent[38:], "b")
    to_a = [numbered(A, OUTSIDE, 100 + i, size=200 + i) for i in range(20)]
    assert send(rig, "pf", to_a, "a") == to_a
    send(rig, "b", [numbered(OUTSIDE, B, 7)], "pf")     # nothing of a's
    ended, after = stop(rig, number), time.time()
    assert ended["pkts"] == 61 and ended["missed_pkts"] == 0 and ended["bytes"] == os.path.getsize(path), ended
    got = frames_of(path)
    assert [f for f in got if f[6:12] == sent[0][6:12]] == sent, "what it sent"
    assert [f for f in got if f[:6] == sent[0][6:12]] == to_a, "what it was sent"
    assert all(before - 0.1 <= at <= after + 0.1 for at, _, _ in read(path)), "times"
    assert os.stat(path).st_mode & 0o777 == 0o600
    said = subprocess.run(["tcpdump", "--count", "-nr", path], capture_output=True, text=True, timeout=20)
    assert said.returncode == 0 and said.stdout.startswith("61 packets"), said


@test("tx or rx alone, as it was read and as it leaves; so many packets, and so many bytes of each", Capturing, split=True)
def bounded(rig):
    tx, rx, short = fresh(rig, "tx"), fresh(rig, "rx"), fresh(rig, "short")
    numbers = [start(rig, "t", tx, "dir=tx", "packets=5"), start(rig, "t", rx, "dir=rx"),
               start(rig, "pf", short, "dir=rx", "snap=60", "packets=7")]
    sent = [numbered(OUTSIDE, T, i, size=1000) for i in range(9)]
    left = send(rig, "t", sent, "pf")
    assert len(left) == 9 and left[0][12:16] == b"\x81\0\0\7", "a tag is pushed: %s" % left[0][:20].hex()
    back = numbered(T, OUTSIDE, 77, tags=(b"\x81\0\0\7",), size=900)
    assert len(send(rig, "pf", [back], "t")) == 1
    wait_until(lambda: not look(rig, numbers[0])["runs"] and not look(rig, numbers[2])["runs"], "both have their packets")
    stop(rig, numbers[1])
    assert look(rig, numbers[0])["state"] == "its packets are there"
    assert frames_of(tx) == sent[:5], "without the tag, as the VM sent it"
    assert frames_of(rx) == [back[:12] + back[16:]], "without the tag, as the VM gets it"
    assert [(f, n) for _, f, n in read(short)] == [(f[:60], 1004) for f in left[:7]]


@test("a capture of drops has what is dropped for that reason, and nothing else", Capturing, split=True)
def dropped(rig):
    spoofed, limited = fresh(rig, "spoof"), fresh(rig, "limit")
    numbers = [start(rig, "a", spoofed, "reason=spoof"), start(rig, "slow", limited, "reason=receiver_limit+receiver_slow")]
    bad = [numbered(OUTSIDE, "02:00:00:00:00:77", i) for i in range(6)]
    with rig.drops("a", "spoof", 6):
        send(rig, "a", [numbered(OUTSIDE, A, 1), *bad, numbered(OUTSIDE, A, 2)], "pf", 2)
    before = [rig.drop_count("slow", r, "rx") for r in ("receiver_limit", "receiver_slow")]
    burst = [numbered(SLOW, OUTSIDE, i, size=1000) for i in range(300)]
    rig.net["pf"].send(*burst)
    came = rig.net.collect(lambda g: False, timeout_s=1)["slow"]
    drops = sum(rig.drop_count("slow", r, "rx") for r in ("receiver_limit", "receiver_slow")) - sum(before)
    ended = [stop(rig, n) for n in numbers]
    assert frames_of(spoofed) == bad
    got = frames_of(limited)
    assert ended[1]["missed_pkts"] == 0 and len(got) == drops > 50, "%d in the file, %d counted" % (len(got), drops)
    assert not set(got) & set(came) and set(got) <= set(burst)
    assert len(got) + len(came) == 300


@test("a capture of what is delayed has what waited for longer, and nothing that did not", Capturing, split=True)
def delayed(rig):
    path = fresh(rig)
    number = start(rig, "b", path, "reason=delayed", "over=100ms")
    sent = [numbered(OUTSIDE, B, i, size=100) for i in range(120)]   # at 500 a second: the last one waits some 200 ms
    assert send(rig, "b", sent, "pf") == sent
    ended = stop(rig, number)
    got = frames_of(path)
    assert 20 <= len(got) <= 100 and got == sent[-len(got):], "%d of them, %s" % (len(got), ended)
    number = start(rig, "b", fresh(rig), "reason=delayed")
    assert send(rig, "b", sent[:1], "pf") == sent[:1]
    assert stop(rig, number)["pkts"] == 0


@test("a captured flood goes on as before, and what the file has and what was missed is all of it", Capturing,
      retry=True, timeout_s=60)
def flood(rig):
    frames = [udp4(OUTSIDE, A, size=1514)]
    with Blast(rig.net, "a", frames, 15000):
        alone = measure(rig, 1.0)
        path = fresh(rig)
        number = start(rig, "a", path, "packets=10M", "bytes=1G")
        before, since = rig.direction("a", "tx")["in_pkts"], look(rig, number)["pkts"]
        captured = measure(rig, 1.0)
        ended = stop(rig, number)
        after = rig.direction("a", "tx")["in_pkts"]
    alone.check_offered("a", 10000)
    captured.check("packets/s", captured["pf"].pps, captured["a"].sent_pps)
    all_pkts = ended["pkts"] + ended["missed_pkts"]
    assert since < all_pkts and all_pkts >= 0.9 * (after - before), (ended, after - before)
    assert len(read(path)) == ended["pkts"]


BAD = ["start", "start,", "start,nobody,file=/tmp/x", "start,a", "start,a,", "start,a,file=x", "start,a,file=/tmp/",
       "start,a,file=/nowhere/at/all/x", "start,a,file=/tmp", "start,a,file=%s,packets=0", "start,a,file=%s,packets=100M",
       "start,a,file=%s,packets=99999999999999999999", "start,a,file=%s,reason=bad_luck", "start,a,file=%s,over=5ms",
       "start,a,file=%s,colour=red", "start,a,file=%s,dir=up", "start,a,file=%s,snap=1", "start,a,file=%s,seconds=0",
       "start,pf,file=%s,reason=delayed", "start,a,file=%s,file=%s", "start,a,file=/dev/null,overwrite=yes", "stop", "stop,x", "stop,0",
       "stop,4000", "stop,1,2", "list,1", "start,nobody,packets=0,dir=up", "start,a,file=/proc/x"]


@test("what cannot be captured says why and what is wanted; no file comes, and none is changed", Capturing)
def bad(rig):
    path, there = fresh(rig, "capture_never"), fresh(rig, "capture_there")
    with open(there, "w") as f:
        f.write("precious")
    before = rig.ask("/weir/capture/list")
    for request in [*(b.replace("%s", path) for b in BAD), "start,a,file=" + there]:
        got = rig.ask("/weir/capture/" + request)
        assert got and {"error", "wanted"} <= set(got) <= {"error", "wanted", "reasons"}, "%s answers %s" % (request, got)
    assert "File exists" in rig.ask("/weir/capture/start,a,file=" + there)["error"]
    both = rig.ask("/weir/capture/start,nobody,packets=0,dir=up")["reasons"]
    assert len(both) >= 4, "not all mistakes at once: %s" % both
    assert rig.ask("/weir/capture/list")["total"] == before["total"] and not os.path.exists(path)
    with open(there) as f:
        assert f.read() == "precious"


@test("without --allow-set nothing is captured, and that there is nothing can be seen", Closed)
def closed(rig):
    for request in ("start,a,file=/tmp/x", "stop,1"):
        assert "--allow-set" in rig.ask("/weir/capture/" + request)["error"], request
    assert rig.ask("/weir/capture/list") == {"total": 0, "captures": {}}


@test("several operators capture at once, each his own packets; a fifth is told so", Capturing, split=True)
def at_once(rig):
    clients = [Telemetry(rig.weir.prefix) for _ in range(6)]
    answers = [None] * 6

    def operate(i):
        path = fresh(rig, "op%d" % i)
        answers[i] = clients[i].ask("/weir/capture/start,%s,file=%s,dir=tx" % ("ab"[i % 2], path))
    threads = [threading.Thread(target=operate, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    begun = {i: answer["id"] for i, answer in enumerate(answers) if "id" in answer}
    refused = [answer["error"] for answer in answers if "id" not in answer]
    assert len(begun) == 4 and len(set(begun.values())) == 4, answers
    assert all("4 captures run already" in error for error in refused), refused
    sent = {"a": [numbered(OUTSIDE, A, i) for i in range(10)], "b": [numbered(OUTSIDE, B, i) for i in range(5)]}
    for cable in "ab":
        send(rig, cable, sent[cable], "pf")
    for i, number in begun.items():
        stop(rig, number)
        assert frames_of(os.path.join(rig.context.folder, "op%d" % i)) == sent["ab"[i % 2]], i
    assert not any(os.path.exists(os.path.join(rig.context.folder, "op%d" % i)) for i in range(6) if i not in begun)


def send_when_captured(rig):
    client = Telemetry(rig.weir.prefix)
    wait_until(lambda: any(c["runs"] for c in client.ask("/weir/capture/list")["captures"].values()), "one runs", 10)
    client.close()
    rig.net["b"].send(numbered(OUTSIDE, B, 1))


@test("weirctl captures, waits, lists and stops; what it did is logged; its thread keeps off the data lcores", Capturing,
      timeout_s=60)
def by_hand(rig):
    path = fresh(rig, "by_hand.pcap")
    said = weirctl(rig, "capture", "start", "a", path, "packets", "3", "dir", "tx").stdout
    assert "it runs" in said and path in said and "0 of 3" in said, said
    for task in os.listdir("/proc/%d/task" % rig.weir.pid):
        with open("/proc/%d/task/%s/comm" % (rig.weir.pid, task)) as f:
            if f.read().strip() == "weir-capture":
                assert os.sched_getaffinity(int(task)) == {0}, "it may run where a data lcore does"
                break
    else:
        raise AssertionError("no thread weir-capture")
    send(rig, "a", [numbered(OUTSIDE, A, i) for i in range(4)], "pf")
    wait_until(lambda: "its packets are there" in weirctl(rig, "capture", "list").stdout, "it ends")
    listed = json.loads(weirctl(rig, "--json", "capture", "list").stdout)
    number = max(listed, key=int)
    assert listed[number]["pkts"] == 3 and listed[number]["file"] == [path], listed
    sender = threading.Thread(target=send_when_captured, args=(rig,))
    sender.start()
    waited = weirctl(rig, "capture", "start", "b", fresh(rig, "waited"), "packets", "1", "dir", "tx", "--wait")
    sender.join()
    assert "its packets are there" in waited.stdout and "1 of 1" in waited.stdout, waited.stdout
    assert "has begun; Ctrl-C, or weirctl capture stop" in waited.stderr, waited.stderr
    again = weirctl(rig, "capture", "start", "b", os.path.join(rig.context.folder, "waited"), check=False)
    assert again.returncode == 1 and "File exists" in again.stderr and "wanted another name" in again.stderr, again.stderr
    odd = weirctl(rig, "capture", "start", "b", "/tmp/x", "packets", check=False)
    assert odd.returncode == 2 and "packets has no value" in odd.stderr, odd.stderr
    weirctl(rig, "capture", "start", "b", fresh(rig, "stopped"))
    number = max(json.loads(weirctl(rig, "--json", "capture", "list").stdout), key=int)
    assert "it was stopped" in weirctl(rig, "capture", "stop", number).stdout
    log = rig.weir.output()
    assert "weir: capture %s start b: dir=both,reason=all" % number in log
    assert "weir: capture %s of b ended, it was stopped: 0 packets in " % number in log
    assert "receiver_limit" in weirctl(rig, "show", "drops").stdout


@test("on a full disk a capture ends with whole packets and says why; traffic goes on", Capturing)
def full_disk(rig):
    folder = os.path.join(rig.context.folder, "small")
    os.mkdir(folder)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, timeout=10).returncode:
        raise Skip("no tmpfs can be mounted here")
    try:
        path = os.path.join(folder, "x")
        number = start(rig, "a", path)
        sent = [numbered(OUTSIDE, A, i, size=1000) for i in range(100)]
        assert send(rig, "a", sent, "pf") == sent
        wait_until(lambda: not look(rig, number)["runs"], "it ends")
        ended = look(rig, number)
        assert ended["state"] == "it failed" and ended["failure"] == "No space left on device", ended
        got = frames_of(path)
        assert got == sent[:len(got)] and len(got) == ended["pkts"] and ended["bytes"] == os.path.getsize(path), ended
        answer = rig.ask("/weir/capture/start,a,file=" + os.path.join(folder, "y"))
        assert "id" in answer or "No space left" in answer["error"], answer
        if "id" in answer:
            stop(rig, answer["id"])
    finally:
        subprocess.run(["umount", folder], check=True, timeout=10)


# Fails without rte_pdump_init().
@test("dpdk-dumpcap beside weir has a port's packets, where there are huge pages", slow=True, timeout_s=60)
def by_dumpcap(context):
    if shutil.which("dpdk-dumpcap") is None:
        raise Skip("there is no dpdk-dumpcap")
    hugepages.reserve_shared(context, 300)
    net, weir = context.launch(CABLES, sections(CABLES, "1G", VFS), vdevs_of(CABLES), memory=())
    path, sent = os.path.join(context.folder, "dumpcap.pcap"), [numbered(OUTSIDE, A, i) for i in range(25)]
    dumpcap = Process(["dpdk-dumpcap", "--file-prefix=" + weir.prefix, "-i", "net_af_packet1", "-P", "-c", "25", "-w", path],
                      os.path.join(context.folder, "dumpcap.log")).start()
    context.defer(dumpcap.kill)
    wait_until(lambda: os.path.exists(path) or not dumpcap.is_running(), "its file", 15)
    assert dumpcap.is_running(), dumpcap.output()
    time.sleep(1)       # it asks weir for each queue after that
    net["a"].send(*sent)
    net.collect(lambda g: len(g["pf"]) >= 25, timeout_s=3)
    assert dumpcap.wait(10) == 0, dumpcap.output()
    with open(path, "rb") as f:
        data = f.read()
    at = [data.find(frame) for frame in sent]
    assert -1 not in at and at == sorted(at), at
    assert weir.stop() == 0


@test("a capture that runs when weir ends has its packets in its file")
def at_the_end(context):
    net, weir = context.launch(CABLES, sections(CABLES, "1G", VFS), vdevs_of(CABLES), more=["--allow-set"])
    path = os.path.join(context.folder, "end.pcap")
    assert "id" in weir.ask("/weir/capture/start,a,dir=tx,file=" + path)
    sent = [numbered(OUTSIDE, A, i) for i in range(25)]
    net["a"].send(*sent)
    net.collect(lambda g: len(g["pf"]) >= 25, timeout_s=3)
    assert weir.stop() == 0
    assert frames_of(path) == sent
    assert "ended, weir ended: 25 packets" in weir.output()
