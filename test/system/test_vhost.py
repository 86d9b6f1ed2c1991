# SPDX-License-Identifier: BSD-3-Clause
"""vhost-user guests that die and come back.  A guest is a dpdk-testpmd with a virtio NIC that passes everything between
it and a cable, so that frames can be sent and counted at the guest's far side."""

import os
import signal
import threading
import time

from harness.blast import Blast, Rates
from harness.frames import OUTSIDE, numbered
from harness.process import Guest
from harness.suite import test
from harness.view import weirctl
from rigs import Guests, mac

X = mac(1)


def guest(rig, context, number):
    """The guest behind net_vhost<number>: weir is the client of the first and the server of the second."""
    far = "k%d" % (number + 1)
    g = Guest(Guests.socket(context, number), number == 0, mac(0x61 + number), "p" + far, context.folder,
              rig.net.ns + far).start()
    context.defer(g.kill)
    return g


def wait_for_traffic(rig, number, timeout_s=15):       # EAL starts slowly on a busy machine
    """Knocks until a frame gets through both ways."""
    far, address = "k%d" % (number + 1), mac(0x61 + number)
    down, up = numbered(address, OUTSIDE, 7), numbered(OUTSIDE, address, 8)
    started = time.monotonic()
    while time.monotonic() - started < timeout_s:
        rig.net["pf"].send(down)
        rig.net[far].send(up)
        got = rig.net.collect(lambda g: g["pf"] and g[far], timeout_s=0.2, linger_s=0)
        if down in got[far] and up in got["pf"]:
            time.sleep(0.1)
            rig.net.drain()
            return time.monotonic() - started
    raise AssertionError("no traffic through guest %d within %g s" % (number, timeout_s))


def check_frames(rig, number):
    far, address = "k%d" % (number + 1), mac(0x61 + number)
    down = [numbered(address, OUTSIDE, i, size=60 + i) for i in range(100)]
    up = [numbered(OUTSIDE, address, i, size=60 + i) for i in range(100)]
    rig.net["pf"].send(*down)
    rig.net[far].send(*up)
    rig.net.expect({far: down, "pf": up}, timeout_s=5)


def die_and_return(rig, context, number):
    name, address = "g%d" % (number + 1), mac(0x61 + number)
    first = guest(rig, context, number)
    wait_for_traffic(rig, number)
    check_frames(rig, number)
    with Blast(rig.net, "x", [numbered(OUTSIDE, X, 0)], 2000):
        time.sleep(0.2)
        rates = Rates(rig)
        first.kill()
        time.sleep(0.5)     # weir learns of it
        gone = rig.drop_count(name, "receiver_gone", "rx")
        rig.net["pf"].send(*[numbered(address, OUTSIDE, i) for i in range(50)])
        rig.wait_until(lambda: rig.drop_count(name, "receiver_gone", "rx") == gone + 50,
                       "50 more frames counted as receiver_gone")
        guest(rig, context, number)
        rig.net.drain()
        time.sleep(1.0)
        rates.stop()
    rates.check("the other VF's packets/s", rates["pf"].pps, rates["x"].sent_pps)
    time.sleep(0.1)
    took_s = wait_for_traffic(rig, number)
    context.note("traffic was back %.1f s after the restart" % (took_s + 1.1))
    check_frames(rig, number)


@test("weirctl why says that no guest is connected, and that weir itself did not run", Guests)
def why_nothing_comes(rig):
    idle, gone = weirctl(rig, "why", "x", "--seconds", "0.2").stdout, weirctl(rig, "why", "g2", "--seconds", "0.2").stdout
    assert "nothing holds it" in idle and "is down" not in idle, idle
    assert "its port net_vhost1 is down" in gone and "nothing holds it" not in gone, gone
    assert " down " in [line for line in weirctl(rig, "vfs").stdout.splitlines() if line.startswith("g2 ")][0]
    asking = threading.Thread(target=lambda: answers.append(weirctl(rig, "why", "x", "--seconds", "1").stdout))
    answers = []
    asking.start()
    while asking.is_alive():
        os.kill(rig.weir.pid, signal.SIGSTOP)
        time.sleep(0.2)
        os.kill(rig.weir.pid, signal.SIGCONT)
        time.sleep(0.1)
    asking.join()
    assert answers and "weir itself ran for only" in answers[0] and "isolcpus" in answers[0], answers


@test("a guest that serves the socket is killed and restarted: traffic is back by itself", Guests, slow=True,
      timeout_s=60, retry=True)
def guest_is_server(rig, context):
    die_and_return(rig, context, 0)


@test("a guest that connects to weir's socket is killed and restarted: traffic is back by itself", Guests, slow=True,
      timeout_s=60, retry=True)
def guest_is_client(rig, context):
    die_and_return(rig, context, 1)
