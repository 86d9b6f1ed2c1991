# SPDX-License-Identifier: BSD-3-Clause
"""Marking rules on real ports: headers rewritten with right checksums, under tags, by every kind of match, while it runs."""

import json
import os
import struct

from harness.frames import OUTSIDE, _checksum, tag, udp4, udp6
from harness.suite import test
from harness.view import View, done, weirctl
from rigs import Changeable, mac, sections, vdevs_of, with_state

CABLES = ["pf", "a", "b", "t"]
VFS = {"a": ("a", 0x0a, []), "b": ("b", 0x0b, []), "t": ("t", 0x0c, ["trunk = 7"])}
A, B, T = (mac(VFS[n][1]) for n in ("a", "b", "t"))
RULES = """
[mark talk]
vf = a
order = 10
protocol = udp
dst_port = 4001
dscp = CS0
set = EF

[mark v6]
vf = a
order = 20
src = fd00::/8
set = AF41

[mark tagged]
vf = t
set = CS1
"""


def config(state=None, rules=RULES):
    return with_state(sections(CABLES, "1G", VFS, rules), state)


class Marking(Changeable):
    """Two VMs and a trunk, with rules that may be changed."""

    cables, vfs, maps = CABLES, VFS, RULES


class Fixed(Marking):
    """The same without --allow-set."""

    more = []


def with_dscp(frame, dscp, tags=0):
    """The frame as it should come out: the TOS, and a right IPv4 checksum."""
    ip = 14 + 4 * tags
    if frame[ip] >> 4 == 6:
        word = struct.unpack("!H", frame[ip:ip + 2])[0] & ~0xfc0 | dscp << 6
        return frame[:ip] + struct.pack("!H", word) + frame[ip + 2:]
    head = frame[ip:ip + 1] + bytes([dscp << 2 | frame[ip + 1] & 3]) + frame[ip + 2:ip + 10] + b"\0\0" + frame[ip + 12:ip + 20]
    return frame[:ip] + head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + frame[ip + 20:]


def goes(rig, cable, frames, to="pf"):
    """-> what arrives."""
    for frame in frames:
        rig.net[cable].send(frame)
    return rig.net.collect(lambda g: len(g[to]) >= len(frames), timeout_s=3)[to]


def hits(rig, name):
    return rig.ask("/weir/mark/list")["marks"][name]["pkts"]


@test("a rule's packets leave with its DSCP and a right checksum, IPv4 and IPv6, to the uplink and to a VM", Marking, split=True)
def rewritten(rig):
    before = hits(rig, "talk"), hits(rig, "v6"), rig.ask("/weir/vf,a")["tx"]["classes"]["urgent"]["out_pkts"]
    ect = bytearray(udp4(OUTSIDE, A, number=3))
    ect[15] |= 2
    ect = with_dscp(bytes(ect), 0)
    sent = [udp4(OUTSIDE, A, number=n) for n in range(3)] + [ect]
    assert goes(rig, "a", sent) == [with_dscp(f, 46) for f in sent]
    assert goes(rig, "a", [udp4(B, A, number=9)], "b") == [with_dscp(udp4(B, A, number=9), 46)]
    six = udp6(OUTSIDE, A, number=5, dscp=8)
    assert goes(rig, "a", [six]) == [with_dscp(six, 34)]
    same = [udp4(OUTSIDE, A, dscp=10), udp4(OUTSIDE, A, dscp=46)]
    assert sorted(goes(rig, "a", same)) == same, "what no rule matches"     # urgent goes first
    assert goes(rig, "b", [udp4(OUTSIDE, B)]) == [udp4(OUTSIDE, B)], "who has no rule"
    assert (hits(rig, "talk") - before[0], hits(rig, "v6") - before[1]) == (5, 1)
    assert rig.ask("/weir/vf,a")["tx"]["classes"]["urgent"]["out_pkts"] - before[2] == 6, "the class is another's"


@test("a fragment that has no ports meets no rule that asks for them", Marking)
def fragments(rig):
    whole = udp6(OUTSIDE, A, size=88)   # IPv6: IPv4's are put together by the kernel before af_packet has them
    head = whole[:18] + struct.pack("!H", len(whole) - 54 + 8) + b"\x2c" + whole[21:54]
    first, later = (head + struct.pack("!BBHI", 17, 0, at, 1) + whole[54:] for at in (1, 64))
    assert sorted(goes(rig, "a", [first, later])) == sorted([with_dscp(first, 46), with_dscp(later, 34)])


@test("under a VLAN tag too", Marking)
def tagged(rig):
    sent = udp4(OUTSIDE, T, tags=(tag(7),), dscp=46, size=80)
    assert goes(rig, "t", [sent]) == [with_dscp(sent, 8, tags=1)]


@test("rules come and go while it runs, from the next packet on", Marking, split=True, timeout_s=120)
def while_running(rig):
    frame = udp4(OUTSIDE, B, number=1)
    assert goes(rig, "b", [frame]) == [frame]
    got = done(rig, "/weir/mark/add,one,vf=b;src=10.0.0.0/24;set=AF11")
    assert got["vf"] == "b" and got["pkts"] == 0 and got["set"] == "AF11", got
    assert goes(rig, "b", [frame] * 3) == [with_dscp(frame, 10)] * 3
    done(rig, "/weir/mark/add,two,vf=b;order=1;protocol=17;dst_port=4000-4001;set=trust")
    assert goes(rig, "b", [frame]) == [frame]
    assert (hits(rig, "one"), hits(rig, "two")) == (3, 1)
    assert "weir: mark add two: vf=b;order=1;protocol=udp;dst_port=4000-4001;set=trust\n" in rig.weir.output()
    said = weirctl(rig, "mark", "list", "b").stdout
    assert "one" in said and "src 10.0.0.0/24" in said and "talk" not in said, said
    lines = done(rig, "/weir/config/dump")["lines"]
    assert "[mark two]" in lines and "set = trust" in lines, lines
    weirctl(rig, "mark", "del", "two")
    assert goes(rig, "b", [frame]) == [with_dscp(frame, 10)]
    assert "AF41" in weirctl(rig, "mark", "add", "three", "vf", "b", "dscp", "CS0,CS1", "order", "3", "set", "AF41").stdout
    assert goes(rig, "b", [frame]) == [with_dscp(frame, 34)]
    for name in ("one", "three"):
        done(rig, "/weir/mark/del," + name)
    assert goes(rig, "b", [frame]) == [frame]
    assert list(json.loads(weirctl(rig, "--json", "mark", "list").stdout)) == ["talk", "v6", "tagged"]


BAD = ["/weir/mark/add", "/weir/mark/add,", "/weir/mark/add,x", "/weir/mark/add,x,", "/weir/mark/add,x,vf=a", "/weir/mark/add,x,set=EF",
       "/weir/mark/add,x,vf=q;set=EF", "/weir/mark/add,talk,vf=a;set=EF", "/weir/mark/add,x y,vf=a;set=EF",
       "/weir/mark/add,x,vf=a;set=64", "/weir/mark/add,x,vf=a;set=EF;src=10.0.0.1/8", "/weir/mark/add,x,vf=a;set=EF;protocol=gre;dst_port=1",
       "/weir/mark/add,x,vf=a;set=EF;tx.max_bps=1M", "/weir/mark/del", "/weir/mark/del,x", "/weir/mark/del,talk,x",
       "/weir/mark/list,x", "/weir/mark/list,99"]


@test("a bad rule says why and changes nothing, and nothing changes without --allow-set", Marking)
def bad(rig):
    before, n = done(rig, "/weir/config/dump")["lines"], rig.ask("/weir/info")["changes"]
    for request in BAD:
        got = rig.ask(request)
        assert got and {"error", "wanted"} <= set(got) <= {"error", "wanted", "reasons"}, "%s answers %s" % (request, got)
    assert done(rig, "/weir/config/dump")["lines"] == before and rig.ask("/weir/info")["changes"] == n


@test("without --allow-set rules are listed, and stay as they are", Fixed)
def fixed(rig):
    for request in ("/weir/mark/add,x,vf=a;set=EF", "/weir/mark/del,talk"):
        assert "--allow-set" in rig.ask(request)["error"], request
    assert list(done(rig, "/weir/mark/list")["marks"]) == ["talk", "v6", "tagged"]


@test("rules survive a restart and are part of a reload")
def survives(context):
    state = os.path.join(context.folder, "state.conf")
    _net, weir = context.launch(CABLES, config(state), vdevs_of(CABLES), more=["--allow-set"])
    assert "error" not in weir.ask("/weir/mark/add,new,vf=b;set=AF11")
    assert "error" not in weir.ask("/weir/mark/del,talk")
    assert weir.stop() == 0
    net, weir = context.launch(CABLES, config(state), vdevs_of(CABLES), more=["--allow-set"])
    assert "[mark talk] as changed at run time: taken away" in weir.output(), weir.output()
    assert list(weir.ask("/weir/mark/list")["marks"]) == ["v6", "new", "tagged"]
    frame = udp4(OUTSIDE, B)
    net["b"].send(frame)
    assert net.collect(lambda g: g["pf"], timeout_s=3)["pf"] == [with_dscp(frame, 10)]
    path = os.path.join(context.folder, "new.conf")
    with open(path, "w") as f:
        f.write(config(state, rules="[mark only]\nvf = b\nset = CS5\n"))
    got = weir.ask("/weir/config/reload," + path)
    assert "error" not in got and [got[how + "_marks"] for how in ("added", "deleted", "changed")] == [1, 3, 0], got
    assert "weir: reload mark del new: " in weir.output()
    with open(path, "w") as f:
        f.write(config(state, rules="[mark only]\nvf = b\nset = CS6\n[mark more]\nvf = b\nset = CS1\n"))
    assert "1 marking rule added, 0 deleted, 1 changed" in weirctl(View(weir), "reload", path).stdout
    with open(path, "w") as f:
        f.write(config(state, rules="[mark only]\nvf = b\nset = CS5\n"))
    assert weir.ask("/weir/config/reload," + path)["deleted_marks"] == 1
    net["b"].send(frame)
    assert net.collect(lambda g: g["pf"], timeout_s=3)["pf"] == [with_dscp(frame, 40)]
    assert weir.stop() == 0
