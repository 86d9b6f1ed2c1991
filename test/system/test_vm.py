# SPDX-License-Identifier: BSD-3-Clause
"""Real VMs: QEMU boots Linux, and its virtio-net is a vhost-user port of weir's.  The peer behind the PF is this host's own
TCP/IP.  The VMs are booted once and shared by all tests here; what breaks one (a kill, a reboot) mends it too.

A ping sees no wrong checksum, so streams are compared by their hash, and rates are what the far end's kernel counted."""

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import time

from harness.blast import Rates, TooBusy
from harness.suite import test
from harness.view import wait_until
from harness.vm import Host, Stream, Vm, guestvm, random_bytes
from rigs import Machines

V4 = "10.9.%d.%d"           # NIC, host number
V6 = "fd09:%x::%x"
PEER, A, B = 2, 10, 11
STREAM_BYTES = 4 << 20
RATE_S = 1.5


def host(rig):
    """The peer behind the PF, with an address in each NIC's net."""
    if not hasattr(rig, "host"):
        rig.net["pf"].close()       # nobody reads there: a full socket costs the kernel a copy a frame
        del rig.net.ends["pf"]
        rig.host = Host(rig.net.guest_ns, "gpf")
        rig.host.up(addresses(PEER))
    return rig.host


def addresses(number):
    return [V4 % (i, number) + "/24" for i in Machines.limits] + [V6 % (i, number) + "/64" for i in Machines.limits]


def nics_of(context, name):
    if name == "b":
        return [guestvm.Nic(Machines.socket(context, 3), Machines.mac("b", 0), serves=False)]
    return [guestvm.Nic(Machines.socket(context, i), Machines.mac("a", i)) for i in Machines.limits]


def configure(vm, name):
    for i in range(len(vm.nics)):
        number = B if name == "b" else A
        vm.address(i, V4 % (i, number), V6 % (i, number))


def boot(rig, context, *names):
    """The VMs of these names, up; together, where several are missing."""
    host(rig)
    for name in [n for n in names if n not in rig.vms or not rig.vms[n].is_running()]:
        rig.vms[name] = Vm(context.binary, name, nics_of(context, name), context.folder).start()
        rig.vms[name].is_new = True
    for name in names:
        vm = rig.vms[name]
        context.processes.append(vm)
        if vm.is_new:
            vm.wait_up()
            configure(vm, name)
            vm.is_new = False
    vms = [rig.vms[name] for name in names]
    return vms[0] if len(vms) == 1 else vms


def reaches(vm, address, timeout_s=15):
    """Until a ping is answered; -> seconds."""
    started = time.monotonic()
    ping = "ping6" if ":" in address else "ping"
    while time.monotonic() - started < timeout_s:
        if vm.run("%s -c 1 -W 1 %s" % (ping, address), check=False)[0] == 0:
            return time.monotonic() - started
    raise AssertionError("%s was not reached within %g s" % (address, timeout_s))


def pings(vm, address, count=10):
    """All of them answered; -> the text about their times."""
    ping = "ping6" if ":" in address else "ping"
    said = vm.run("%s -c %d -i 0.1 -W 1 %s" % (ping, count, address))
    assert " 0% packet loss" in said, said
    return said.strip().splitlines()[-1]


def take_stream(vm, ns, address, seed):
    """The guest fetches a stream into /tmp/blob; its hash is the sent one's."""
    data = random_bytes(STREAM_BYTES, seed)
    server = Stream(ns, address, data)
    said = vm.run("nc %s %d >/tmp/blob; md5sum </tmp/blob" % (address, server.port), 40)
    wanted = hashlib.md5(data).hexdigest()
    assert said.split()[0] == wanted, "%s: the guest got another stream than was sent" % address
    return wanted


def give_stream(vm, ns, address, wanted):
    """The guest sends /tmp/blob back."""
    server = Stream(ns, address)
    vm.run("nc %s %d </tmp/blob" % (address, server.port), 40)
    got = server.finish()
    assert got == wanted, "%s: %d bytes of another stream than the guest sent" % (address, server.n_bytes)


def check_streams(vm, ns, number=PEER):
    for address in (V4 % (0, number), V6 % (0, number)):
        wanted = take_stream(vm, ns, address, 1)
        give_stream(vm, ns, address, wanted)


# Breaks when no broadcast passes (broadcast_pps = 0).
@test("a real VM gets an address by DHCP, finds its peer by ARP and ND, and pings it", Machines, timeout_s=80)
def first_words(rig, context):
    peer = host(rig)
    vm = boot(rig, context, "a")
    leases = os.path.join(context.folder, "udhcpd.leases")
    conf = os.path.join(context.folder, "udhcpd.conf")
    open(leases, "w").close()
    with open(conf, "w") as f:
        f.write("start 10.9.0.50\nend 10.9.0.50\ninterface gpf\nlease_file %s\noption subnet 255.255.255.0\n" % leases)
    server = peer.popen(guestvm.BUSYBOX, "udhcpd", "-f", "-I", V4 % (0, PEER), conf)
    try:
        said = vm.run("udhcpc -i eth0 -n -q -t 10 -T 1", 20)
        assert "10.9.0.50" in said, said
    finally:
        server.kill()
        server.wait()
    configure_again = "ip addr flush dev eth0 scope global; ip addr add %s/24 dev eth0; ip -6 addr add %s/64 dev eth0"
    vm.run(configure_again % (V4 % (0, A), V6 % (0, A)))
    for address in (V4 % (0, PEER), V6 % (0, PEER)):
        reaches(vm, address)
        context.note("ping %s: %s" % (address, pings(vm, address)))
    peer.run("ping", "-c", "5", "-i", "0.2", V4 % (0, A))


# Breaks when the vhost port is opened with legacy-ol-flags=1 (partial checksums leave as they are; the ping still works).
@test("a VM's TCP streams arrive whole, both ways, over IPv4 and IPv6", Machines, timeout_s=90, retry=True)
def streams(rig, context):
    vm = boot(rig, context, "a")
    reaches(vm, V4 % (0, PEER))
    check_streams(vm, rig.net.guest_ns)


@test("two VMs reach each other through weir: ping, and TCP streams that arrive whole", Machines, slow=True, timeout_s=90, retry=True)
def vm_to_vm(rig, context):
    a, b = boot(rig, context, "a", "b")
    for address in (V4 % (0, B), V6 % (0, B)):
        reaches(a, address)
        pings(a, address, 5)
    wanted = take_stream(a, rig.net.guest_ns, V4 % (0, PEER), 3)
    for address in (V4 % (0, B), V6 % (0, B)):
        b.run("tail -f /dev/null | nc -l -p 9000 >/tmp/got &")     # busybox's server would end with its own input
        time.sleep(0.3)
        a.run("nc %s 9000 </tmp/blob" % address, 40)
        got = b.run("while pidof nc >/dev/null; do sleep 0.1; done; md5sum </tmp/got", 20).split()[0]
        assert got == wanted, "b got another stream than a sent, to %s" % address


# Breaks when pipe_is_too_long() says no, and without mtu = 9000.
@test("jumbo frames pass between two VMs whose ports have mtu = 9000; what is longer than a port's MTU is dropped as mtu",
      Machines, slow=True, timeout_s=90, retry=True)
def jumbo(rig, context):
    a, b = boot(rig, context, "a", "b")
    reaches(a, V4 % (0, B))
    for vm in (a, b):
        vm.run("ip link set eth0 mtu 65535")
    try:
        said = a.run("ping -c 3 -s 8972 -W 2 %s" % (V4 % (0, B)))
        assert " 0% packet loss" in said, said
        for size, address in ((9000, V4 % (0, B)), (60000, V4 % (0, B)), (8972, V4 % (0, PEER))):
            with rig.drops("a0", "mtu", 2):
                assert a.run("ping -c 2 -i 0.2 -s %d -W 1 %s" % (size, address), check=False)[0] != 0
        for vm in (a, b):
            vm.run("ip link set eth0 mtu 9000")
        wanted = take_stream(a, rig.net.guest_ns, V4 % (0, PEER), 4)
        b.run("tail -f /dev/null | nc -l -p 9001 >/tmp/got &")
        time.sleep(0.3)
        before = rig.direction("a0", "tx")
        a.run("nc %s 9001 </tmp/blob" % (V4 % (0, B)), 40)
        got = b.run("while pidof nc >/dev/null; do sleep 0.1; done; md5sum </tmp/got", 20).split()[0]
        after = rig.direction("a0", "tx")
        assert got == wanted, "b got another stream than a sent"
        mean = (after["out_bytes"] - before["out_bytes"]) / (after["out_pkts"] - before["out_pkts"])
        assert mean > 4000, "frames of %.0f bytes on average: no jumbo frames" % mean
    finally:
        for vm in (a, b):
            vm.run("ip link set eth0 mtu 1500")
    check_streams(a, rig.net.guest_ns)


def offers_tso(vm, nic):
    """What the guest's driver has agreed on with the device: HOST_TSO4 and HOST_TSO6 are bits 11 and 12."""
    bits = vm.run("cat /sys/class/net/eth%d/device/features" % nic).strip()
    return bits[11] == "1" and bits[12] == "1"


@contextlib.contextmanager
def cutting(rig, vm, means, key):
    """means[key]: the packets that weir made of each frame of the guest's in the block, on average."""
    frames, pkts = vm.counter(0, "tx_packets"), rig.direction("a0", "tx")["out_pkts"]
    yield
    means[key] = (rig.direction("a0", "tx")["out_pkts"] - pkts) / (vm.counter(0, "tx_packets") - frames)


def give_to(a, b, address, port, wanted):
    """a sends /tmp/blob to b."""
    b.run("tail -f /dev/null | nc -l -p %d >/tmp/got &" % port)
    time.sleep(0.3)
    a.run("nc %s %d </tmp/blob" % (address, port), 40)
    got = b.run("while pidof nc >/dev/null; do sleep 0.1; done; md5sum </tmp/got", 20).split()[0]
    assert got == wanted, "b got another stream than a sent, to %s" % address


# Breaks with a segment's payload taken from the wrong place, one checksum for all, FIN in each; and when tso=1 is not told to
# the driver.
@test("a VM that was offered TSO leaves cutting to weir, over IPv4 and IPv6: streams arrive whole at the uplink's peer and at another "
      "VM; where a frame is more than 1 ms of its limit it was not offered", Machines, slow=True, timeout_s=120, retry=True)
def segmentation(rig, context):
    a, b = boot(rig, context, "a", "b")
    assert [offers_tso(a, nic) for nic in Machines.limits] == [True, False, False], "TSO by NIC"
    assert offers_tso(b, 0)
    for nic in (1, 2):
        wanted = "port net_vhost%d: tso=1 is not offered to the guest: one frame of 64 KB is more than 1 ms" % nic
        assert wanted in rig.weir.output(), "no %r" % wanted
    means = {}
    for i, addresses_of in enumerate((V4, V6)):
        address = addresses_of % (0, PEER)
        reaches(a, address)
        wanted = take_stream(a, rig.net.guest_ns, address, 5 + i)
        reaches(a, addresses_of % (0, B))
        with cutting(rig, a, means, address):
            give_stream(a, rig.net.guest_ns, address, wanted)
        address = addresses_of % (0, B)
        with cutting(rig, a, means, address):
            give_to(a, b, address, 9002 + i, wanted)
    for address, mean in means.items():
        context.note("to %s: %.1f packets of each frame" % (address, mean))
    for address in (V4 % (0, PEER), V6 % (0, PEER)):        # a slow reader's window leaves little to cut
        assert means[address] > 1.3, "to %s %.2f packets of each frame: TSO is not used" % (address, means[address])
    assert rig.drop_count("a0", "segmentation") == 0


@test("iperf3, TCP and UDP, both ways: VM and uplink, VM and VM", Machines, slow=True, timeout_s=120, retry=True)
def iperf_both_ways(rig, context):
    a, b = boot(rig, context, "a", "b")
    peer = host(rig)
    reaches(a, V4 % (0, B))
    for vm in (a, b):
        vm.run("pidof iperf3 >/dev/null || iperf3 -s -D")
    time.sleep(0.5)
    for reverse in ([], ["-R"]):
        end = peer.iperf("-c", V4 % (0, A), "-t", "1", *reverse)
        tcp = end["sum_received"]["bits_per_second"] / 1e6
        assert tcp > 20, "TCP%s: %.1f Mb/s" % (reverse, tcp)
        end = peer.iperf("-c", V4 % (0, A), "-t", "1", "-u", "-b", "20M", "-l", "1400", *reverse)
        lost = end["sum"]["lost_percent"]
        assert lost < 1, "UDP at 20 Mb/s%s: %.1f %% lost" % (reverse, lost)
        context.note("uplink %s: TCP %.0f Mb/s; UDP 20 Mb/s, %.2f %% lost" % ("<- VM" if reverse else "-> VM", tcp, lost))
    for more in ("", "-R", "-u -b 20M -l 1400", "-u -b 20M -l 1400 -R"):
        said = a.run("iperf3 -c %s -t 1 %s" % (V4 % (0, B), more), 30)
        got = [line for line in said.splitlines() if "receiver" in line][0]
        rate, unit = re.search(r"([\d.]+) ([KMG])bits/sec", got).groups()
        rate = float(rate) * {"K": 1e-3, "M": 1, "G": 1e3}[unit]
        assert rate > 15, "VM to VM %s: %s" % (more, got)
        context.note("VM to VM %s: %.0f Mb/s" % (more or "TCP", rate))


class Watch:
    """Rates over the block; too low a one is believed only where weir and the VM had their CPUs."""

    def __init__(self, rig, vm, read):
        self.rig, self.vm, self.read = rig, vm, read

    def read_at(self):
        """-> the counter, when it was read, and how far that may be wrong.  Some tries, for a busy machine takes its time to
        answer."""
        tries = []
        while len(tries) < 10:
            asked = time.monotonic()
            value = self.read()
            took_s = time.monotonic() - asked
            tries.append((took_s / 2, asked + took_s / 2, value))
            if took_s < 0.002:
                break
        doubt_s, at, value = min(tries)
        return value, at, doubt_s

    def measure(self, seconds=RATE_S):
        """-> bits/s of what 'read' counts in bytes."""
        rates, waited = Rates(self.rig), self.vm.waited_ns()
        before, started, early_s = self.read_at()
        time.sleep(seconds)
        after, ended, late_s = self.read_at()
        rates.stop()
        self.busy = max(1 - rates.cpu_share, (self.vm.waited_ns() - waited) / 1e9 / (ended - started))
        self.bps = (after - before) * 8 / (ended - started)
        self.doubt = (early_s + late_s) / (ended - started)
        return self.bps

    def check(self, what, limit_bps):
        text = "%s: %.3f Mb/s, sold %.0f, wanted 99 to 101 %%" % (what, self.bps / 1e6, limit_bps / 1e6)
        if 0.01 < abs(self.bps / limit_bps - 1) <= 0.01 + self.doubt:
            raise TooBusy("%s; when that was counted is known to %.1f %% only" % (text, 100 * self.doubt))
        if self.bps < 0.99 * limit_bps and self.busy > 0.05:
            raise TooBusy("%s; weir and the VM's threads waited for a CPU %.0f %% of the time" % (text, 100 * self.busy))
        assert 0.99 * limit_bps <= self.bps <= 1.01 * limit_bps, text


def got_less(rig, vm, nic, before):
    """How much less the guest's kernel has counted than weir, since both were 'before'; of a moment in which nothing came."""
    sent, seen = None, 0
    while sent != rig.direction("a%d" % nic, "rx")["out_bytes"]:
        sent = rig.direction("a%d" % nic, "rx")["out_bytes"]
        seen = vm.counter(nic, "rx_bytes")
    return sent - seen - before


def limit_of(rig, context, nic, direction, udp, flows=1, v6=False):
    """One direction of one NIC at its limit, by iperf3.  What goes to the guest weir counts, whose count is read at a time that
    is known; and when all is quiet the guest's must have grown by the same."""
    vm, peer, limit_bps = boot(rig, context, "a"), host(rig), Machines.limits[nic] * 1e6
    reaches(vm, V4 % (nic, PEER))
    before = got_less(rig, vm, nic, 0)
    address = (V6 if v6 else V4) % (nic, PEER if direction == "tx" else A)
    arguments = ["-c", address, "-t", "30", "-P", str(flows)]
    if udp:
        arguments += ["-u", "-l", "1400", "-b", "%dM" % (limit_bps / 1e6 * (2 if nic == 1 else 1.3))]
    if direction == "tx":
        server = peer.popen("iperf3", "-s", "-1", "-B", address)
        time.sleep(0.3)
        vm.run("iperf3 %s >/tmp/iperf 2>&1 & echo $! >/tmp/pid" % " ".join(arguments))
        watch = Watch(rig, vm, lambda: peer.counter("rx_bytes"))
    else:
        vm.run("(iperf3 -s -1 >/tmp/iperf 2>&1 & echo $! >/tmp/pid)")
        time.sleep(0.3)
        server = peer.popen("iperf3", *arguments)
        watch = Watch(rig, vm, lambda: rig.direction("a%d" % nic, "rx")["out_bytes"])
    try:
        time.sleep(1.2)
        watch.measure()
    finally:
        server.kill()
        server.wait()
        # A guest that floods itself hears of it late: until its iperf3 ends by itself.
        vm.run("kill $(cat /tmp/pid); sleep 0.3; killall -9 iperf3", 45, check=False)
    wait_until(lambda: got_less(rig, vm, nic, before) == 0, "the guest has counted what weir sent to it", 10)
    what = "%s %s%s, %d flow%s" % (direction, "UDP" if udp else "TCP", " over IPv6" if v6 else "", flows, "s"[:flows > 1])
    context.note("%s: %.3f of %.0f Mb/s" % (what, watch.bps / 1e6, limit_bps / 1e6))
    watch.check(what, limit_bps)


def limits_of(rig, context, cases):
    """All of them; one that this machine is too busy for does not hide what the others show."""
    busy = None
    for nic, direction, udp, flows, v6 in cases:
        try:
            limit_of(rig, context, nic, direction, udp, flows, v6)
        except TooBusy as why:
            busy = why
    if busy:
        raise busy


# Breaks with limits of 103 % in the config.
@test("a VM sold 10 Mb/s has it, TCP and UDP, tx and rx, also over IPv6 and in 32 flows", Machines, slow=True, timeout_s=200,
      retry=True)
def limit_10(rig, context):
    limits_of(rig, context, [(1, direction, udp, 1, False) for direction in ("tx", "rx") for udp in (False, True)]
              + [(1, direction, False, 32, True) for direction in ("tx", "rx")])


@test("a VM sold 100 Mb/s has it, UDP, and TCP over IPv4 and IPv6, in one flow and in 32, tx and rx", Machines, slow=True,
      timeout_s=200, retry=True)
def limit_100(rig, context):
    limits_of(rig, context, [(2, direction, True, 1, False) for direction in ("tx", "rx")]
              + [(2, direction, False, flows, v6) for direction in ("tx", "rx") for flows in (1, 32) for v6 in (False, True)])


# This and the next break when a port that was down never counts as up again (watch_links()).
@test("a VM reboots: its traffic is back by itself", Machines, slow=True, timeout_s=90, retry=True)
def reboot(rig, context):
    vm = boot(rig, context, "a")
    reaches(vm, V4 % (0, PEER))
    vm.console.send("reboot -f")
    vm.wait_up()
    configure(vm, "a")
    context.note("reached again %.1f s after it was up" % reaches(vm, V4 % (0, PEER)))
    check_streams(vm, rig.net.guest_ns)


@test("QEMU is killed and started again: its VM is reached again", Machines, slow=True, timeout_s=90, retry=True)
def qemu_killed(rig, context):
    for name in ("a", "b"):
        boot(rig, context, name).kill()
    rig.wait_until(lambda: not any(port_is_up(rig, i) for i in range(4)), "the VMs' ports are down")
    a, b = boot(rig, context, "a", "b")
    for vm in (a, b):
        reaches(vm, V4 % (0, PEER))
    check_streams(a, rig.net.guest_ns)


def port_is_up(rig, number):
    ports = rig.ask("/weir/ports")["ports"].values()
    return [p["link"] for p in ports if p["device"] == "net_vhost%d" % number] == ["up"]


# Breaks without the unlink() in sockets.c.
@test("weir is killed and started again: the VMs are back by themselves, and a stale socket is no obstacle", Machines,
      slow=True, timeout_s=90, retry=True)
def weir_killed(rig, context):
    a, b = boot(rig, context, "a", "b")
    for vm in (a, b):
        reaches(vm, V4 % (0, PEER))
    rig.weir.kill()
    assert os.path.exists(Machines.socket(context, 3)), "a killed weir left no socket: this test tests nothing"
    rig.start_weir(Machines.config(context), Machines.vdevs(context))
    assert "was left behind by an earlier run: removed" in rig.weir.output(), rig.weir.output()[-800:]
    for name, vm in (("a", a), ("b", b)):
        context.note("%s was reached %.1f s after the start" % (name, reaches(vm, V4 % (0, PEER), 20)))
    check_streams(a, rig.net.guest_ns)


# Breaks when is_served() says no (the driver that cannot bind takes the first weir's socket away).
@test("a socket that somebody serves is not taken away: the second weir fails and says why, the first serves on", Machines,
      slow=True, timeout_s=60)
def socket_in_use(rig, context):
    b = boot(rig, context, "b")
    reaches(b, V4 % (0, PEER))
    path = Machines.socket(context, 3)
    config = os.path.join(context.folder, "second.conf")
    with open(config, "w") as f:
        f.write("[port net_null0]\nrole = pf\nrate = 1G\n[port net_vhost3]\n[vf b]\nport = net_vhost3\nmac = 02:00:00:00:00:01\n")
    inode = os.stat(path).st_ino
    done = subprocess.run([context.binary, "--lcores", "0@0,1@0", "--no-huge", "-m", "256", "--no-pci", "--no-telemetry",
                           "--file-prefix", "weirtest%d_second" % os.getpid(), "--vdev=net_null0",
                           "--vdev=net_vhost3,iface=" + path, "--", "--config", config],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode not in (0, -signal.SIGSEGV), "ended with %d\n%s" % (done.returncode, done.stdout[-500:])
    assert "net_vhost3" in done.stderr and path in done.stderr, done.stderr[-800:]
    assert os.stat(path).st_ino == inode, "the socket was replaced"
    pings(b, V4 % (0, PEER), 3)


@test("with a tap as its uplink weir serves the same VMs: they come over, and streams arrive whole", Machines, slow=True,
      timeout_s=90, retry=True)
def tap_uplink(rig, context):
    vm = boot(rig, context, "a")
    assert rig.weir.stop() == 0, "not every mbuf came home"
    rig.start_weir(Machines.config(context, "net_tap0"), Machines.vdevs(context, "net_tap0,iface=tpf"))
    subprocess.run(["ip", "-n", rig.net.ns, "link", "set", "tpf", "netns", rig.net.guest_ns], check=True, timeout=10)
    host(rig).run("ip", "addr", "flush", "dev", "gpf")
    # With the other one's MAC: a guest may believe its neighbour table for 45 s.
    known = json.loads(host(rig).run("ip", "-j", "link", "show", "gpf"))[0]["address"]
    host(rig).run("ip", "link", "set", "tpf", "address", known)
    tap = Host(rig.net.guest_ns, "tpf")
    tap.up(addresses(PEER))
    try:
        reaches(vm, V4 % (0, PEER), 20)
        check_streams(vm, rig.net.guest_ns)
    finally:
        rig.weir.stop()
        for address in addresses(PEER):
            host(rig).run("ip", "addr", "add", address, "dev", "gpf")
        rig.start_weir(Machines.config(context), Machines.vdevs(context))
