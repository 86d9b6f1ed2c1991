# SPDX-License-Identifier: BSD-3-Clause
"""Changes as fast as four clients can, each with one request on its way, while packets flow."""
import json
import os
import struct
import subprocess
import sys
import time

from harness.frames import OUTSIDE, numbered
from harness.net import die_with_parent
from harness.process import Telemetry
from harness.suite import test
from rigs import mac, sections, vdevs_of

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts")
sys.path.insert(0, SCRIPTS)

from lib_weir import order  # noqa: E402

CABLES = ["pf", "a", "b", "c"]
VFS = {"a": ("a", 0x0a, ["tx.max_bps = 40M"]), "b": ("b", 0x0b, ["tx.max_bps = 40M"]),
       "c": ("c", 0x0c, ["tx.max_bps = 60M", "tx.min_bps = 60M"])}
A, C = mac(0x0a), mac(0x0c)
CLIENTS = 4


class Changers:
    """with Changers(prefix): clients change what a and b were sold, until the block ends."""

    def __init__(self, prefix):
        self.prefix, self.clients, self.made, self.refused = prefix, [], 0, 0

    def __enter__(self):
        for number in range(CLIENTS):
            stop, result = os.pipe(), os.pipe()
            pid = os.fork()
            if pid == 0:
                try:
                    self._child(number, stop[0], result[1])
                finally:
                    os._exit(0)
            os.close(stop[0])
            os.close(result[1])
            self.clients.append((pid, stop[1], result[0]))
        return self

    def _child(self, number, stop, result):
        die_with_parent()
        os.set_blocking(stop, False)
        link, made, refused = Telemetry(self.prefix), 0, 0
        while True:
            try:
                os.read(stop, 1)
                break
            except BlockingIOError:
                pass
            mbps = 12 + (37 * made + 11 * number) % 90
            answer = link.ask_raw("/weir/sla/set,%s,tx.max_bps=%dM;tx.min_bps=%dM;tx.weight=%d;tx.priority=%d" % (
                "ab"[number % 2], mbps, mbps // 3, 1 + made % 7, made % 3))
            made += 1
            refused += b'"error"' in answer
        os.write(result, b"%d %d" % (made, refused))

    def __exit__(self, *_):
        for _, stop, _ in self.clients:
            os.write(stop, b".")
            os.close(stop)
        for pid, _, result in self.clients:
            made, refused = os.read(result, 100).split()
            os.close(result)
            os.waitpid(pid, 0)
            self.made += int(made)
            self.refused += int(refused)


@test("four clients change terms as fast as they can: all are answered, no packet is lost or reordered",
      timeout_s=60, retry=True)
def as_fast_as_they_can(context):
    net, weir = context.launch(CABLES, sections(CABLES, "1G", VFS), vdevs_of(CABLES), more=["--allow-set"])
    sent, before = [], weir.ask("/weir/info")["changes"]
    start = time.monotonic()
    with Changers(weir.prefix) as changers:
        for i in range(3000):
            for name, address in (("a", A), ("c", C)):
                sent.append(numbered(OUTSIDE, address, i, size=200))
                net[name].send(sent[-1])
            if i % 5 == 4:
                time.sleep(0.002)       # 4 Mb/s each: below what anyone is held to
        got = net.collect(lambda g: len(g["pf"]) >= len(sent), timeout_s=10)["pf"]
    took_s = time.monotonic() - start
    for address in (A, C):
        source = bytes.fromhex(address.replace(":", ""))
        mine, theirs = ([f for f in frames if f[6:12] == source] for frames in (sent, got))
        assert theirs == mine, "%d of %d of %s arrived, %s" % (len(theirs), len(mine), address,
                                                             "in order" if theirs == sorted(theirs) else "reordered")
    assert changers.refused == 0, "%d of %d changes were refused" % (changers.refused, changers.made)
    assert weir.ask("/weir/info")["changes"] - before == changers.made > 100, changers.made
    for vf in VFS:
        drops = weir.ask("/weir/vf," + vf)["tx"]["drops"]
        assert not any(drops.values()), drops
    print("  %.0f changes a second, beside this test's own packets" % (changers.made / took_s))


def pcap_of(path, frames):
    """A capture as changebench makes it: (when in us, who, number, length), the head of each kept."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 24, 1))
        for when_us, source, number, length in frames:
            head = bytes(6) + bytes.fromhex(source.replace(":", "")) + bytes(6) + struct.pack("!H", number) + bytes(4)
            f.write(struct.pack("<IIII", when_us // 10**6, when_us % 10**6 * 1000, len(head), length) + head)


# Broken by: a number that is behind and stays counted as lost.
@test("what changebench says of a capture: nothing where all is in order, and every packet that is lost, reordered or too much")
def judged(context):
    path = os.path.join(context.folder, "order.pcap")
    limits = {bytes.fromhex(address.replace(":", "")): 8e6 for address in (A, C)}      # 1 byte a us
    steady = [(1000 * i, A, i % 250, 1000) for i in range(1000)] + [(1000 * i + 7, C, (i + 99) % 250, 500) for i in range(1000)]
    pcap_of(path, sorted(steady))
    for sender, most in zip(order.judge(path, 250, limits), (1000, 500)):
        assert (sender.pkts, sender.lost, sender.reordered) == (1000, 0, 0) and round(sender.most_above_bytes) == most, vars(sender)
    odd = [(1000 * i, A, n, 1000) for i, n in enumerate((0, 1, 4, 3, 5, 6))]        # 2 is lost, 3 came behind 4
    odd += [(10**7 + i, A, 7 + i, 1000) for i in range(20)]                           # 20 at once
    pcap_of(path, odd)
    sender = order.judge(path, 250, limits)[0]
    assert sender.reordered == 1 and sender.lost == 1 and 19000 < sender.most_above_bytes <= 20000, vars(sender)


@test("changebench: four clients change terms under full load; nothing is refused, dropped, lost or reordered", timeout_s=100)
def by_changebench(context):
    build = os.path.join(os.path.dirname(context.binary), "..", "..")
    rows_path = os.path.join(context.folder, "rows.json")
    run = subprocess.run([os.path.join(SCRIPTS, "changebench"), "--build", build, "--seconds", "3", "--quiet-seconds", "1", "--json",
                          rows_path], capture_output=True, text=True, timeout=80,
                         preexec_fn=lambda: os.sched_setaffinity(0, range(os.cpu_count())))     # this process is kept to one CPU
    assert run.returncode == 0, run.stdout + run.stderr
    with open(rows_path) as f:
        last = json.load(f)[-1]
    assert last["per_s"] > 10 and last["refused"] == last["dropped"] == 0, last
    assert last["lost"] in (0, None) and last["reordered"] in (0, None), last       # None: the disk kept no step
    context.note("%.0f changes a second, %s packets seen" % (last["per_s"], last["seen"]))
