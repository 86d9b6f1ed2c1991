# SPDX-License-Identifier: BSD-3-Clause
"""scripts/demo --scenario vm: the promise shown with two real VMs (QEMU) and iperf3, over TCP. weir's uplink is a tap in a
network namespace of its own, where iperf3 serves; what each VM gets is what that end received."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

from . import contract, guestvm, machine, vmjudge
from .processes import ProcessError
from .telemetry import Telemetry
from .verdict import Promise

NAME = "vm"
TITLE = "two real VMs and iperf3 over TCP; guaranteed 70 / 30 Mb/s, free beyond; VM1 is silent in the middle"
CONFIG = machine.ROOT / "config" / "demo-vm.conf"
FRAME_BYTES, PAYLOAD_BYTES = 1514, 1448     # of a full segment with timestamps
INTERVAL_S, CUT_BEGIN_S, CUT_END_S = 0.5, 1.0, 0.5
UPLINK = "10.66.0.1"


def why_not():
    """-> why it cannot be played here, or None."""
    if os.geteuid() != 0:
        return "it makes a network namespace and a tap: run it as root, or with sudo"
    if not shutil.which("ip"):
        return "ip is not there (package iproute2)"
    return guestvm.missing()


@contextlib.contextmanager
def namespace(name):
    """A network namespace that is gone afterwards."""
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def wait_for(path, process, seconds=10):
    """Until a socket is there."""
    end = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > end or not process.is_running():
            raise ProcessError(f"{process.name} made no {path.name}:\n{process.tail()}")
        time.sleep(0.05)


class Bed:
    """weir, two VMs, and the far end of the uplink."""

    def __init__(self, group, programs, config, cache, ns):
        self.group, self.ns, self.cpus = group, ns, machine.Cpus()
        self.contract = contract.read(CONFIG)
        self.prefix = f"weir{os.getpid()}"
        self.env = dict(os.environ, XDG_RUNTIME_DIR=str(group.run_dir), RUNTIME_DIRECTORY=str(group.run_dir))
        self.consoles, self.weir, self._n_sessions = {}, None, 0
        image = guestvm.Image(cache)
        for vf in self.contract.vfs:
            nic = guestvm.Nic(group.run_dir / f"{vf.port}.sock", vf.mac)
            command = guestvm.qemu_command(image, [nic], group.run_dir / f"{vf.name}.console")
            vm = group.start(vf.name, ["taskset", "-c", self.cpus.other(), *command], self.env, nice=-10)
            wait_for(nic.path, vm)
            self.consoles[vf.name] = guestvm.Console(group.run_dir / f"{vf.name}.console")      # at once: what it says is lost else
        self._start_weir(programs, config)
        for i, console in enumerate(self.consoles.values()):
            console.wait_up(60)
            console.run(f"ip link set eth0 up; ip addr add 10.66.0.{10 + i}/24 dev eth0")
        for console in self.consoles.values():
            console.run(f"until ping -c 1 -W 1 {UPLINK}; do sleep 0.2; done", 20)

    def _start_weir(self, programs, config):
        eal = ["--lcores", f"0@{self.cpus.main},1@{self.cpus.data}", "--no-huge", "-m", "256", "--no-pci",
               f"--file-prefix={self.prefix}", "--vdev=net_tap0,iface=uplink"]
        eal += [f"--vdev={vf.port},iface={self.group.run_dir}/{vf.port}.sock,client=1" for vf in self.contract.vfs]
        command = ["ip", "netns", "exec", self.ns, programs / "app/weir/weir", *eal, "--", "--config", config]
        self.weir = self.group.start("weir", command, self.env, nice=-20)
        self.weir.wait_for("weir is up", 30)
        for line in ("link set lo up", f"addr add {UPLINK}/24 dev uplink", "link set uplink up"):
            subprocess.run(["ip", "-n", self.ns, *line.split()], check=True)

    def figures(self, names):
        """-> (when, {VM: what weir says of it})"""
        answers = {name: self.ask(f"/weir/vf,{name}") for name in names}
        return time.monotonic_ns(), {name: vmjudge.figures(answer) for name, answer in answers.items()}

    def send(self, names, seconds):
        """These VMs send over TCP for a while. -> {VM: vmjudge.Side of the middle of it}"""
        servers = {}
        for name in names:
            self._n_sessions += 1
            port = 5200 + self._n_sessions
            servers[name] = (self.group.start(f"iperf3-{self._n_sessions}", ["ip", "netns", "exec", self.ns, "iperf3", "-s", "-1",
                             "-J", "-i", INTERVAL_S, "-p", port], self.env, nice=-10), port)
        time.sleep(0.5)
        for name, (_, port) in servers.items():
            self.consoles[name].run(f"iperf3 -c {UPLINK} -p {port} -t {seconds:.1f} >/tmp/iperf 2>&1 &")
        time.sleep(CUT_BEGIN_S)
        from_ns, before = self.figures(names)
        time.sleep(seconds - CUT_BEGIN_S - CUT_END_S)
        to_ns, after = self.figures(names)
        time.sleep(CUT_END_S)
        return {name: vmjudge.side(self._received(server, seconds), before[name], after[name], to_ns - from_ns)
                for name, (server, _) in servers.items()}

    @staticmethod
    def _received(server, seconds):
        end = time.monotonic() + 15
        while server.is_running() and time.monotonic() < end:
            time.sleep(0.05)
        server.stop(1.0)
        try:
            intervals = [x["sum"] for x in json.loads("".join(server.lines()))["intervals"]]
        except (ValueError, KeyError) as error:
            raise ProcessError(f"{server.name} tells no figures: {server.tail()}") from error
        middle = [x for x in intervals if x["start"] >= CUT_BEGIN_S - 0.01 and x["end"] <= seconds - CUT_END_S + 0.01]
        if not middle:
            raise ProcessError(f"{server.name}: nothing arrived")
        spent = sum(x["seconds"] for x in middle)
        return sum(x["bytes"] for x in middle) * 8 / spent * FRAME_BYTES / PAYLOAD_BYTES

    def ask(self, command):
        """-> weir's answer."""
        telemetry = Telemetry(self.group.run_dir, self.prefix)
        answer = telemetry.ask(command)
        telemetry.close()
        if answer is None:
            raise ProcessError(f"weir does not answer {command}")
        return answer

    def drops(self):
        """-> {VM: packets that weir dropped of what it sent}"""
        answers = {vf.name: self.ask(f"/weir/vf,{vf.name}") for vf in self.contract.vfs}
        # The guest's kernel sends some before weir knows it; those are not TCP's.
        return {name: sum((answer.get("tx") or {}).get("drops", {}).values()) for name, answer in answers.items()}


def play(group, programs, config, seconds):
    """-> (promises, notes)"""
    promises, notes = [], []
    host = machine.HostWatch()
    with namespace(f"weirdemo{os.getpid()}") as ns:
        bed = Bed(group, programs, config or CONFIG, programs / "vm", ns)
        before = bed.drops()
        for text, names in (("both send", ["vm1", "vm2"]), ("vm1 silent", ["vm2"]), ("vm1 back", ["vm1", "vm2"])):
            got = bed.send(names, max(seconds / 3, 3.0))
            print("  " + f"{text:12}" + "   ".join(f"{name} {it.bps / 1e6:6.2f} Mb/s" for name, it in got.items()), flush=True)
            owed = contract.owed_pps(bed.contract, dict.fromkeys(names, FRAME_BYTES))
            promises += vmjudge.judge(text, got, {name: owed[name] * FRAME_BYTES * 8 for name in names}, bed.contract.link_bps)
        for name, count in bed.drops().items():
            lost = count - before[name]
            promises.append(Promise(name, "none of its packets dropped", "packets", 0, lost, lost == 0))
        for cpu, who in ((bed.cpus.data, "weir's CPU"), (bed.cpus.main, "the guests' CPU")):
            if host.stolen_ms(cpu) >= 20:
                notes.append(f"the host took {host.stolen_ms(cpu)} ms from {who}")
        for console in bed.consoles.values():
            console.close()
        code = bed.weir.stop(15.0, signal.SIGINT)
        promises.append(Promise("weir", "ends with every buffer home (exit code)", "", 0, code, code == 0))
    return promises, notes
