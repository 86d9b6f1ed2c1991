# SPDX-License-Identifier: BSD-3-Clause
"""What a VM may not do to others: pretend, and shout."""

from harness.blast import Blast, measure
from harness.frames import BROADCAST, MULTICAST, NOBODY, OUTSIDE, numbered
from harness.suite import test
from rigs import Main, mac

A, B, L, N = (mac(Main.vfs[n][1]) for n in ("a", "b", "l", "n"))
SHOUTS_PPS = 200    # the limit of VF l


@test("a frame with another's source MAC is dropped as spoof, wherever it wants to go", Main, split=True)
def spoof(rig):
    frames = [numbered(dst, src, i) for i, (dst, src) in enumerate(
        [(OUTSIDE, B), (B, OUTSIDE), (BROADCAST, NOBODY), (MULTICAST, B), (B, B), (NOBODY, OUTSIDE)])]
    with rig.drops("a", "spoof", len(frames)):
        rig.net["a"].send(*frames)
        rig.net.expect({})


@test("a group address is nobody's source", Main)
def group_source(rig):
    for vf in ("a", "n"):   # n may bridge other stations, but a group is none
        with rig.drops(vf, "spoof", 2):
            rig.net[vf].send(numbered(OUTSIDE, BROADCAST, 0), numbered(OUTSIDE, "03:00:00:00:00:0a", 1))
            rig.net.expect({})


@test("a VF's own MAC coming in from the PF is dropped as spoof: a loop, or a lie", Main)
def spoof_from_pf(rig):
    with rig.drops("pf", "spoof", 2):
        rig.net["pf"].send(numbered(B, A, 0), numbered(BROADCAST, A, 1))
        rig.net.expect({})


@test("on a shared port another port's VF cannot be played", Main)
def spoof_on_shared(rig):
    with rig.drops("nobody", "spoof", 2):
        rig.net["s"].send(numbered(OUTSIDE, A, 0), numbered(B, A, 1))
        rig.net.expect({})


@test("after a spoofed frame the VF's own frames still pass", Main)
def spoof_then_own(rig):
    own = numbered(OUTSIDE, A, 1)
    with rig.drops("a", "spoof", 1):
        rig.net["a"].send(numbered(OUTSIDE, B, 0), own)
        rig.net.expect({"pf": [own]})


@test("with antispoof = no a VF may bridge other MACs", Main)
def may_spoof(rig):
    frame = numbered(OUTSIDE, NOBODY, 0)
    rig.net["n"].send(frame)
    rig.net.expect({"pf": [frame]})


@test("a VF's broadcasts are held to broadcast_pps, and the rest counted as broadcast_limit", Main, split=True,
      retry=True)
def broadcast_limit(rig):
    seconds = 1.5
    drops = rig.drop_count("l", "broadcast_limit")
    with Blast(rig.net, "l", [numbered(BROADCAST, L, 0)], 2000):
        rates = measure(rig, seconds)
        dropped = rig.drop_count("l", "broadcast_limit") - drops
    rates.check_offered("l", 1800)
    for name in ("pf", "a", "b"):
        rates.check("broadcasts/s at " + name, rates[name].pps, SHOUTS_PPS, tolerance=0.03)
    assert dropped > 1500 * seconds, "only %d counted as broadcast_limit" % dropped


@test("unicast is not touched by the broadcast limit", Main)
def unicast_beside(rig):
    frames = [numbered(OUTSIDE, L, i) for i in range(600)]
    rig.net["l"].send(*frames)
    rig.net.expect({"pf": frames}, timeout_s=4)
