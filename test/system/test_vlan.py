# SPDX-License-Identifier: BSD-3-Clause
"""VLANs: access, trunk, native, and what is nobody's business."""

from harness.frames import BROADCAST, OUTSIDE, numbered, tag
from harness.suite import test
from rigs import Main, mac

A, C, D, E, T, U = (mac(Main.vfs[n][1]) for n in ("a", "c", "d", "e", "t", "u"))


def with_tags(dst, src, *tags):
    return [numbered(dst, src, i, tags=tags, size=60 + 4 * len(tags)) for i in range(3)]


@test("an access VF's frames are tagged on their way to the PF", Main, split=True)
def access_up(rig):
    rig.net["c"].send(*with_tags(OUTSIDE, C))
    rig.net.expect({"pf": with_tags(OUTSIDE, C, tag(10))})


@test("frames with the access VLAN's tag lose it on their way from the PF", Main, split=True)
def access_down(rig):
    rig.net["pf"].send(*with_tags(C, OUTSIDE, tag(10)))
    rig.net.expect({"c": with_tags(C, OUTSIDE)})


@test("untagged or wrongly tagged frames from the PF do not enter an access VLAN", Main, split=True)
def access_wrong_down(rig):
    frames = with_tags(C, OUTSIDE) + with_tags(C, OUTSIDE, tag(20)) + with_tags(C, OUTSIDE, tag(99))
    with rig.drops("pf", "unknown_dest", 9):
        rig.net["pf"].send(*frames)
        rig.net.expect({})


@test("an access VF may not choose another VLAN by tagging", Main, split=True)
def access_wrong_up(rig):
    with rig.drops("c", "vlan", 6):
        rig.net["c"].send(*with_tags(OUTSIDE, C, tag(20)), *with_tags(E, C, tag(20)))
        rig.net.expect({})


@test("an untagged VF may not tag", Main)
def none_tagged(rig):
    with rig.drops("a", "vlan", 3):
        rig.net["a"].send(*with_tags(OUTSIDE, A, tag(10)))
        rig.net.expect({})


@test("two access VFs of one VLAN talk untagged", Main, split=True)
def access_local(rig):
    rig.net["c"].send(*with_tags(D, C))
    rig.net.expect({"d": with_tags(D, C)})


@test("a VF of another VLAN is unknown: its frames go to the PF with the sender's tag", Main)
def isolation(rig):
    rig.net["c"].send(*with_tags(E, C), *with_tags(A, C))
    rig.net.expect({"pf": with_tags(E, C, tag(10)) + with_tags(A, C, tag(10))})


@test("broadcast stays in its VLAN; each member gets it in its own form", Main, split=True)
def flood(rig):
    rig.net["c"].send(*with_tags(BROADCAST, C))
    plain, tagged = with_tags(BROADCAST, C), with_tags(BROADCAST, C, tag(10))
    rig.net.expect({"pf": tagged, "d": plain, "t": tagged, "u": plain})


@test("broadcast from the PF enters the VLAN of its tag only", Main)
def flood_down(rig):
    rig.net["pf"].send(*with_tags(BROADCAST, OUTSIDE, tag(20)))
    plain, tagged = with_tags(BROADCAST, OUTSIDE), with_tags(BROADCAST, OUTSIDE, tag(20))
    rig.net.expect({"e": plain, "t": tagged, "u": tagged})


@test("a trunk VF's tagged frames keep their tag to and from the PF", Main, split=True)
def trunk(rig):
    up = with_tags(OUTSIDE, T, tag(10)) + with_tags(OUTSIDE, T, tag(20)) + with_tags(OUTSIDE, T, tag(39))
    down = with_tags(T, OUTSIDE, tag(10)) + with_tags(T, OUTSIDE, tag(30))
    rig.net["t"].send(*up)
    rig.net["pf"].send(*down)
    rig.net.expect({"pf": up, "t": down})


@test("a trunk VF may use its VLANs only, and no untagged frames without a native one", Main, split=True)
def trunk_wrong(rig):
    with rig.drops("t", "vlan", 9):
        rig.net["t"].send(*with_tags(OUTSIDE, T, tag(11)), *with_tags(OUTSIDE, T, tag(40)), *with_tags(OUTSIDE, T))
        rig.net.expect({})


@test("from a VLAN that is not in its trunk nothing reaches a VF", Main)
def trunk_wrong_down(rig):
    with rig.drops("pf", "unknown_dest", 3):
        rig.net["pf"].send(*with_tags(T, OUTSIDE, tag(11)))
        rig.net.expect({})


@test("a trunk VF reaches access VFs, who see no tag, and hears them tagged", Main, split=True)
def trunk_access(rig):
    rig.net["t"].send(*with_tags(C, T, tag(10)), *with_tags(E, T, tag(20)))
    rig.net.expect({"c": with_tags(C, T), "e": with_tags(E, T)})
    rig.net["c"].send(*with_tags(T, C))
    rig.net.expect({"t": with_tags(T, C, tag(10))})


@test("untagged frames of a trunk VF belong to its native VLAN, both ways", Main, split=True)
def native(rig):
    rig.net["u"].send(*with_tags(C, U), *with_tags(OUTSIDE, U))
    rig.net.expect({"c": with_tags(C, U), "pf": with_tags(OUTSIDE, U, tag(10))})
    rig.net["pf"].send(*with_tags(U, OUTSIDE, tag(10)), *with_tags(U, OUTSIDE, tag(20)))
    rig.net.expect({"u": with_tags(U, OUTSIDE) + with_tags(U, OUTSIDE, tag(20))})


@test("an inner tag is carried untouched", Main, split=True)
def inner_tag(rig):
    up = with_tags(OUTSIDE, T, tag(10, 3), tag(77, 5))
    rig.net["t"].send(*up)
    rig.net.expect({"pf": up})
    rig.net["pf"].send(*with_tags(C, OUTSIDE, tag(10), tag(77, 5)))
    rig.net.expect({"c": with_tags(C, OUTSIDE, tag(77, 5))})


@test("a priority tag counts as untagged: taken off where no tag belongs", Main, split=True)
def priority_tag(rig):
    tagged = with_tags(OUTSIDE, A, tag(0, 5))
    rig.net["a"].send(*tagged)
    rig.net["pf"].send(*with_tags(C, OUTSIDE, tag(0, 5)), *with_tags(A, OUTSIDE, tag(0, 5)))
    rig.net.expect({"pf": with_tags(OUTSIDE, A), "a": with_tags(A, OUTSIDE)})


@test("an access VF's priority tag becomes its VLAN's, with the priority it named", Main)
def priority_tag_access(rig):
    rig.net["c"].send(*with_tags(OUTSIDE, C, tag(0, 5)))
    rig.net.expect({"pf": with_tags(OUTSIDE, C, tag(10, 5))})


@test("a priority tag before another tag does not smuggle a VLAN to the uplink", Main)
def priority_tag_smuggle(rig):
    with rig.drops("a", "vlan", 3), rig.drops("c", "vlan", 3):
        rig.net["a"].send(*with_tags(OUTSIDE, A, tag(0, 5), tag(20)))
        rig.net["c"].send(*with_tags(OUTSIDE, C, tag(0, 5), tag(20)))
        rig.net.expect({})
