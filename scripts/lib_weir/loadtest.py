# SPDX-License-Identifier: BSD-3-Clause
"""scripts/loadtest: how many packets weir moves, by frame size and rate step."""
import argparse
import json
import pathlib
import shlex
import shutil
import signal
import sys
import time

from . import contract, frames, machine
from .processes import Group, ProcessError
from .table import grid
from .telemetry import find
from .testbed import START_SECONDS, Testbed

SIZES = ["64", "128", "256", "512", "1024", "1280", "1518", "imix"]
STEPS = [25, 50, 75, 100]
PORT, VF = "net_vhost0", "vm1"
WARM_SECONDS = 1.0
FIRST_DST = "02:00:01:00:00:00"


def parse():
    """-> the arguments."""
    parser = argparse.ArgumentParser(prog="scripts/loadtest", description=__doc__)
    parser.add_argument("--sizes", default=",".join(SIZES), help=f"frame sizes without FCS, or imix (default {','.join(SIZES)})")
    parser.add_argument("--steps", default=",".join(map(str, STEPS)), help="rate steps in percent (default 25,50,75,100)")
    parser.add_argument("--macs", type=int, default=1, help="how many destination MACs (default 1)")
    parser.add_argument("--dscps", type=int, default=1, help="how many DSCPs, from 0 on (default 1)")
    parser.add_argument("--seconds", type=float, default=3, help="measured seconds a row (default 3)")
    parser.add_argument("--generator", choices=["auto", "pktgen", "testpmd"], default="auto",
                        help="auto: Pktgen-DPDK when it is on PATH")
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    parser.add_argument("--out", metavar="DIR", default=machine.ROOT / "build" / "loadtest", help="plot and logs")
    parser.add_argument("--build", metavar="DIR", help="use the programs of this build directory, as they are")
    parser.add_argument("--no-install", action="store_true", help="do not look for missing packages")
    args = parser.parse_args()
    args.sizes, args.steps = args.sizes.split(","), [int(step) for step in args.steps.split(",")]
    for size in args.sizes:
        if size != "imix" and not (size.isdigit() and 60 <= int(size) <= 1518):
            parser.error(f"a size is 60 to 1518, or imix; not {size}")
    if not all(1 <= step <= 100 for step in args.steps):
        parser.error("a step is 1 to 100 percent")
    if not (1 <= args.dscps <= 64 and 1 <= args.macs <= 60000):
        parser.error("--dscps is 1 to 64, --macs 1 to 60000")
    if args.generator == "auto":
        args.generator = "pktgen" if shutil.which("pktgen") else "testpmd"
    return args


class TestpmdLoad:
    """dpdk-testpmd replays a pcap as fast as it can. A step is weir's own limit on the VF: offered is always everything."""
    steps_by_limit = True

    def __init__(self, bed, args, size, step, run_dir):
        pcap = run_dir / "load.pcap"
        frames.write_pcap(pcap, bed.contract.vf(VF).mac, FIRST_DST, size, args.macs, args.dscps)
        cpu = bed.cpus.other()
        eal = ["--lcores", f"0@{cpu},1@{cpu}", "--no-huge", "-m", "256", "--no-pci", "--no-telemetry",
               f"--file-prefix={bed.prefix}-load", f"--vdev=net_pcap0,rx_pcap={pcap},infinite_rx=1",
               f"--vdev=net_virtio_user0,mac={bed.contract.vf(VF).mac},path={bed.socket(PORT)},queue_size=1024"]
        own = ["-i", "--forward-mode=io", "--no-flush-rx", "--txd=1024", "--rxd=1024", "--no-mlockall",
               "--total-num-mbufs=32768"]
        self.process = bed.group.start("testpmd", ["stdbuf", "-oL", "dpdk-testpmd", *eal, "--", *own], bed.env, nice=-15)
        self.process.say("show port summary all")
        self.process.wait_for("net_virtio_user", START_SECONDS)

    def start(self):
        """Begins."""
        self.process.say("start")

    def stop(self):
        """Ends."""
        self.process.say("stop")
        self.process.wait_for("Accumulated forward statistics", 10)
        self.process.stop()


class PktgenLoad:
    """Pktgen-DPDK with scripts/pktgen/load.lua. A step is its own: percent of a 10 Gb/s wire."""
    steps_by_limit = False

    def __init__(self, bed, args, size, step, run_dir):
        main, worker = bed.cpus.other(), bed.cpus.other()
        mac, pcap = bed.contract.vf(VF).mac, run_dir / "load.pcap"
        frames.write_pcap(pcap, mac, FIRST_DST, size, args.macs, args.dscps)
        env = dict(bed.env, LOAD_RATE=str(step), LOAD_MS=str(int((args.seconds + WARM_SECONDS + 1) * 1000)),
                   LOAD_STARTED=str(run_dir / "started"), TERM="dumb")
        self._started = run_dir / "started"
        eal = ["--lcores", f"0@{main},1@{worker}", "--no-huge", "-m", "2048", "--no-pci", "--no-telemetry",
               f"--file-prefix={bed.prefix}-load",
               f"--vdev=net_virtio_user0,mac={mac},path={bed.socket(PORT)},queue_size=1024,speed=10000"]
        own = ["-P", "-T", "-m", "1.0", "-s", f"0:{pcap}", "-f", machine.ROOT / "scripts" / "pktgen" / "load.lua"]
        # Pktgen insists on a terminal; script(1) gives it one, and a session of its own.
        command = ["script", "-qfec", "exec " + shlex.join(map(str, ["pktgen", *eal, "--", *own])), "/dev/null"]
        self.process = bed.group.start("pktgen", command, env)
        for child in self.process.children(5.0):
            machine.put_ahead(child, -15)

    def start(self):
        """Waits until it sends: the script does the rest."""
        end = time.monotonic() + START_SECONDS
        while not self._started.exists():
            if time.monotonic() > end or not self.process.is_running():
                raise ProcessError(f"pktgen does not send:\n{self.process.tail()}")
            time.sleep(0.05)

    def stop(self):
        """The script ends it."""
        end = time.monotonic() + 8
        while self.process.is_running() and time.monotonic() < end:
            time.sleep(0.1)
        self.process.stop(2.0, signal.SIGTERM)


class LoadBed(Testbed):
    """weir with one guest port and an uplink that takes everything."""

    def vdevs(self):
        """-> EAL's options for weir's ports."""
        return ["--vdev=net_null0,no-rx=1", f"--vdev={PORT},iface={self.socket(PORT)}"]

    def counts(self):
        """-> what weir counted so far, and when."""
        tx, info = (self.ask(f"/weir/vf,{VF}") or {}).get("tx", {}), self.ask("/weir/info")
        if not tx:
            raise ProcessError(f"weir's telemetry does not answer:\n{self.weir.tail()}")
        return {"at": time.monotonic(), "in": tx["in_pkts"], "out": tx["out_pkts"], "bytes": tx["out_bytes"],
                "drops": sum(tx.get("drops", {}).values()), "turns": find(info, "turns") or 0,
                "idle": find(info, "idle_turns") or 0, "delay_p99_ns": find(tx, "delay_p99_ns") or 0}


def config_for(path, limit_pps):
    """The shipped configuration, with a limit for a step."""
    text = (machine.ROOT / "config" / "load.conf").read_text(encoding="utf-8")
    path.write_text(text + (f"tx.max_pps = {int(limit_pps)}\n" if limit_pps else ""), encoding="utf-8")
    return path


def measure(args, programs, size, step, full_pps):
    """One row. full_pps: what 100 percent came to (for steps by limit). -> dict"""
    kind = PktgenLoad if args.generator == "pktgen" else TestpmdLoad
    limit = full_pps * step / 100 if kind.steps_by_limit and step < 100 and full_pps else None
    with Group(pathlib.Path(args.out) / f"{size}-{step}") as group:
        config = config_for(group.run_dir / "load.conf", limit)
        bed = LoadBed(group, programs, contract.read(config), config)
        bed.start_weir()
        load = kind(bed, args, size, step, group.run_dir)
        load.start()
        time.sleep(WARM_SECONDS)
        before = bed.counts()
        time.sleep(args.seconds)
        after = bed.counts()
        load.stop()
        end = bed.counts()
        code = bed.stop_weir()
    seconds = after["at"] - before["at"]
    pps, bps = (after["out"] - before["out"]) / seconds, (after["bytes"] - before["bytes"]) * 8 / seconds
    turns = after["turns"] - before["turns"]
    return {"size": size, "step_pct": step, "asked_pps": limit, "pps": round(pps), "bps": round(bps), "dropped": end["drops"],
            "busy_turns_pct": round(100 - 100 * (after["idle"] - before["idle"]) / turns, 1) if turns else None,
            "weir_exit": code, "generator": args.generator}


def row_cells(row):
    """-> a row of the table."""
    asked = f"{row['asked_pps'] / 1e6:.3f}" if row["asked_pps"] else "-"
    busy = f"{row['busy_turns_pct']:.1f}" if row["busy_turns_pct"] is not None else "-"
    return [str(row["size"]), f"{row['step_pct']}", asked, f"{row['pps'] / 1e6:.3f}", f"{row['bps'] / 1e9:.3f}",
            f"{row['dropped']}", busy]


def plot(rows, path):
    """Mpps and Gb/s by size, a line a step. -> path or None"""
    try:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        return None
    figure, both = pyplot.subplots(1, 2, figsize=(11, 4))
    sizes = list(dict.fromkeys(row["size"] for row in rows))
    for axes, key, scale, unit in ((both[0], "pps", 1e6, "Mp/s"), (both[1], "bps", 1e9, "Gb/s (L2)")):
        for step in sorted({row["step_pct"] for row in rows}):
            points = {row["size"]: row[key] / scale for row in rows if row["step_pct"] == step}
            places = [i for i, size in enumerate(sizes) if size in points]
            axes.plot(places, [points[sizes[i]] for i in places], marker="o", label=f"{step} %")
        axes.set_xticks(range(len(sizes)), sizes)
        axes.set_xlabel("frame size, bytes without FCS")
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    both[0].legend(title="step", frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    return path


def main():
    """-> the exit code."""
    args = parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    programs = pathlib.Path(args.build).resolve() if args.build else machine.ROOT / "build"
    if not args.build:
        machine.build(programs, ["--buildtype=release"], ["app/weir/weir"])
    print(f"generator: {args.generator} ({'a step is a limit set in weir' if args.generator == 'testpmd' else 'a step is percent of 10 Gb/s'})"
          f", {args.macs} MACs, {args.dscps} DSCPs", flush=True)
    rows, broken = [], 0
    for size in args.sizes:
        full = None
        # The full rate first: the steps by limit are parts of it.
        for step in sorted(set(args.steps) | ({100} if args.generator == "testpmd" else set()), reverse=True):
            try:
                row = measure(args, programs, size, step, full)
            except ProcessError as error:
                print(f"  {size} bytes at {step} %: {error}", flush=True)
                broken += 1
                continue
            full = row["pps"] if step == 100 else full
            rows.append(row)
            print(f"  {size:>5} bytes {step:3} %: {row['pps'] / 1e6:8.3f} Mp/s {row['bps'] / 1e9:8.3f} Gb/s", flush=True)
    print()
    print("\n".join(grid(["size", "step %", "asked Mp/s", "got Mp/s", "Gb/s", "dropped", "busy turns %"],
                         [row_cells(row) for row in rows])))
    out = pathlib.Path(args.out)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"rows": rows}, indent=1) + "\n", encoding="utf-8")
    if rows:
        print(f"\nplot: {plot(rows, out / 'load.png') or 'none: python3-matplotlib is not installed'}")
    print(f"logs: {out}")
    return 1 if broken or not rows else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
