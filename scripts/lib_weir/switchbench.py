# SPDX-License-Identifier: BSD-3-Clause
"""scripts/switchbench: weir as a whole switch beside dpdk-testpmd on the same ports, in turns on one data core."""
import argparse
import json
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time

from . import machine
from .processes import Group, ProcessError
from .switchbed import ELSEWHERE, RING, Place, Testpmd, Weir, mac_text, write_sources
from .table import grid

SIZE = 64               # bytes in the mbuf
N_FRAMES = 4000         # in the pcap: each VF's packets come at irregular distances
WARM_SECONDS = 0.15
QUICK, FULL = (7, 0.35), (11, 1.0)      # turns of each, and seconds measured in a turn
OWN_CPU = 0.98          # a measured turn counts when its thread ran for that part of it
SLA = "tx.min_bps = 2M\ntx.min_pps = 2k\ntx.max_bps = 100M\ntx.max_pps = 200k\ntx.weight = {weight}\n"
URGENT = "\n[classes]\nhigh = 3\nmedium = 2\nlow = 1\n"


def parse():
    """-> the arguments."""
    parser = argparse.ArgumentParser(prog="scripts/switchbench", description=__doc__)
    parser.add_argument("--suite", action="append", choices=list(SUITES), help="only this one (may be repeated); default all")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns: each suite within 20 s")
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    parser.add_argument("--profile", action="store_true", help="then tell where weir's cycles go (perf; switch_pcap only)")
    parser.add_argument("--vfs", type=int, default=1000, help="how many VFs share the port (default 1000)")
    parser.add_argument("--frames", type=int, default=N_FRAMES, help=f"how many frames are replayed (default {N_FRAMES})")
    parser.add_argument("--turns", type=int, help="turns of each contender")
    parser.add_argument("--seconds", type=float, help="seconds measured in a turn")
    parser.add_argument("--cpu", type=int, help="the data lcore's CPU (default: the last one allowed)")
    parser.add_argument("--build", metavar="DIR", default=machine.ROOT / "build", help="the build directory (default build)")
    parser.add_argument("--out", metavar="DIR", help="logs and profile (default switchbench in the build directory)")
    args = parser.parse_args()
    if not (1 <= args.vfs <= 20000 and 1 <= args.frames <= 100000):
        parser.error("--vfs is 1 to 20000, --frames 1 to 100000")
    turns, seconds = QUICK if args.quick else FULL
    args.turns, args.seconds = args.turns or turns, args.seconds or seconds
    args.build = pathlib.Path(args.build).resolve()
    args.out = pathlib.Path(args.out).resolve() if args.out else args.build / "switchbench"
    if not (args.build / "app/weir/weir").exists():
        parser.error(f"{args.build}/app/weir/weir is not there: build first (ninja -C {args.build})")
    if not shutil.which("dpdk-testpmd"):
        parser.error("dpdk-testpmd is not there: scripts/install demo")
    return args


def tsc_hz():
    """-> ticks per second: Linux prints twice the TSC's MHz as bogomips on x86."""
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines():
        if line.startswith("bogomips"):
            return float(line.split(":")[1]) * 1e6 / 2
    return None


class Contender:
    """A name in the table, and how its process takes its turn."""

    def __init__(self, name, process, go, n_ports):
        self.name, self.process, self.go, self.n_ports = name, process, go, n_ports
        self.rates, self.disturbed, self.busy = [], 0, []

    def turn(self, seconds):
        """One measured turn."""
        self.go()
        time.sleep(WARM_SECONDS)
        turns = self.process.turns() if isinstance(self.process, Weir) else None
        ran, (sent, since) = self.process.ran_ns(), self.process.sent(self.n_ports)
        time.sleep(seconds)
        ran_end, (sent_end, until) = self.process.ran_ns(), self.process.sent(self.n_ports)
        if turns:
            after = self.process.turns()
            self.busy.append(100 - 100 * (after[1] - turns[1]) / max(1, after[0] - turns[0]))
        self.process.pause()
        is_own = ran is None or (ran_end - ran) / 1e9 >= OWN_CPU * (until - since)
        self.disturbed += not is_own
        self.rates.append(((sent_end - sent) / (until - since), is_own))

    def pps(self):
        """-> the median of the turns that had the CPU for themselves (of all when those are too few)."""
        good = [rate for rate, is_own in self.rates if is_own]
        return statistics.median(good if len(good) >= 3 else [rate for rate, _ in self.rates])


class Suite:
    """Rows as they come, and what to say beside them."""

    def __init__(self, name, args, place):
        self.name, self.args, self.place, self.rows = name, args, place, []

    def say(self, text):
        """Progress."""
        print(f"{self.name}: {text}", flush=True)

    def row(self, case, contender, metric, value, unit):
        """A figure."""
        self.rows.append({"suite": self.name, "case": case, "contender": contender, "metric": metric,
                          "value": round(value, 4), "unit": unit})

    def interleave(self, contenders):
        """A B C A B C ..."""
        for turn in range(self.args.turns):
            for one in contenders:
                one.turn(self.args.seconds)
            rates = ", ".join(f"{one.name} {one.rates[-1][0] / 1e6:.2f}" for one in contenders)
            self.say(f"turn {turn + 1} of {self.args.turns}: {rates} Mp/s")

    def report(self, case, contenders, reference):
        """Rates, TSC cycles of the data core per packet, and everything of weir's against 'reference'."""
        hertz = tsc_hz()
        for one in contenders:
            self.row(case, one.name, "rate", one.pps() / 1e6, "Mp/s")
            if hertz and one.pps() > 0:
                self.row(case, one.name, "cost", hertz / one.pps(), "cycles/pkt")
            if one.busy:
                self.row(case, one.name, "busy_turns", statistics.median(one.busy), "%")
            if one.disturbed:
                self.say(f"{one.name}: {one.disturbed} of {len(one.rates)} turns had to share the CPU")
        for one in contenders:
            if one.name.startswith("weir") and reference.pps() > 0 and one.pps() > 0:
                pairs = [mine[0] / theirs[0] for mine, theirs in zip(one.rates, reference.rates) if mine[1] and theirs[1]]
                ratio = statistics.median(pairs) if len(pairs) >= 3 else one.pps() / reference.pps()
                self.row(case, one.name, f"rate_over_{reference.name.replace(' ', '_')}", ratio, "x")
                if hertz:
                    delta = hertz / one.pps() - hertz / reference.pps()
                    self.row(case, one.name, f"cost_over_{reference.name.replace(' ', '_')}", delta, "cycles/pkt")


def shared_port_config(path, n_vfs, is_bound):
    """All VFs on one port, told apart by their MAC, with SLAs that do not hold them back, or with none."""
    text = ["[switch]", "guarantee_size = 64", "", "[port net_null0]", "role = pf", "rate = 400G", "link_basis = l2", "",
            "[port net_pcap0]"]
    for number in range(n_vfs):
        # Small queues: room for what cannot come in a turn costs nothing but start-up time.
        text += [f"[vf v{number}]", "port = net_pcap0", f"mac = {mac_text(number)}", "queue = 32", "receive_queue = 8"]
        text += [SLA.format(weight=1 + number % 8)] if is_bound else []
    path.write_text("\n".join(text) + "\n", encoding="ascii")
    return path


class PcapPorts:
    """One port replays frames of all VFs without end, the other takes everything."""

    def __init__(self, suite):
        self.suite, self.args, self.place = suite, suite.args, suite.place
        self.pcap = self.place.group.run_dir / "sources.pcap"
        write_sources(self.pcap, self.args.vfs, max(self.args.frames, self.args.vfs), SIZE)
        self.vdevs = [f"net_pcap0,rx_pcap={self.pcap},infinite_rx=1", "net_null0,no-rx=1"]

    def weir(self, name, is_bound):
        """-> weir, started."""
        config = shared_port_config(self.place.group.run_dir / f"{name}.conf", self.args.vfs, is_bound)
        self.suite.say(f"starting {name} with {self.args.vfs} VFs {'with SLAs' if is_bound else 'without any bound'}")
        return Weir(self.place, name, config, self.vdevs, 512 + self.args.vfs)

    def testpmd(self):
        """-> testpmd, started."""
        self.suite.say("starting testpmd on the same ports")
        pmd = Testpmd(self.place, "testpmd", self.vdevs)
        pmd.wait()
        return pmd


def profile(suite, weir):
    """Where its cycles go, by perf."""
    data = suite.args.out / "perf.data"
    weir.go()
    time.sleep(WARM_SECONDS)
    command = ["perf", "record", "-q", "-C", str(suite.place.data), "-e", "cycles", "-o", str(data), "--", "sleep", "3"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    weir.pause()
    if done.returncode == 0:
        done = subprocess.run(["perf", "report", "-i", str(data), "--stdio", "--percent-limit", "0.5", "--sort", "dso,symbol"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print("\n".join(line for line in done.stdout.splitlines() if line and not line.startswith("#")))
    print(f"more: perf annotate -i {data} (the build must still be the measured one)")


def switch_pcap(suite):
    """1000 VFs on one port, all with SLAs, 64 B."""
    ports = PcapPorts(suite)
    weir, pmd = ports.weir("weir", True), ports.testpmd()
    contenders = [Contender("weir", weir, weir.go, 2)]
    contenders += [Contender(f"testpmd {mode}", pmd, lambda mode=mode: pmd.go(mode), 2) for mode in ("mac", "io", "macswap")]
    suite.interleave(contenders)
    suite.report(f"{SIZE} B, {suite.args.vfs} VFs", contenders, contenders[1])
    if suite.args.profile:
        profile(suite, weir)
    weir.stop()
    pmd.stop()


def switch_idle(suite):
    """The same switch with SLAs and with none: what bounds cost a packet."""
    ports = PcapPorts(suite)
    bound, free, pmd = ports.weir("weir-sla", True), ports.weir("weir-free", False), ports.testpmd()
    contenders = [Contender("weir with SLAs", bound, bound.go, 2), Contender("weir without", free, free.go, 2),
                  Contender("testpmd mac", pmd, lambda: pmd.go("mac"), 2)]
    suite.interleave(contenders)
    case = f"{SIZE} B, {suite.args.vfs} VFs"
    suite.report(case, contenders, contenders[2])
    hertz = tsc_hz()
    if hertz:
        suite.row(case, "weir", "cost_of_bounds", hertz / contenders[0].pps() - hertz / contenders[1].pps(), "cycles/pkt")
    for process in (bound, free, pmd):
        process.stop()


def switch_null(suite):
    """testpmd on null ports: what a turn of I/O costs here. weir has no part in it: the frames have no addresses."""
    pmd = Testpmd(suite.place, "testpmd", [f"net_null0,size={SIZE}", f"net_null1,size={SIZE}"])
    pmd.wait()
    contenders = [Contender(f"testpmd {mode}", pmd, lambda mode=mode: pmd.go(mode), 2) for mode in ("io", "mac", "macswap")]
    suite.interleave(contenders)
    suite.report(f"{SIZE} B, both ways", contenders, contenders[0])
    pmd.stop()


class VhostPair:
    """A switch with vhost-user ports, and the guests on them: one testpmd on the other CPU, sending while it is the turn."""

    def __init__(self, suite, name, n_guests):
        self.place, self.name, self.n_guests = suite.place, name, n_guests
        self.sockets = [self.place.group.run_dir / f"{name}{guest}.sock" for guest in range(n_guests)]
        self.vdevs = [f"net_vhost{guest},iface={path}" for guest, path in enumerate(self.sockets)] + ["net_null0,no-rx=1"]
        self.switch, self.guests = None, None

    def start_guests(self):
        """One process: with two guests each sends to the other."""
        vdevs = [f"net_virtio_user{guest},mac={mac_text(guest)},path={path},queue_size={RING}"
                 for guest, path in enumerate(self.sockets)]
        peers = [mac_text(1 - guest) if self.n_guests == 2 else ELSEWHERE for guest in range(self.n_guests)]
        own = [f"--eth-peer={guest},{mac}" for guest, mac in enumerate(peers)]
        if self.n_guests == 1:
            own.append("--no-rmv-interrupt")
        self.guests = Testpmd(self.place, f"{self.name}-guests", vdevs, own, self.place.other)
        self.guests.wait()

    def turns(self):
        """As the switch's."""
        return self.switch.turns()

    def go(self):
        """Switch first: it must not find a full ring of old packets."""
        self.switch.go()
        self.guests.go("flowgen" if self.n_guests == 2 else "txonly")

    def pause(self):
        """Guests first."""
        self.guests.pause()
        self.switch.pause()

    def stop(self):
        """Ends both."""
        self.guests.stop()
        self.switch.stop()


def vhost_config(path, n_guests):
    """A VF a port, with SLAs that do not hold it back."""
    text = ["[switch]", "guarantee_size = 64", "", "[port net_null0]", "role = pf", "rate = 400G", "link_basis = l2", ""]
    for guest in range(n_guests):
        text += [f"[port net_vhost{guest}]", "rate = 400G", f"[vf vm{guest}]", f"port = net_vhost{guest}",
                 f"mac = {mac_text(guest)}", "queue = 1024", "tx.min_bps = 1G", "tx.min_pps = 1M", "tx.max_bps = 100G",
                 "tx.max_pps = 100M", "rx.max_bps = 100G", "rx.max_pps = 100M"]
    path.write_text("\n".join(text) + "\n", encoding="ascii")
    return path


def vhost_case(suite, n_guests, case):
    """weir and testpmd io on vhost-user ports of their own of the same kind."""
    mine, theirs = VhostPair(suite, "w", n_guests), VhostPair(suite, "t", n_guests)
    suite.say(f"starting both switches and their guests: {case}")
    config = vhost_config(suite.place.group.run_dir / "vhost.conf", n_guests)
    mine.switch = Weir(suite.place, f"weir{n_guests}", config, mine.vdevs, 512)
    mine.switch.go()        # the guests' NICs come up only with an answer
    mine.start_guests()
    mine.switch.pause()
    own = ["--portlist=0,1"]
    theirs.switch = Testpmd(suite.place, f"testpmd{n_guests}", theirs.vdevs, own)
    theirs.switch.wait()
    theirs.start_guests()
    n_ports = len(mine.vdevs)
    contenders = [Contender("weir", mine, mine.go, n_ports), Contender("testpmd io", theirs, theirs.go, n_ports)]
    suite.interleave(contenders)
    suite.report(case, contenders, contenders[1])
    mine.stop()
    theirs.stop()


def switch_vhost(suite):
    """vhost-user ports: guest to guest and back, and guest to uplink."""
    vhost_case(suite, 2, f"{SIZE} B, two guests, both ways")
    vhost_case(suite, 1, f"{SIZE} B, one guest to the uplink")


SUITES = {"switch_pcap": switch_pcap, "switch_vhost": switch_vhost, "switch_idle": switch_idle, "switch_null": switch_null}


def main():
    """-> the exit code."""
    args = parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rows, broken = [], 0
    for name in args.suite or list(SUITES):
        with Group(args.out / name) as group:
            suite = Suite(name, args, Place(group, args.build, args.cpu))
            try:
                SUITES[name](suite)
            except ProcessError as error:
                print(f"{name}: {error}", flush=True)
                broken += 1
        rows += suite.rows
        print("\n".join(grid(["case", "contender", "metric", "value", "unit"],
                             [[row["case"], row["contender"], row["metric"], f"{row['value']:.3f}", row["unit"]]
                              for row in suite.rows])), flush=True)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 1 if broken or not rows else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
