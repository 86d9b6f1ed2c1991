# SPDX-License-Identifier: BSD-3-Clause
"""What /weir/why says of real traffic: what holds a VF now, and how long its packets wait now, not since the start."""

import re

from harness.blast import Blast
from harness.frames import OUTSIDE, udp4
from harness.suite import test
from harness.view import wait_until, weirctl
from rigs import Cables, mac

CABLES = ["pf", "a", "b"]
VFS = {"a": ("a", 0x0a, ["tx.max_bps = 5M"]), "b": ("b", 0x0b, ["tx.max_pps = 1k", "tx.min_bps = 100M"])}
A, B = (mac(VFS[n][1]) for n in ("a", "b"))


class Why(Cables):
    """One VM that is held in bits, one in packets."""

    cables, vfs = CABLES, VFS


def lines(rig, vf, ms=300):
    answer = rig.ask("/weir/why,%s,%d" % (vf, ms))
    assert "error" not in answer and answer["span_ns"] >= ms * 10**6, answer
    return "".join(line[:-1] if line.endswith("\\") else line + "\n" for line in answer["lines"])


@test("/weir/why and weirctl why tell what holds a VF, and forget what was before", Why, retry=True)
def held_then_not(rig):
    with Blast(rig.net, "a", [udp4(OUTSIDE, A, size=1000)], 3000), Blast(rig.net, "b", [udp4(OUTSIDE, B, size=100)], 5000):
        lines(rig, "a", 500)    # until it is held
        bits, packets, said = lines(rig, "a"), lines(rig, "b"), weirctl(rig, "why", "a").stdout
    assert re.search(r"held by bps \(for [0-9.]+ s now\): its own limit in bits", bits) and "packets wait inside weir now" in bits, bits
    assert re.search(r"held by pps \(for [0-9.]+ s now\): its own limit in packets", packets) and "medium" in packets, packets
    assert "held by bps" in said and "over the last 1.0" in said, said
    wait_until(lambda: "packets wait" not in lines(rig, "a") and "delay" not in lines(rig, "a"), "its ring empty", 10)
    after = lines(rig, "a")
    assert "nothing holds it: its guest sends no more than this" in after and "delay" not in after, after


@test("/weir/why refuses what it cannot answer, and weirctl why what it does not know", Why)
def refused(rig):
    for request in ("/weir/why", "/weir/why,nobody", "/weir/why,a,9", "/weir/why,a,1001", "/weir/why,a,x", "/weir/why,a,100,1"):
        assert {"error", "wanted"} <= set(rig.ask(request)), request
    bad = weirctl(rig, "why", "nobody", check=False)
    assert bad.returncode == 1 and "wanted one of a, b" in bad.stderr, bad.stderr
    bad = weirctl(rig, "why", "a", "--seconds", "3", check=False)
    assert bad.returncode == 2 and "wanted seconds" in bad.stderr, bad.stderr


@test("weirctl show pf tells the uplink's rate, its use, its drops and the sum of guarantees", Why, retry=True)
def uplink(rig):
    with Blast(rig.net, "a", [udp4(OUTSIDE, A, size=1000)], 3000):
        rig.net.settle(timeout_s=1.5)
        pf, said = rig.ask("/weir/pf"), weirctl(rig, "show", "pf").stdout
    assert pf["link_bps"] == 10**9 and pf["guaranteed_bps"] == 10**8 and pf["guaranteed_pps"] == 1000, pf
    assert abs(pf["link_used_bps_1s"] - 5e6) < 1.5e6, pf["link_used_bps_1s"]
    assert "link 1,000.00 Mb/s" in said and "guaranteed     100.00 Mb/s, 10.0 %" in said and "% of the link" in said, said
