# SPDX-License-Identifier: BSD-3-Clause
"""VFs that come and go while weir runs: real traffic, its limit on the wire, nobody else's packet lost, and no mbuf."""

import json
import os
import signal
import threading
import time

from harness.blast import Blast, measure
from harness.frames import OUTSIDE, numbered, udp4
from harness.process import Telemetry
from harness.suite import test
from harness.view import done, wait_until, weirctl
from rigs import Changeable, mac, sections, vdevs_of, with_state

CABLES = ["pf", "a", "b", "s"]
VFS = {"a": ("a", 0x0a, ["tenant = lab"]), "b": ("b", 0x0b, []), "s1": ("s", 0x51, [])}
A, B, S1, S2, S3 = (mac(n) for n in (0x0a, 0x0b, 0x51, 0x52, 0x53))


def device(cable):
    return "net_af_packet%d" % CABLES.index(cable)


def config(state=None, vfs=None):
    text = sections(CABLES, "1G", VFS if vfs is None else vfs, Places.maps, port_more=Places.port_more)
    return with_state(text, state)


class Places(Changeable):
    """Two VMs with ports of their own, and a shared port with places for two more VFs."""

    cables, vfs, port_more, maps = CABLES, VFS, {"s": ["spare = 2"]}, "[tenant lab]\ntx.max_bps = 500M\n"


def lines(rig):
    return done(rig, "/weir/config/dump")["lines"]


def reset(rig):
    names = rig.ask("/weir/vfs")["vfs"]
    for name in set(names) - set(VFS):
        done(rig, "/weir/vf/del," + name)
    for name, (cable, number, more) in VFS.items():
        if name not in names:
            done(rig, "/weir/vf/add,%s,port=%s;mac=%s%s" % (name, device(cable), mac(number),
                                                           "".join(";" + line.replace(" ", "") for line in more)))


def add(rig, name, number, terms="", cable="s"):
    return done(rig, "/weir/vf/add,%s,port=%s;mac=%s%s" % (name, device(cable), mac(number), terms))


@test("a VF that comes sends, is held to its limit and heard by others; who was there keeps its rate and loses nothing",
      Places, split=True, retry=True)
def comes(rig):
    reset(rig)
    drops = rig.all_drops("a")
    with Blast(rig.net, "s", [udp4(OUTSIDE, S2, size=1514)], 8000), Blast(rig.net, "a", [udp4(OUTSIDE, A, size=1514)], 3000):
        before = measure(rig, 0.8)
        answer = add(rig, "s2", 0x52, ";tx.max_bps=20M;tenant=lab")
        after = measure(rig, 0.8, settle_s=0.2)
        vf, why = rig.ask("/weir/vf,s2"), rig.ask("/weir/why,s2,200")
    assert answer["tx"]["effective"]["max_bps"] == 20000000 and answer["port_places_left"] == 1, answer
    before.check_offered("a", 2000)
    gained = after["pf"].bps - before["pf"].bps
    after.check("bits/s of the VF that came", gained, 20e6, tolerance=0.15)
    assert rig.all_drops("a") == drops, "dropped of who was there: %s" % rig.all_drops("a")
    assert vf["tenant"] == "lab" and vf["tx"]["out_pkts"] > 100 and vf["port"] == device("s"), vf
    assert any("max_bps" in line for line in why["lines"]), why
    rig.net["a"].send(udp4(S2, A, 7))
    assert rig.net.collect(lambda g: len(g["s"]) >= 1, timeout_s=3)["s"] == [udp4(S2, A, 7)]


@test("a VF that goes takes its packets along: nothing comes from it or reaches it, no mbuf is lost, its name is unknown",
      Places, split=True)
def goes(rig):
    reset(rig)
    free = rig.ask("/weir/info")["n_free_mbufs"]
    add(rig, "s2", 0x52, ";tx.max_bps=100k;rx.max_bps=100k")
    rig.net["s"].send(*[udp4(OUTSIDE, S2, i, size=1000) for i in range(100)])
    rig.net["a"].send(*[udp4(S2, A, i, size=1000) for i in range(60)])
    wait_until(lambda: rig.ask("/weir/vf,s2")["tx"]["backlog_pkts"] > 20, "packets wait")
    done(rig, "/weir/vf/del,s2")
    assert "error" in rig.ask("/weir/vf,s2") and "error" in rig.ask("/weir/why,s2") and "s2" not in rig.ask("/weir/vfs")["vfs"]
    wait_until(lambda: rig.ask("/weir/info")["n_free_mbufs"] >= free - 64, "buffers back")
    rig.net.collect(lambda g: False, timeout_s=0.3)
    rig.net["s"].send(udp4(OUTSIDE, S2, 1))
    rig.net["a"].send(udp4(OUTSIDE, A, 2))
    got = rig.net.collect(lambda g: len(g["pf"]) >= 1, timeout_s=3)
    assert got["pf"] == [udp4(OUTSIDE, A, 2)] and got["s"] == [], got
    add(rig, "other", 0x53)
    add(rig, "third", 0x54)
    for name in ("other", "third"):
        vf = rig.ask("/weir/vf," + name)
        assert vf["tx"]["in_pkts"] == vf["rx"]["in_pkts"] == 0 and not any(vf["tx"]["drops"].values()), vf
    rig.net["s"].send(*[udp4(OUTSIDE, S3, i) for i in range(5)])
    rig.net.collect(lambda g: len(g["pf"]) >= 5, timeout_s=3)
    assert rig.ask("/weir/vf,other")["tx"]["out_pkts"] == 5
    assert "weir: set vf s2: deleted from %s\n" % device("s") in rig.weir.output()


@test("a VF with a port of its own goes and comes back, with other terms", Places, split=True)
def alone(rig):
    reset(rig)
    done(rig, "/weir/vf/del,b")
    rig.net["b"].send(udp4(OUTSIDE, B, 1))
    assert rig.net.collect(lambda g: len(g["pf"]) >= 1, timeout_s=0.4)["pf"] == []
    done(rig, "/weir/vf/add,b2,port=%s;tx.max_bps=50M" % device("b"))   # alone: it needs no address
    rig.net["b"].send(udp4(OUTSIDE, B, 2))
    assert rig.net.collect(lambda g: len(g["pf"]) >= 1, timeout_s=3)["pf"] == [udp4(OUTSIDE, B, 2)]
    assert rig.ask("/weir/vf,b2")["when_full"] == "hold"
    reset(rig)


@test("packets of a VM that stays all arrive, in order, while others come and go", Places, split=True, timeout_s=120)
def in_order(rig):
    reset(rig)
    sent, stop = [], threading.Event()
    client, n = Telemetry(rig.weir.prefix), [0]

    def change():
        while not stop.is_set():
            n[0] += 1
            client.ask("/weir/vf/add,x%d,port=%s;mac=%s;tx.max_bps=1M;tx.min_bps=500k" % (n[0], device("s"), mac(0x60 + n[0] % 9)))
            client.ask("/weir/vf/del,x%d" % n[0])

    changer = threading.Thread(target=change)
    changer.start()
    try:
        while len(sent) < 2000 or (n[0] <= 20 and len(sent) < 30000):
            sent.append(numbered(OUTSIDE, A, len(sent), size=200))
            rig.net["a"].send(sent[-1])
            if len(sent) % 10 == 0:     # 16 Mb/s at most: its ring, which is the guest's, does not overflow
                rig.net["s"].send(*[udp4(OUTSIDE, mac(0x60 + k), k, size=100) for k in range(9)])
                time.sleep(0.001)
        own = set(sent)
        got = rig.net.collect(lambda g: sum(f in own for f in g["pf"]) >= len(sent), timeout_s=5)
    finally:
        stop.set()
        changer.join()
        client.close()
    arrived = [f for f in got["pf"] if f in own]
    assert arrived == sent, "%d of %d arrived, %s" % (len(arrived), len(sent),
                                                      "in order" if arrived == sorted(arrived) else "reordered")
    assert n[0] > 20, "only %d came and went" % n[0]
    reset(rig)


BAD = [("/weir/vf/add", "no name"), ("/weir/vf/add,x", "no name"), ("/weir/vf/add,x,", "nothing to change"),
       ("/weir/vf/add,a,port=%(s)s;mac=02:00:00:00:00:77", "already"), ("/weir/vf/add,x,port=nope;mac=02:00:00:00:00:77", "no such"),
       ("/weir/vf/add,x,port=%(pf)s;mac=02:00:00:00:00:77", "is the PF"), ("/weir/vf/add,x,port=%(s)s", "no mac"),
       ("/weir/vf/add,x,mac=02:00:00:00:00:77", "no port"), ("/weir/vf/add,x,port=%(s)s;mac=02:00:00:00:00:0a", "[vf a]'s"),
       ("/weir/vf/add,x,port=%(s)s;mac=03:00:00:00:00:0a", "group"), ("/weir/vf/add,x-y,port=%(s)s;mac=02:00:00:00:00:77", "x-y"),
       ("/weir/vf/add,x,port=%(s)s;mac=02:00:00:00:00:77;tenant=nope", "tenant"),
       ("/weir/vf/add,x,port=%(s)s;mac=02:00:00:00:00:77;tx.min_bps=2G", "of 1G bits/s"),
       ("/weir/vf/add,x,port=%(s)s;mac=02:00:00:00:00:77;tx.min_bps=2M;tx.max_bps=1M", "above"),
       ("/weir/vf/add,x,port=%(s)s;mac=02:00:00:00:00:77;queue=60000", "reserved"),
       ("/weir/vf/add,x,port=%(s)s;mac=02:00:00:00:00:77;when_full=hold", "cannot be held"),
       ("/weir/vf/add,x,port=%(s)s;mac=02:00:00:00:00:77;dscp_map=nope", "no such map"),
       ("/weir/vf/add,x,port=%(s)s;mac=02:00:00:00:00:77;colour=red", "colour"),
       ("/weir/vf/add,x,port=%(a)s;mac=02:00:00:00:00:77", "places"), ("/weir/vf/del", "no VF"), ("/weir/vf/del,nobody", "no such"),
       ("/weir/vf/del,a,b", "no VF named"), ("/weir/sla/set,,tx.weight=2", "")]


@test("every bad command says why and what was wanted, and changes nothing", Places)
def bad_commands(rig):
    reset(rig)
    before, n = lines(rig), rig.ask("/weir/info")["changes"]
    for request, word in BAD:
        got = rig.ask(request % {name: device(name) for name in CABLES})
        assert {"error", "wanted"} <= set(got) <= {"error", "wanted", "reasons"}, "%s answers %s" % (request, got)
        assert word in json.dumps(got), "%s answers %s" % (request, got)
    assert lines(rig) == before and rig.ask("/weir/info")["changes"] == n, "something was changed"
    add(rig, "x", 0x61)
    add(rig, "y", 0x62)
    got = rig.ask("/weir/vf/add,z,port=%s;mac=%s" % (device("s"), mac(0x63)))
    assert "spare" in got["wanted"] and "[port %s]" % device("s") in got["wanted"] and "restart" in got["wanted"], got
    reset(rig)


@test("pages list the VFs that are there; what is dumped is a file that runs already; a file brings and takes VFs", Places)
def listed(rig, context):
    reset(rig)
    add(rig, "x", 0x61)
    done(rig, "/weir/vf/del,s1")
    page, info = rig.ask("/weir/vfs"), rig.ask("/weir/info")
    assert set(page["vfs"]) == {"a", "b", "x"} and page["total"] == page["next"] == 3, page
    assert set(rig.ask("/weir/vfs,1")["vfs"]) | {"a"} == {"a", "b", "x"}
    assert set(rig.ask("/weir/allocator")["grants"]) == {"a", "b", "x"}
    assert info["n_vfs"] == 3 and info["n_spare"] == 2, info
    path = os.path.join(context.folder, "new.conf")

    def load(text):
        with open(path, "w") as f:
            f.write(text)
        return rig.ask("/weir/config/reload," + path)

    dumped = lines(rig)
    got = load("\n".join(dumped) + "\n")
    assert (got["changed_vfs"], got["added_vfs"], got["deleted_vfs"]) == (0, 0, 0) and lines(rig) == dumped, got
    got = load(config())
    assert (got["added_vfs"], got["deleted_vfs"]) == (1, 1) and set(rig.ask("/weir/vfs")["vfs"]) == set(VFS), got
    got = load(config(vfs=dict(VFS, **{"s%d" % n: ("s", 0x50 + n, []) for n in range(2, 6)})))
    assert "5 VFs" in got["error"] and "restart" in got["wanted"] and set(rig.ask("/weir/vfs")["vfs"]) == set(VFS), got
    got = load(config(vfs=dict(VFS, s1=("s", 0x59, []))))   # another address
    assert got["changed_vfs"] == 1 and got["added_vfs"] == 0, got
    rig.net["s"].send(udp4(OUTSIDE, mac(0x59), 3), udp4(OUTSIDE, S1, 4))
    assert rig.net.collect(lambda g: len(g["pf"]) >= 1, timeout_s=3)["pf"] == [udp4(OUTSIDE, mac(0x59), 3)]
    load(config())


@test("VFs that came and went are so again after a kill; a reload of the config itself ends it")
def survives(context):
    state = os.path.join(context.folder, "state.conf")
    _net, weir = context.launch(CABLES, config(state), vdevs_of(CABLES), more=["--allow-set"])
    for request in ("/weir/vf/del,b", "/weir/vf/add,s2,port=%s;mac=%s;tx.max_bps=9M;tenant=lab" % (device("s"), mac(0x52)),
                    "/weir/vf/add,s3,port=%s;mac=%s" % (device("s"), mac(0x53)), "/weir/vf/del,s3",
                    "/weir/vf/del,s1", "/weir/vf/add,s1,port=%s;mac=%s" % (device("s"), mac(0x58))):
        assert "error" not in weir.ask(request), request
    before = weir.ask("/weir/config/dump")["lines"]
    weir.signal(signal.SIGKILL)
    weir.wait(5)
    _net, weir = context.launch(CABLES, config(state), vdevs_of(CABLES), more=["--allow-set"])
    assert set(weir.ask("/weir/vfs")["vfs"]) == {"a", "s1", "s2"}
    assert sorted(weir.ask("/weir/config/dump")["lines"]) == sorted(before)
    for line in ("[vf b] is deleted, as at run time", "[vf s2] is added, as at run time", "[vf s1] is another than the config's"):
        assert line in weir.output(), line
    got = weir.ask("/weir/config/reload," + weir.config_path)
    assert got["added_vfs"] == 1 and got["deleted_vfs"] == 1, got
    with open(state) as f:
        assert "[" not in f.read(), "a state beside the config, which says it all"
    assert weir.stop() == 0


@test("weirctl adds and deletes", Places)
def by_weirctl(rig):
    reset(rig)
    said = weirctl(rig, "add", "s2", "port", device("s"), "mac", mac(0x52), "tx.max_bps", "20M").stdout
    assert "s2 is there" in said and "20.00 Mb/s" in said and "places for 1 more" in said, said
    assert "s2" in weirctl(rig, "vfs").stdout and "max_bps" in weirctl(rig, "why", "s2", "--seconds", "0.1").stdout
    assert "s2 is gone" in weirctl(rig, "del", "s2").stdout
    bad = weirctl(rig, "del", "s2", check=False)
    assert bad.returncode == 1 and "no such VF" in bad.stderr, bad.stderr
