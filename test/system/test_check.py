# SPDX-License-Identifier: BSD-3-Clause
"""What --check tells before a start is what a start then needs, and warns of."""

import re
import subprocess

from harness.suite import test
from rigs import sections, vdevs_of

CABLES = ["pf", "a", "s"]
MB = 2**20


def config():
    vfs = {"a": ("a", 1, ["queue = 1024"])}
    vfs.update({"s%d" % n: ("s", 0x40 + n, []) for n in range(12)})
    return sections(CABLES, "1G", vfs)


def check(context, path, *eal):
    done = subprocess.run([context.binary, *eal, "--", "--check", "--config", path], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0, done.stderr
    return done


def anonymous_bytes(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"RssAnon:\s+(\d+) kB", f.read()).group(1)) * 1024


# Broken by: receive rings that are left out of the plan (other buffers than a start makes).
@test("the memory that --check tells is enough to start with, and what a start takes")
def memory(context):
    for lcores in ("0@0,1@0", "0@0,1@0,2@0,3@0"):
        path = context.folder + "/check.conf"
        with open(path, "w") as f:
            f.write(config())
        said = check(context, path, "--lcores", lcores, "--no-huge", "-m", "32").stdout
        assert "(-m 32 is given: too little)" in said, said
        eal_mb = int(re.search(r"EAL's +(\d+) MB: give it -m", said).group(1))
        n_mbufs = int(re.search(r"(\d+) packet buffers", said).group(1))
        rest_mb = int(re.search(r"the rest +\d+ MB at once, (\d+) MB", said).group(1))
        _net, weir = context.launch(CABLES, config(), vdevs_of(CABLES), lcores=lcores, mem_mb=eal_mb)
        assert weir.ask("/weir/info")["n_mbufs"] == n_mbufs, (weir.ask("/weir/info"), said)
        assert anonymous_bytes(weir.pid) <= (rest_mb + 24) * MB, (anonymous_bytes(weir.pid), said)    # DPDK's own, and the C library's
        assert weir.stop() == 0


@test("what holds otherwise than one may think is warned of by --check and at a start, and starts")
def warnings(context):
    vfs = {"a": ("a", 1, ["tenant = lab"]), "b": ("s", 2, ["tenant = lab"]), "c": ("s", 3, [])}
    text = sections(CABLES, "1G", vfs, port_more={"a": ["spare = 1"]}) + "[tenant lab]\ntx.min_pps = 5k\n"
    _net, weir = context.launch(CABLES, text, vdevs_of(CABLES))
    done = check(context, weir.config_path)
    for told in (done.stderr, weir.output()):
        assert "[vf a] is alone on net_af_packet1, but drops" in told and "wanted spare = 0 in [port net_af_packet1]" in told, told
        assert "[tenant lab] is guaranteed 5000 packets/s" in told and "with [vf c], which is not in it" in told, told
    assert weir.stop() == 0
