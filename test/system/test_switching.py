# SPDX-License-Identifier: BSD-3-Clause
"""Where untagged frames go."""

from harness.frames import BROADCAST, LINK_LOCAL, MULTICAST, NOBODY, OUTSIDE, eth, numbered, udp4, udp6
from harness.suite import test
from rigs import Main, mac

A, B, S1, S2, M, N = (mac(Main.vfs[n][1]) for n in ("a", "b", "s1", "s2", "m", "n"))
UNTAGGED = ["a", "b", "s", "m", "l", "n"]   # the ports of VLAN 0, the PF apart


def three(dst, src):
    return [numbered(dst, src, i) for i in range(3)]


def all_sizes(dst, src):
    return [eth(dst, src, bytes(i * 7 & 255 for i in range(size - 14)), size=size)
            for size in (14, 15, 60, 61, 512, 1514)]


@test("a VF's frames reach the PF unchanged, at every size", Main, split=True)
def vf_to_pf(rig):
    frames = all_sizes(OUTSIDE, A)
    rig.net["a"].send(*frames)
    rig.net.expect({"pf": frames})


@test("the PF's frames reach the VF with that MAC, and nobody else", Main, split=True)
def pf_to_vf(rig):
    frames = all_sizes(B, OUTSIDE)
    rig.net["pf"].send(*frames)
    rig.net.expect({"b": frames})


@test("frames between two VFs go straight, and not to the PF", Main, split=True)
def vf_to_vf(rig):
    there, back = all_sizes(B, A), all_sizes(A, B)
    rig.net["a"].send(*there)
    rig.net["b"].send(*back)
    rig.net.expect({"a": back, "b": there})


@test("300 frames each way at once arrive in order", Main, split=True)
def many(rig):
    ways = [("a", A, "b", B), ("b", B, "a", A), ("pf", OUTSIDE, "n", N), ("n", N, "pf", OUTSIDE)]
    wanted = {to: [numbered(to_mac, from_mac, i) for i in range(300)] for _, from_mac, to, to_mac in ways}
    for i in range(300):
        for sender, _, to, _ in ways:
            rig.net[sender].send(wanted[to][i])
    rig.net.expect(wanted, timeout_s=5)


@test("IPv4 and IPv6 pass byte for byte", Main)
def ip(rig):
    frames = [udp4(OUTSIDE, A, 1, 46, 200), udp6(OUTSIDE, A, 2, 0, 200), udp4(OUTSIDE, A, 3, 63, 1514)]
    rig.net["a"].send(*frames)
    got = rig.net.collect(lambda g: len(g["pf"]) >= 3)
    assert sorted(got["pf"]) == sorted(frames), "the PF got other frames than were sent"


@test("unknown unicast of a VF goes to the PF only", Main, split=True)
def unknown_from_vf(rig):
    frames = three(NOBODY, A)
    rig.net["a"].send(*frames)
    rig.net.expect({"pf": frames})


@test("unknown unicast from the PF is dropped as unknown_dest", Main, split=True)
def unknown_from_pf(rig):
    with rig.drops("pf", "unknown_dest", 3):
        rig.net["pf"].send(*three(NOBODY, OUTSIDE))
        rig.net.expect({})


@test("link-local 01:80:C2:00:00:00..0F is never forwarded, by nobody", Main)
def link_local(rig):
    groups = [LINK_LOCAL[:-2] + "%02x" % i for i in range(16)]
    with rig.drops("a", "link_local", 16), rig.drops("pf", "link_local", 16):
        rig.net["a"].send(*(eth(g, A) for g in groups))
        rig.net["pf"].send(*(eth(g, OUTSIDE) for g in groups))
        rig.net.expect({})


@test("01:80:C2:00:00:10 is an ordinary group", Main)
def not_link_local(rig):
    frame = eth("01:80:c2:00:00:10", OUTSIDE)
    rig.net["pf"].send(frame)
    rig.net.expect({name: [frame] for name in UNTAGGED})


@test("VFs that share a port are told apart by MAC, both ways", Main, split=True)
def shared(rig):
    up = three(OUTSIDE, S1) + three(OUTSIDE, S2)
    down = three(S1, OUTSIDE) + three(S2, OUTSIDE) + three(S2, A)
    before = {name: rig.out_pkts(name, "tx") for name in ("s1", "s2")}
    rig.net["s"].send(*up)
    got = rig.net.collect(lambda g: len(g["pf"]) >= 6)
    assert sorted(got["pf"]) == sorted(up), "the PF got other frames than were sent"
    rig.net["pf"].send(*down[:6])
    rig.net["a"].send(*down[6:])
    got = rig.net.collect(lambda g: len(g["s"]) >= 9)
    assert sorted(got["s"]) == sorted(down), "the shared port got other frames than were sent"
    for name in ("s1", "s2"):
        assert rig.out_pkts(name, "tx") - before[name] == 3, "%s was not charged 3 packets" % name


@test("between VFs of one port nothing is sent back: same_port", Main)
def same_port(rig):
    with rig.drops("s1", "same_port", 3):
        rig.net["s"].send(*three(S2, S1))
        rig.net.expect({})


@test("to one's own MAC: same_port", Main)
def own_mac(rig):
    with rig.drops("a", "same_port", 1):
        rig.net["a"].send(numbered(A, A, 0))
        rig.net.expect({})


@test("a shared port drops a source that none of its VFs has: unknown_source", Main)
def unknown_source(rig):
    with rig.drops("nobody", "unknown_source", 3):
        rig.net["s"].send(*three(OUTSIDE, NOBODY))
        rig.net.expect({})


@test("broadcast and multicast of a VF reach the PF and all others of its VLAN once, not itself", Main, split=True)
def flood_from_vf(rig):
    frames = [numbered(BROADCAST, A, 0), numbered(MULTICAST, A, 1), numbered(BROADCAST, A, 2)]
    rig.net["a"].send(*frames)
    rig.net.expect({name: frames for name in ["pf"] + [n for n in UNTAGGED if n != "a"]})


@test("broadcast of a VF on a shared port does not come back to that port", Main)
def flood_from_shared(rig):
    frame = numbered(BROADCAST, S1, 0)
    rig.net["s"].send(frame)
    rig.net.expect({name: [frame] for name in ["pf"] + [n for n in UNTAGGED if n != "s"]})


@test("broadcast from the PF reaches all VFs of VLAN 0 once, and no other VLAN", Main, split=True)
def flood_from_pf(rig):
    frames = [numbered(BROADCAST, OUTSIDE, i) for i in range(5)]
    rig.net["pf"].send(*frames)
    rig.net.expect({name: frames for name in UNTAGGED})


@test("a frame over the egress port's MTU is dropped as mtu, one at the MTU passes", Main, split=True)
def mtu(rig):
    fits, too_long = eth(M, A, size=1014), eth(M, A, size=1015)
    with rig.drops("a", "mtu", 2):
        rig.net["a"].send(too_long, fits, too_long)
        rig.net.expect({"m": [fits]})


@test("a flood over one member's MTU still reaches the others", Main)
def mtu_flood(rig):
    frame = eth(BROADCAST, A, size=1200)
    with rig.drops("m", "mtu", 1, direction="rx"):
        rig.net["a"].send(frame)
        rig.net.expect({name: [frame] for name in ["pf", "b", "s", "l", "n"]})
