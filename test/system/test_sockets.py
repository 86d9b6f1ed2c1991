# SPDX-License-Identifier: BSD-3-Clause
"""Socket paths that cannot be: told before anything is started, all at once, and nothing is touched."""

import os
import socket
import subprocess

from harness.suite import test

CONFIG = "[port net_null0]\nrole = pf\nrate = 1G\n[port net_vhost0]\n[vf a]\nport = net_vhost0\nmac = 02:00:00:00:00:01\n"


def start(context, *vdevs, config=CONFIG):
    path = os.path.join(context.folder, "sockets.conf")
    with open(path, "w") as f:
        f.write(config)
    argv = [context.binary, "--lcores", "0@0,1@0", "--no-huge", "-m", "256", "--no-pci", "--no-telemetry", "--no-shconf",
            "--vdev=net_null0", *["--vdev=" + v for v in vdevs], "--", "--config", path]
    return subprocess.run(argv, capture_output=True, text=True, timeout=15)


# Breaks when sockets_make_way() ends at the first mistake, or starts EAL in spite of one.
@test("socket paths in use, without a folder, too long, or no socket are told at once, before EAL starts")
def bad_paths(context):
    served, plain, stale = (os.path.join(context.folder, name) for name in ("served", "plain", "stale"))
    listener = socket.socket(socket.AF_UNIX)
    context.defer(listener.close)
    listener.bind(served)
    listener.listen(1)
    with open(plain, "w") as f:
        f.write("somebody's letter")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(stale)
    long_path = context.folder + "/" + "x" * 120
    done = start(context, "net_vhost0,iface=" + served, "net_vhost1,iface=" + context.folder + "/no/folder/s",
                 "net_vhost2,client=1,iface=" + long_path, "net_vhost3,iface=" + plain, "net_vhost4,iface=" + stale,
                 "net_memif0,role=server,socket=" + served + ",socket-abstract=no")
    assert done.returncode not in (0, -6, -11), "code %d" % done.returncode
    wanted = ("net_vhost0: somebody serves the socket " + served, "net_vhost1: the folder of the socket",
              "mkdir -p " + context.folder + "/no/folder", "net_vhost2: the path of a socket has 107 characters at most",
              "net_vhost3: " + plain + " is there and is no socket", "net_memif0: somebody serves")
    for text in wanted:
        assert text in done.stderr, "no %r in:\n%s" % (text, done.stderr)
    assert "EAL:" not in done.stdout + done.stderr, "EAL was started"
    assert os.path.exists(served) and os.path.exists(stale), "a socket was taken away though nothing was started"
    with open(plain) as f:
        assert f.read() == "somebody's letter"
    probe = socket.socket(socket.AF_UNIX)
    probe.connect(served)
    probe.close()


# Breaks when port_find() does not look at the device's arguments, or port_start() at the driver.
# Breaks without was_given(), or a look at what look_at() does not find.
@test("a device that was given but does not come is told from one that was not, and a socket without a path is asked for")
def no_device(context):
    cases = (([], "port net_vhost0: EAL knows no such device; it knows: net_null0; give it with --vdev or -a"),
             (["net_vhost0"], "net_vhost0: no path of a socket: wanted iface=PATH in its --vdev"),
             (["net_vhost0,iface="], "net_vhost0: no path of a socket: wanted iface=PATH in its --vdev"),
             (["net_af_packet0,iface=nosuch0"], "port net_af_packet0: its driver does not start it, with what --vdev gives it"))
    for vdevs, wanted in cases:
        done = start(context, *vdevs, config=CONFIG.replace("net_vhost0", "net_af_packet0") if "af_" in wanted else CONFIG)
        assert done.returncode not in (0, -6, -11), "code %d" % done.returncode
        assert wanted in done.stderr, "no %r in:\n%s" % (wanted, done.stderr)


@test("TSO of a vhost port whose driver would not tell which frames to cut is refused")
def refused(context):
    path = os.path.join(context.folder, "nobody")
    done = start(context, "net_vhost0,tso=1,legacy-ol-flags=1,iface=" + path)
    assert done.returncode not in (0, -6, -11), "code %d" % done.returncode
    assert "net_vhost0: with legacy-ol-flags=1 the driver does not tell" in done.stderr, done.stderr


# Breaks when a memif socket that is not a file is looked for in the file system.
@test("what is no socket of weir's is not looked at: a client's path, an abstract name")
def others_paths(context):
    path = os.path.join(context.folder, "letter")
    with open(path, "w") as f:
        f.write("x")
    done = start(context, "net_vhost1,client=1,iface=" + context.folder + "/nobody/yet",
                 "net_memif0,role=server,socket=" + path + ",id=0")
    assert "nobody/yet" not in done.stderr.split("EAL")[0] and "is no socket" not in done.stderr, done.stderr
    assert os.path.exists(path)
