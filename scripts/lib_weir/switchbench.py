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

from . import frames, machine
from .processes import Group, ProcessError
from .switchbed import ELSEWHERE, RING, Place, Testpmd, Weir, mac_text, write_sources
from .table import grid

SIZE = 64               # bytes in the mbuf
N_FRAMES = 4000         # in the pcap: each VF's packets come at irregular distances
WARM_SECONDS, IDLE_SECONDS = 0.15, 0.25
QUICK, FULL = (5, 0.25), (11, 1.0)      # turns of each, and seconds measured in a turn
BUSY = 0.95             # below that a switch had to wait for packets
OWN_CPU = 0.98          # a measured turn counts when its thread ran for that part of it
SLA = "tx.min_bps = 2M\ntx.min_pps = 2k\ntx.max_bps = 100M\ntx.max_pps = 200k\ntx.weight = {weight}\n"
CYCLES_PER_NS = 2.0
EVENTS = ["cycles", "instructions", "branches", "branch-misses", "L1-dcache-loads", "L1-dcache-load-misses", "cache-misses",
          "dTLB-load-misses"]


def parse():
    """-> the arguments."""
    parser = argparse.ArgumentParser(prog="scripts/switchbench", description=__doc__)
    parser.add_argument("--suite", action="append", choices=list(SUITES), help="only this one (may be repeated); default all")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns: each suite within 20 s")
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    parser.add_argument("--rows", action="store_true", help="rows as lines with tabs, no table: for weir-bench")
    parser.add_argument("--profile", action="store_true", help="then tell where weir's cycles go (needs perf; not switch_idle)")
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


class Contender:
    """A name in the table, and how its process takes its turn."""

    def __init__(self, name, process, go=None, pause=None, n_ports=2, guests=None):
        self.name, self.process, self.n_ports = name, process, n_ports
        self.watched = [process, guests] if guests else [process]
        self.go, self.pause = go or process.go, pause or process.pause
        self.is_weir = isinstance(process, Weir)
        self.turns = []             # (packets per second, had the CPU for itself, idle turns per second)

    def turn(self, seconds):
        """One measured turn."""
        self.go()
        time.sleep(WARM_SECONDS)
        idle, ran, (sent, since) = self._idle(), self._ran(), self.process.sent(self.n_ports)
        time.sleep(seconds)
        (sent_end, until), ran_end, idle_end = self.process.sent(self.n_ports), self._ran(), self._idle()
        self.pause()
        took = until - since
        is_own = all(after - before >= OWN_CPU * took * 1e9 for before, after in zip(ran, ran_end))
        self.turns.append(((sent_end - sent) / took, is_own, (idle_end - idle) / took))

    def _idle(self):
        return self.process.idle_turns() if self.is_weir else 0

    def _ran(self):
        return [one.ran_ns() for one in self.watched]

    def good(self):
        """-> the turns that had the CPU for themselves (all, when those are too few)."""
        good = [turn for turn in self.turns if turn[1]]
        return good if len(good) >= 3 else self.turns

    def pps(self):
        """-> the median."""
        return statistics.median(turn[0] for turn in self.good())

    def idle_pps(self):
        """-> idle turns per second, the median."""
        return statistics.median(turn[2] for turn in self.good())


class Suite:
    """Rows as they come, and what to say beside them."""

    def __init__(self, name, args, place):
        self.name, self.args, self.place, self.rows = name, args, place, []

    def say(self, text):
        """Progress."""
        print(text if self.args.rows else f"{self.name}: {text}", flush=True)

    def row(self, case, contender, metric, value, unit):
        """A figure."""
        self.rows.append({"suite": self.name, "case": case, "contender": contender, "metric": metric,
                          "value": round(value, 4), "unit": unit})
        if self.args.rows:
            print("row", case, contender, metric, f"{value:.4f}", unit, sep="\t", flush=True)

    def note(self, text):
        """What the reader of the figures must know."""
        print(f"note\t{text}" if self.args.rows else f"{self.name}: note: {text}", flush=True)

    def interleave(self, contenders):
        """A B C A B C ... until all had enough turns undisturbed, or the time is up."""
        end = time.monotonic() + 1.4 * self.args.turns * len(contenders) * (self.args.seconds + WARM_SECONDS)
        n = 0
        while n < self.args.turns or (time.monotonic() < end and
                                      any(sum(turn[1] for turn in one.turns) < self.args.turns for one in contenders)):
            n += 1
            for one in contenders:
                one.turn(self.args.seconds)
            self.say(f"turn {n}: " + ", ".join(f"{one.name} {one.turns[-1][0] / 1e6:.2f}" for one in contenders) + " Mp/s")

    def report(self, case, contenders, reference):
        """Rates and the data core's time per packet, and everything of weir's against 'reference'."""
        for one in contenders:
            self.row(case, one.name, "rate", one.pps() / 1e6, "Mp/s")
            self.row(case, one.name, "cycles", cycles(one), "cycles/packet")
            disturbed = sum(not turn[1] for turn in one.turns)
            if disturbed:
                self.note(f"{one.name}: something else ran on its CPU{' or its guests' if len(one.watched) > 1 else ''} in {disturbed} of {len(one.turns)} turns"
                         f"{': left out' if len(one.turns) - disturbed >= 3 else ''}")
        for one in contenders:
            if one.is_weir:
                self.row(case, one.name, f"ratio to {reference.name}", paired_ratio(one, reference), "x")
                self.row(case, one.name, f"more than {reference.name}", cycles(one) - cycles(reference), "cycles/packet")


def cycles(one):
    """-> the core's time per packet in TSC cycles of a 2 GHz clock, as everywhere in weir-bench."""
    return CYCLES_PER_NS * 1e9 / max(one.pps(), 1.0)


def paired_ratio(one, other):
    """-> the median over turns that were next to each other and both undisturbed: the host's moods cancel out."""
    pairs = [(mine[0] / max(theirs[0], 1.0), mine[1] and theirs[1]) for mine, theirs in zip(one.turns, other.turns)]
    good = [ratio for ratio, is_own in pairs if is_own]
    return statistics.median(good if len(good) >= 3 else [ratio for ratio, _ in pairs])


def stop_all(*processes):
    """Ends them, all at once."""
    for process in processes:
        process.end()
    for process in processes:
        process.stop()


def shared_port_config(path, n_vfs, is_bound):
    """All VFs on one port, told apart by their MAC, with SLAs that do not hold them back, or with none."""
    text = ["[switch]", "guarantee_size = 64", "drain_time = 0s", "", "[port net_null0]", "role = pf", "rate = 400G", "link_basis = l2", "",
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
        pmd = Testpmd(self.place, "testpmd", self.vdevs)
        pmd.wait()
        return pmd


def run_perf(*arguments):
    """-> what perf said."""
    try:
        return subprocess.run(["perf", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False).stdout
    except OSError as error:
        raise ProcessError(f"perf: {error} (Debian's linux-perf)") from error


def count_events(one, cpu):
    """Hardware events of the data CPU, per packet. perf starts and ends slowly: its own clock goes with its counts."""
    sent, since = one.process.sent(one.n_ports)
    told = run_perf("stat", "-x;", "-C", cpu, "-e", ",".join(EVENTS), "--", "sleep", "1")
    sent_end, until = one.process.sent(one.n_ports)
    pps = max(sent_end - sent, 1) / (until - since)
    fields = [line.split(";") for line in told.splitlines() if line.count(";") >= 4]
    # count, unit, event, ns that it was counted, percent of the time that it was counted
    return {field[2]: int(field[0]) / (float(field[3]) * 100 / float(field[4].replace(",", ".")) / 1e9) / pps
            for field in fields if field[0].isdigit() and field[3] != "0"}


def profile(suite, contenders):
    """Hardware events per packet of each, and where the first one's cycles go, by perf."""
    data, cpu, counted = suite.args.out / "perf.data", suite.place.data, {}
    for one in contenders:
        one.go()
        time.sleep(WARM_SECONDS)
        counted[one.name] = count_events(one, cpu)
        if one is contenders[0]:
            run_perf("record", "-q", "-C", cpu, "-e", "cycles", "-o", data, "--", "sleep", "3")
        one.pause()
    print("\n".join(grid(["per packet", *counted], [[event, *[f"{found[event]:.2f}" if event in found else "-"
                                                             for found in counted.values()]] for event in EVENTS])))
    told = run_perf("report", "-i", data, "--stdio", "--percent-limit", "0.5", "--sort", "dso,symbol")
    print("\n".join(line.rstrip(" -") for line in told.splitlines() if line.strip() and not line.startswith("#")))
    print(f"more: perf annotate -i {data} (the build must still be the measured one)", flush=True)


def switch_pcap(suite):
    """1000 VFs on one port, all with SLAs, 64 B."""
    ports = PcapPorts(suite)
    weir, pmd = ports.weir("weir", True), ports.testpmd()
    contenders = [Contender("weir", weir)]
    contenders += [Contender(f"testpmd {mode}", pmd, lambda mode=mode: pmd.go(mode)) for mode in ("mac", "io", "macswap")]
    suite.interleave(contenders)
    suite.report(f"{SIZE} B, {suite.args.vfs} VFs", contenders, contenders[1])
    if suite.args.profile:
        profile(suite, contenders[:2])
    stop_all(weir, pmd)


def switch_idle(suite):
    """The same switch with SLAs and with none: what bounds cost a packet."""
    ports = PcapPorts(suite)
    bound, free, pmd = ports.weir("weir-sla", True), ports.weir("weir-free", False), ports.testpmd()
    contenders = [Contender("weir", bound), Contender("weir without bounds", free),
                  Contender("testpmd mac", pmd, lambda: pmd.go("mac"))]
    suite.interleave(contenders)
    case = f"{SIZE} B, {suite.args.vfs} VFs"
    suite.report(case, contenders, contenders[2])
    suite.row(case, "weir", "more than weir without bounds", cycles(contenders[0]) - cycles(contenders[1]), "cycles/packet")
    stop_all(bound, free, pmd)


def switch_null(suite):
    """testpmd on null ports: what a turn of I/O costs here. weir has no part in it: the frames have no addresses."""
    pmd = Testpmd(suite.place, "testpmd", [f"net_null0,size={SIZE}", f"net_null1,size={SIZE}"])
    pmd.wait()
    contenders = [Contender(f"testpmd {mode}", pmd, lambda mode=mode: pmd.go(mode)) for mode in ("io", "mac", "macswap")]
    suite.interleave(contenders)
    suite.report(f"{SIZE} B, both ways", contenders, contenders[0])
    stop_all(pmd)


class VhostPair:
    """A switch with vhost-user ports, and the guests on them: one testpmd on the other CPU, sending while it is the turn."""

    def __init__(self, suite, name, n_guests):
        self.place, self.name, self.n_guests = suite.place, name, n_guests
        self.sockets = [self.place.group.run_dir / f"{name}{guest}.sock" for guest in range(n_guests)]
        self.vdevs = [f"net_vhost{guest},iface={path}" for guest, path in enumerate(self.sockets)] + ["net_null0,no-rx=1"]
        self.switch, self.guests = None, None

    def start_guests(self):
        """One process that replays frames; with two guests each sends to the other."""
        vdevs = []
        for guest, path in enumerate(self.sockets):
            pcap = self.place.group.run_dir / f"guest{guest}.pcap"
            peer = mac_text(1 - guest) if self.n_guests == 2 else ELSEWHERE
            frames.write_pcap(pcap, mac_text(guest), peer, SIZE, 1, 1)
            # Neighbours are a pair to testpmd: what one brings goes out of the other.
            vdevs += [f"net_pcap{guest},rx_pcap={pcap},infinite_rx=1",
                      f"net_virtio_user{guest},mac={mac_text(guest)},path={path},queue_size={RING}"]
        self.guests = Testpmd(self.place, f"{self.name}-guests{self.n_guests}", vdevs, (), self.place.other)

    def go(self):
        """Switch first: it must not find a full ring of old packets."""
        self.switch.go()
        self.guests.go()

    def pause(self):
        """Guests first."""
        self.guests.pause()
        self.switch.pause()


def vhost_config(path, n_guests, is_bound=True):
    """A VF a port, with SLAs that do not hold it back, or with none."""
    text = ["[switch]", "guarantee_size = 64", "drain_time = 0s", "", "[port net_null0]", "role = pf", "rate = 400G", "link_basis = l2", ""]
    for guest in range(n_guests):
        text += [f"[port net_vhost{guest}]", "rate = 400G", f"[vf vm{guest}]", f"port = net_vhost{guest}",
                 f"mac = {mac_text(guest)}", "queue = 1024"]
        text += ["tx.min_bps = 1G", "tx.min_pps = 1M", "tx.max_bps = 100G", "tx.max_pps = 100M", "rx.max_bps = 100G",
                 "rx.max_pps = 100M"] if is_bound else []
    path.write_text("\n".join(text) + "\n", encoding="ascii")
    return path


def testpmd_own_cycles(suite, one):
    """-> cycles a packet by its own clock, of calls that found packets: also true when the guests are the slower ones."""
    one.process.ask("set record-core-cycles on", "set record-core-cycles")
    one.go()
    time.sleep(WARM_SECONDS + suite.args.seconds)
    start = len(one.process.process.lines())
    one.pause()
    told = [line for line in one.process.process.lines()[start:] if "CPU cycles/packet=" in line]
    return float(told[0].split("CPU cycles/packet=")[1].split()[0]) if told else None


def tell_busy(suite, case, contenders, silent_pps):
    """Was the switch the slow one, or its guests? silent_pps: idle turns per second when nobody sent."""
    mine, theirs = contenders
    # An idle turn takes as long as one of a silent switch: what is left was work.
    suite.row(case, mine.name, "busy", 100 * max(0.0, 1 - mine.idle_pps() / max(silent_pps, 1.0)), "%")
    own = testpmd_own_cycles(suite, theirs)
    if own is None:
        return
    suite.row(case, theirs.name, "busy", 100 * min(1.0, own * theirs.pps() / tsc_hz()), "%")
    if own * theirs.pps() < BUSY * tsc_hz():
        suite.note(f"{case}: testpmd waited for its guests; by its own clock it could move {tsc_hz() / own / 1e6:.2f} Mp/s, "
                   f"and weir's ratio would be {mine.pps() * own / tsc_hz():.2f}")


def vhost_case(suite, n_guests, case):
    """weir and testpmd io on vhost-user ports of their own of the same kind."""
    mine, theirs = VhostPair(suite, "w", n_guests), VhostPair(suite, "t", n_guests)
    suite.say(f"starting both switches and their guests: {case}")
    theirs.switch = Testpmd(suite.place, f"testpmd{n_guests}", theirs.vdevs, ["--portlist=0,1"])
    config = vhost_config(suite.place.group.run_dir / "vhost.conf", n_guests)
    mine.switch = Weir(suite.place, f"weir{n_guests}", config, mine.vdevs, 512)
    mine.switch.go()        # the guests' NICs come up only with an answer
    theirs.switch.wait()
    for pair in (mine, theirs):
        pair.start_guests()
    for pair in (mine, theirs):
        pair.guests.wait()
    silent = mine.switch.idle_turns()
    time.sleep(IDLE_SECONDS)
    silent_pps = (mine.switch.idle_turns() - silent) / IDLE_SECONDS
    mine.switch.pause()
    n_ports = len(mine.vdevs)
    contenders = [Contender("weir", mine.switch, mine.go, mine.pause, n_ports, mine.guests),
                  Contender("testpmd io", theirs.switch, theirs.go, theirs.pause, n_ports, theirs.guests)]
    suite.interleave(contenders)
    suite.report(case, contenders, contenders[1])
    tell_busy(suite, case, contenders, silent_pps)
    if suite.args.profile:
        profile(suite, contenders)
    stop_all(mine.guests, theirs.guests, mine.switch, theirs.switch)


def switch_vhost(suite):
    """vhost-user ports: guest to guest and back, and guest to uplink."""
    vhost_case(suite, 2, f"{SIZE} B, two guests, both ways")
    if not suite.args.quick:
        vhost_case(suite, 1, f"{SIZE} B, one guest to the uplink")


def io_floor(suite):
    """Two vhost-user guests: what the I/O costs alone (testpmd io), with the switch, and with its SLAs."""
    pairs = [VhostPair(suite, name, 2) for name in ("b", "f", "t")]
    bound, free, floor = pairs
    suite.say("starting three switches and their guests")
    floor.switch = Testpmd(suite.place, "testpmd", floor.vdevs, ["--portlist=0,1"])
    for pair, name, is_bound in ((bound, "weir-sla", True), (free, "weir-free", False)):
        config = vhost_config(suite.place.group.run_dir / f"{name}.conf", 2, is_bound)
        pair.switch = Weir(suite.place, name, config, pair.vdevs, 512)
        pair.switch.go()        # the guests' NICs come up only with an answer
    floor.switch.wait()
    for pair in pairs:
        pair.start_guests()
    for pair in pairs:
        pair.guests.wait()
    for pair in (bound, free):
        pair.switch.pause()
    names = ("weir", "weir without bounds", "testpmd io")
    contenders = [Contender(name, pair.switch, pair.go, pair.pause, len(pair.vdevs), pair.guests) for name, pair in zip(names, pairs)]
    suite.interleave(contenders)
    case = f"{SIZE} B, two guests, both ways"
    suite.report(case, contenders, contenders[2])
    suite.row(case, "weir", "more than weir without bounds", cycles(contenders[0]) - cycles(contenders[1]), "cycles/packet")
    suite.note("where the guests are slower than the switch all rates are theirs, and the differences smaller than what is weir's")
    stop_all(*(pair.guests for pair in pairs), *(pair.switch for pair in pairs))


def tsc_hz():
    """-> ticks per second: Linux prints twice the TSC's MHz as bogomips on x86."""
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines():
        if line.startswith("bogomips"):
            return float(line.split(":")[1]) * 1e6 / 2
    return 2e9


SUITES = {"switch_pcap": switch_pcap, "switch_vhost": switch_vhost, "switch_idle": switch_idle, "switch_null": switch_null,
          "io_floor": io_floor}


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
                suite.note("failed: " + " / ".join(str(error).splitlines()[:6]) if args.rows else f"failed: {error}")
                broken += 1
        rows += suite.rows
        if not args.rows:
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
