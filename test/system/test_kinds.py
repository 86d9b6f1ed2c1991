# SPDX-License-Identifier: BSD-3-Clause
"""Every kind of port as source and as destination.  TCP streams between kernels behind them arrive whole: a ping would not
see a wrong checksum."""

import hashlib
import socket
import subprocess
import time

from harness.frames import OUTSIDE, udp4
from harness.net import Inside
from harness.process import Guest, MemifPeer, Weir
from harness.suite import test
from harness.vm import Host, Stream, random_bytes, send_stream
from rigs import Kinds, TaggedKinds

STREAM = random_bytes(256 << 10, 7)
DIGEST = hashlib.md5(STREAM).hexdigest()
NUMBERS = {"pf": 1, "k": 2, "t": 3, "v": 4, "m": 5, "u": 6, "h": 7, "n": 8}


def addresses(name):
    return "10.8.0.%d" % NUMBERS[name], "fd08::%x" % NUMBERS[name]


def hosts(rig, context):
    """A kernel behind each port, in a namespace of its own."""
    if hasattr(rig, "hosts"):
        return rig.hosts
    net, made = rig.net, {}
    peers = [Guest(Kinds.socket(context, "v"), not Kinds.is_server, Kinds.macs["v"], "pvk", context.folder, net.ns + "vk"),
             MemifPeer(Kinds.socket(context, "m"), not Kinds.is_server, "pmk", context.folder, net.ns + "mk")]
    for name, peer in zip("vm", peers):
        rig.vms[name] = peer.start()
    devices = {"pf": "gpf", "k": "gk", "t": "tt", "v": "gvk", "m": "gmk"}
    for name, device in devices.items():
        cable = device[1:]
        if cable in net.ends:
            net.ends.pop(cable).close()
        made[name] = Host.apart(net, device, net.ns if name == "t" else net.guest_ns)
        if name != "pf":
            with_mac = ["ip", "-n", made[name].ns, "link", "set", device, "address", Kinds.macs[name]]
            subprocess.run(with_mac, check=True, timeout=10)
        v4, v6 = addresses(name)
        made[name].up([v4 + "/24", v6 + "/64"], "tso" if name == "k" else "tx")
    rig.hosts = made
    return made


def reach(source, address, timeout_s=15):
    until = time.monotonic() + timeout_s
    while True:
        try:
            return source.run("ping", "-c", "1", "-W", "1", address)
        except AssertionError:
            if time.monotonic() > until:
                raise


def carry(made, source, destination, families=slice(0, 2)):
    """A stream over IPv4, one over IPv6."""
    for address in addresses(destination)[families]:
        reach(made[source], address)
        server = Stream(made[destination].ns, address)
        send_stream(made[source].ns, address, server.port, STREAM)
        assert server.finish() == DIGEST, "%s -> %s %s: %d bytes of another stream" % (source, destination, address,
                                                                                       server.n_bytes)


# Breaks with csum = keep on k: its streams never begin.
@test("TCP streams arrive whole from every kind of port to every kind: af_packet, tap, vhost-user, memif, and the PF", Kinds,
      slow=True, timeout_s=100)
def all_pairs(rig, context):
    made = hosts(rig, context)
    started = time.monotonic()
    for source in made:
        for destination in made:
            if source != destination:
                carry(made, source, destination)
    context.note("20 pairs, IPv4 and IPv6, in %.0f s" % (time.monotonic() - started))


def tagged_hosts(rig, context):
    net, made = rig.net, {}
    for cable in TaggedKinds.cables:
        net.ends.pop(cable).close()
    subprocess.run(["ip", "-n", net.guest_ns, "link", "set", "gpf", "netns", net.ns + "h"], check=True, timeout=10)
    subprocess.run(["ip", "-n", net.ns + "h", "link", "set", "gpf", "up"], check=True, timeout=10)
    rig.vms["beyond"] = Weir(context.binary, *TaggedKinds.beyond(), context.folder, net.ns + "h", "0@0,1@0").start(60)
    context.processes.append(rig.vms["beyond"])
    for cable in ("pmk", "pnk"):
        for line in ("link set %s netns %s" % (cable, net.ns + "vk"), "link set %s up" % cable):
            subprocess.run(["ip", "-n", net.ns + ("vk" if "up" in line else ""), *line.split()], check=True, timeout=10)
    memifs = [("net_memif%d,role=client,id=0,socket-abstract=no,socket=%s" % (i, Kinds.socket(context, name)), "p%sk" % name)
              for i, name in enumerate("mn")]
    rig.vms["guests"] = Guest(Kinds.socket(context, "v"), False, TaggedKinds.macs["v"], "pvk", context.folder, net.ns + "vk",
                              memifs).start()
    for name, device in {"k": "gk", "t": "tt", "u": "tu", "h": "gh", "v": "gvk", "m": "gmk", "n": "gnk"}.items():
        made[name] = Host.apart(net, device, net.ns if name in "tu" else net.guest_ns)
        subprocess.run(["ip", "-n", made[name].ns, "link", "set", device, "address", TaggedKinds.macs[name]], check=True, timeout=10)
        v4, v6 = addresses(name)
        made[name].up([v4 + "/24", v6 + "/64"], "tso" if name == "k" else "tx")
    return made


# Breaks without push_tag() (no stream begins), and with csum = keep on k.
@test("TCP streams arrive whole in a VLAN whose tag is on the uplink only: between af_packet with unfinished checksums, tap, vhost-user, "
      "memif and a host beyond the uplink, from tap to tap, and from memif to memif", TaggedKinds, slow=True, timeout_s=120)
def tagged_pairs(rig, context):
    made = tagged_hosts(rig, context)
    started = time.monotonic()
    kinds = "ktvmh"     # each with each, one way: all ways are tried without tags
    pairs = [(a, b) for i, a in enumerate(kinds) for j, b in enumerate(kinds) if (i - j) % 5 in (1, 3)] + [("t", "u"), ("n", "m")]
    for source, destination in pairs:   # both where a checksum is to be finished, else IPv6 one way
        is_one = "k" not in (source, destination)
        carry(made, source, destination, slice(source > destination, 1 + (source > destination)) if is_one else slice(0, 2))
    context.note("%d pairs, IPv4 or IPv6 or both, in %.0f s" % (len(pairs), time.monotonic() - started))
    assert not any(rig.all_drops(name) for name, _, _ in TaggedKinds.vfs)


# Breaks without frame_is_cut() in port_fix_burst(): half a frame would arrive.
@test("a frame that af_packet cut is dropped as truncated, a whole one and a padded one pass", Kinds)
def truncated(rig, context):
    made = hosts(rig, context)
    whole = udp4(OUTSIDE, Kinds.macs["k"], size=400)
    before = rig.drop_count("k", "truncated"), rig.out_pkts("k", "tx")
    inject(made["k"], whole[:300], whole + bytes(20), whole)
    rig.wait_until(lambda: rig.drop_count("k", "truncated") == before[0] + 1, "one drop as truncated")
    rig.wait_until(lambda: rig.out_pkts("k", "tx") >= before[1] + 2, "the others sent on")


# Breaks likewise; the kernel makes the long frames here, and af_packet's driver cuts them.
@test("with segmentation on before af_packet its cut frames are counted as truncated, none is forwarded in part", Kinds,
      slow=True, timeout_s=40)
def segmentation_left_on(rig, context):
    made = hosts(rig, context)
    before = rig.drop_count("k", "truncated")
    host, (address, _) = made["k"], addresses("pf")
    reach(host, address)
    host.run("ethtool", "-K", host.device, "tso", "on")
    try:
        server = Stream(made["pf"].ns, address)
        try:
            send_stream(host.ns, address, server.port, STREAM * 4, 3)
        except OSError:
            pass        # it may never end: that is what the counter explains
    finally:
        host.run("ethtool", "-K", host.device, "tso", "off")
    assert rig.drop_count("k", "truncated") > before, "no frame was counted as truncated"


def inject(host, *frames):
    """Raw frames out of a host's device, as they are."""
    with Inside(host.ns):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.bind((host.device, 0))
    with sock:
        for frame in frames:
            sock.send(frame)
