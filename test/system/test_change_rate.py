# SPDX-License-Identifier: BSD-3-Clause
"""Changes as fast as four clients can, each with one request on its way, while packets flow."""
import os
import time

from harness.frames import OUTSIDE, numbered
from harness.net import die_with_parent
from harness.process import Telemetry
from harness.suite import test
from rigs import mac, sections, vdevs_of

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
