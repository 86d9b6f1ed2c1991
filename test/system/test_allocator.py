# SPDX-License-Identifier: BSD-3-Clause
"""The allocator of a running weir: what it tells, and what holds while the control core stands still."""
import ctypes
import os
import time

from harness.blast import Blast
from harness.frames import OUTSIDE, udp4
from harness.suite import test
from rigs import mac, sections, vdevs_of

CABLES = ["pf", "a", "b"]
VFS = {"a": ("a", 1, ["tx.max_pps = 2k", "tx.min_pps = 1k"]), "b": ("b", 2, [])}
A = mac(1)
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


def ptrace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def hold_control_core(pid):
    """Until asked for more: stops the main thread alone; the workers and telemetry go on."""
    ptrace(PTRACE_SEIZE, pid)
    ptrace(PTRACE_INTERRUPT, pid)
    os.waitpid(pid, 0)
    yield
    ptrace(PTRACE_DETACH, pid)


def start(context, text=""):
    return context.launch(CABLES, sections(CABLES, "1G", VFS) + text, vdevs_of(CABLES))


@test("period, capacities and grants are told, asked and effective")
def told(context):
    net, weir = start(context, "[allocator]\nperiod = 2ms\n")
    time.sleep(1)
    answer = weir.ask("/weir/allocator")
    assert answer["period_asked_ns"] == 2000000 and answer["period_ns"] >= 2000000, answer
    assert answer["runs"] >= 20 and 0 < answer["cost_p50_ns"] <= answer["cost_max_ns"], answer
    assert answer["port_bps"]["asked"] == answer["port_bps"]["effective"] == 10**9, answer["port_bps"]
    assert answer["core_pps"]["asked"] == 0 and answer["core_pps"]["by"] == "configured", answer["core_pps"]
    assert answer["grants"]["a"]["granted_pps"] == answer["grants"]["a"]["sold_pps"] == 1000, answer["grants"]
    assert "no such VF" in weir.ask("/weir/allocator,7")["error"]


@test("limits hold while the control core stands still, and it says how long it was away")
def away(context):
    net, weir = start(context)
    time.sleep(0.5)
    pid = weir.ask("/weir/info")["pid"]
    with Blast(net, "a", [udp4(OUTSIDE, A, size=200)], 10000):
        time.sleep(1)
        held = hold_control_core(pid)
        next(held)
        begin, before = time.monotonic(), weir.ask("/weir/vf,a")["tx"]["out_pkts"]
        runs = weir.ask("/weir/allocator")["runs"]
        time.sleep(3)
        took_s, after = time.monotonic() - begin, weir.ask("/weir/vf,a")["tx"]["out_pkts"]
        assert weir.ask("/weir/allocator")["runs"] == runs, "the control core ran"
        for _ in held:
            pass
    pps = (after - before) / took_s
    assert 1000 <= pps <= 2000 * 1.05, "%.0f packets/s, wanted at most 2000, and the guarantee" % pps
    time.sleep(0.5)
    answer = weir.ask("/weir/allocator")
    assert answer["times_away"] == 1 and answer["last_away_ns"] > 2.5e9, answer
    texts = [d["text"] for d in answer["decisions"].values()]
    assert any("was away for" in text for text in texts), texts
    assert "the control core was away for" in weir.output()
