# SPDX-License-Identifier: BSD-3-Clause
"""Each kind of port once as the PF and once as a VF's, frame by frame; weir as the client of sockets too.  (Streams between
kinds: test_kinds.py.)"""

import contextlib
import os
import socket
import time

from harness.blast import TooBusy
from harness.frames import OUTSIDE, numbered, read_pcap, write_pcap
from harness.net import End, Net
from harness.process import Guest, MemifPeer, Weir
from harness.suite import test
from harness.view import View, wait_until
from rigs import mac

A, X = mac(1), mac(2)       # the af_packet side's VF, where the kind is the PF; the kind's own VF, where it is not
N = 50
DOWN = [numbered(A, OUTSIDE, i, size=60 + i) for i in range(N)]     # from the uplink to a
UP = [numbered(OUTSIDE, A, i, size=60 + i) for i in range(N)]
TO_X = [numbered(X, OUTSIDE, i, size=60 + i) for i in range(N)]
FROM_X = [numbered(OUTSIDE, X, i, size=60 + i) for i in range(N)]


class Bed:
    """weir with one af_packet port and one of the kind under test."""

    def __init__(self, context, device, vdev, is_pf, peer=None, peer_first=False, peer_last=False):
        self.net = Net(["a", "k"], ["k"])
        context.defer(self.net.close)
        pf, vf = (device, "net_af_packet0") if is_pf else ("net_af_packet0", device)
        more = "trusted = yes\n" if device == "net_memif0" and not is_pf else ""
        config = "[port %s]\nrole = pf\nrate = 1G\n\n[port %s]\n%s\n[vf x]\nport = %s\nmac = %s\n" % (
            pf, vf, more, vf, A if is_pf else X)
        self.weir = Weir(context.binary, config, ["net_af_packet0,iface=pa,framecnt=1024", vdev], context.folder, self.net.ns)
        context.processes.append(self.weir)
        context.defer(self.weir.kill)
        self.peer = peer = peer(self.net.ns + "k") if peer else None
        if peer:
            context.defer(peer.kill)
            context.processes.append(peer)
        if peer and peer_first:
            peer.start()
            wait_until(lambda: os.path.exists(peer.stale_path), "the peer serves its socket", 10)
        self.weir.start()
        if peer and not peer_first and not peer_last:     # last: by the test
            peer.start()
        self.view = View(self.weir)
        self.is_pf = is_pf

    def knock(self, far, timeout_s=25):
        """Until frames get through both ways."""
        there, here = (OUTSIDE, A) if self.is_pf else (X, OUTSIDE)
        ping, pong = numbered(there, here, 1000), numbered(here, there, 1001)
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            self.net["a"].send(ping)
            self.net[far].send(pong)
            got = self.net.collect(lambda g: g["a"] and g[far], timeout_s=0.2, linger_s=0)
            if ping in got[far] and pong in got["a"]:
                time.sleep(0.1)
                self.net.settle()
                return
        if self.peer and "Multi-process socket" not in self.peer.output():
            raise TooBusy("the peer, dpdk-testpmd, was still starting EAL after %g s" % timeout_s)
        raise AssertionError("no traffic within %g s" % timeout_s)

    def check_both_ways(self, far):
        self.knock(far)
        out, back = (UP, DOWN) if self.is_pf else (TO_X, FROM_X)
        self.net["a"].send(*out)
        self.net[far].send(*back)
        self.net.expect({far: out, "a": back}, timeout_s=5)

    def end(self):
        code = self.weir.stop()
        assert code == 0, "weir ended with code %d: not every mbuf came home" % code


def roles():
    """The kind as the PF, then as a VF's."""
    return (True, False)


@test("tap: as the PF and as a VF's port, frames pass both ways")
def tap(context):
    for is_pf in roles():
        bed = Bed(context, "net_tap0", "net_tap0,iface=gtap", is_pf)
        bed.net.ends["tap"] = End("tap", bed.net.ns)
        bed.check_both_ways("tap")
        bed.end()
        context.close_deferred()


def with_socket(context, device, vdev, make_peer, peer_first=False):
    for is_pf in roles():
        bed = Bed(context, device, vdev, is_pf, make_peer, peer_first)
        bed.check_both_ways("k")
        bed.end()
        context.close_deferred()


@test("vhost-user, weir as the server: as the PF and as a VF's port, frames pass both ways", timeout_s=70, retry=True)
def vhost_server(context):
    path = os.path.join(context.folder, "s.sock")
    with_socket(context, "net_vhost0", "net_vhost0,iface=" + path,
                lambda ns: Guest(path, False, X, "pk", context.folder, ns))


@test("vhost-user, weir as the client: as the PF and as a VF's port, frames pass both ways", timeout_s=70, retry=True)
def vhost_client(context):
    path = os.path.join(context.folder, "c.sock")
    with_socket(context, "net_vhost0", "net_vhost0,client=1,iface=" + path,
                lambda ns: Guest(path, True, X, "pk", context.folder, ns))


@test("memif, weir as the server: as the PF and as a VF's port, frames pass both ways", timeout_s=70, retry=True)
def memif_server(context):
    path = os.path.join(context.folder, "ms.sock")
    with_socket(context, "net_memif0", "net_memif0,role=server,id=0,socket-abstract=no,socket=" + path,
                lambda ns: MemifPeer(path, False, "pk", context.folder, ns))


@test("memif, weir as the client: as the PF and as a VF's port, frames pass both ways", timeout_s=70, retry=True)
def memif_client(context):
    path = os.path.join(context.folder, "mc.sock")
    with_socket(context, "net_memif0", "net_memif0,role=client,id=0,socket-abstract=no,socket=" + path,
                lambda ns: MemifPeer(path, True, "pk", context.folder, ns), peer_first=True)


def link_of(bed, device):
    return [p["link"] for p in bed.weir.ask("/weir/ports")["ports"].values() if p["device"] == device][0]


def weir_serving(context, path, ns):
    """Another weir, whose uplink is the memif: x is behind it."""
    config = "[port net_memif0]\nrole = pf\nrate = 1G\n\n[port net_af_packet0]\n[vf x]\nport = net_af_packet0\nmac = %s\n" % X
    vdevs = ["net_memif0,role=server,id=0,socket-abstract=no,socket=" + path, "net_af_packet0,iface=pk,framecnt=1024"]
    return Weir(context.binary, config, vdevs, context.folder, ns, "0@0,1@0")


# Breaks without port_again_poll() in port_poll_link().
@test("memif, weir as the client: it starts without its server, finds it when it comes, and again whenever it was killed and "
      "comes back; meanwhile what is for it is dropped as receiver_gone", slow=True, timeout_s=150, retry=True)
def memif_client_waits(context):
    path = os.path.join(context.folder, "mw.sock")
    bed = Bed(context, "net_memif0", "net_memif0,role=client,id=0,socket-abstract=no,socket=" + path, False,
              lambda ns: weir_serving(context, path, ns), peer_last=True)
    assert "port net_memif0: nobody serves %s yet" % path in bed.weir.output(), bed.weir.output()[-500:]
    bed.peer.start(60)
    bed.check_both_ways("k")
    before = len(os.listdir("/proc/%d/fd" % bed.weir.pid))
    for _ in range(3):
        bed.peer.kill()
        wait_until(lambda: link_of(bed, "net_memif0") == "down", "weir learns that the server is gone")
        gone = bed.view.drop_count("x", "receiver_gone", "rx")
        bed.net["a"].send(*TO_X)
        wait_until(lambda: bed.view.drop_count("x", "receiver_gone", "rx") == gone + N, "%d drops as receiver_gone" % N)
        bed.peer = weir_serving(context, path, bed.net.ns + "k")
        context.defer(bed.peer.kill)
        bed.peer.start(60)
        bed.check_both_ways("k")
    assert len(os.listdir("/proc/%d/fd" % bed.weir.pid)) == before, "descriptors were kept"
    assert bed.weir.output().count("port net_memif0 is up") == 4, bed.weir.output()[-800:]
    bed.end()


# Breaks without has_connection(): the driver's connect() waits for one who does not accept, and the control core with it.
@test("memif, weir as the client: servers that do not accept, say nothing, hang up at once, or are none, stop nobody")
def memif_client_of_nonsense(context):
    path = os.path.join(context.folder, "mn.sock")
    bed = Bed(context, "net_memif0", "net_memif0,role=client,id=0,socket-abstract=no,socket=" + path, False)
    before = len(os.listdir("/proc/%d/fd" % bed.weir.pid))
    for manner in ("deaf", "silent", "rude"):
        server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        server.bind(path)
        server.listen(1)
        server.settimeout(0.05)
        until, held = time.monotonic() + 2, []
        while time.monotonic() < until:
            if manner == "deaf":
                time.sleep(0.05)
                continue
            try:
                held.append(server.accept()[0])
            except socket.timeout:
                continue
            if manner == "rude":
                held.pop().close()
        if manner == "deaf":    # those who came, and those who went again
            with contextlib.suppress(socket.timeout):
                while True:
                    held.append(server.accept()[0])
        assert manner == "rude" or len(held) == 1, "%d connections to a server that is %s" % (len(held), manner)
        n_runs = bed.weir.ask("/weir/allocator")["runs"]
        time.sleep(0.3)
        assert bed.weir.ask("/weir/allocator")["runs"] > n_runs, "the control core stands still: the server is %s" % manner
        assert link_of(bed, "net_memif0") == "down"
        for peer in held + [server]:
            peer.close()
        os.unlink(path)
    wait_until(lambda: len(os.listdir("/proc/%d/fd" % bed.weir.pid)) <= before + 1, "no more descriptors than before", 5)
    bed.end()


@test("pcap: what a file holds is received once, what is sent is in the other file, as the PF and as a VF's port")
def pcap(context):
    for is_pf in roles():
        out, back = (UP, DOWN) if is_pf else (TO_X, FROM_X)
        rx, tx = (os.path.join(context.folder, name) for name in ("rx.pcap", "tx.pcap"))
        write_pcap(rx, back)
        bed = Bed(context, "net_pcap0", "net_pcap0,rx_pcap=%s,tx_pcap=%s" % (rx, tx), is_pf)
        bed.net.expect({"a": back}, timeout_s=5)
        bed.net["a"].send(*out)
        wait_until(lambda: sent_to(bed, is_pf) >= N, "%d frames sent to the file" % N)
        bed.end()
        got = read_pcap(tx)
        assert got == out, "the file has %d frames, wanted the %d that were sent" % (len(got), N)
        context.close_deferred()


def sent_to(bed, is_pf):
    """What left by the kind's port."""
    return bed.view.out_pkts("x", "tx" if is_pf else "rx")


@test("ring: what is sent comes back in, and is counted both ways, as the PF and as a VF's port")
def ring(context):
    for is_pf in roles():
        bed = Bed(context, "net_ring0", "net_ring0", is_pf)
        # Back from the uplink their source is a VF of this side, back from the VF it is not the VF's.
        name, frames = ("pf", UP) if is_pf else ("x", TO_X)
        bed.net["a"].send(*frames)
        wait_until(lambda: bed.view.drop_count(name, "spoof") == N, "%d drops as spoof" % N)
        bed.end()
        context.close_deferred()


@test("null: takes all and gives nothing, or all that is asked for, as the PF and as a VF's port")
def null(context):
    for is_pf in roles():
        bed = Bed(context, "net_null0", "net_null0,no-rx=1", is_pf)
        bed.net["a"].send(*(UP if is_pf else TO_X))
        wait_until(lambda: sent_to(bed, is_pf) == N, "%d frames sent" % N)
        bed.end()
        context.close_deferred()
    bed = Bed(context, "net_null0", "net_null0,size=64", False)
    wait_until(lambda: bed.view.drop_count("x", "spoof") > 10000, "a flood of frames from nobody, dropped as spoof")
    bed.end()
