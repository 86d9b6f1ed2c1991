# SPDX-License-Identifier: BSD-3-Clause
"""The demo's stories: what each VM sends, when, and under which configuration."""
import time
from dataclasses import dataclass, field

from . import contract, machine
from .processes import ProcessError
from .recording import Recording
from .testbed import START_SECONDS, Testbed

SETTLE_NS = 1_000_000_000       # cut off the begin: queues fill, guests start one after the other


@dataclass
class Scenario:
    """One story. 'frames': VM -> frame size in bytes. 'silent': the VM that says nothing in the middle third."""
    name: str
    title: str
    frames: dict
    unit: str               # "bps" or "pps": what its picture shows
    silent: str = None

    @property
    def config(self):
        """The configuration that states its SLAs."""
        return machine.ROOT / "config" / f"demo-{self.name}.conf"


SCENARIOS = [
    Scenario("dba1", "all send 1500 bytes; sold 150 / 700 / 150 Mb/s",
             {"vm1": 1500, "vm2": 1500, "vm3": 1500}, "bps"),
    Scenario("dba2", "VM1 and VM3 send 64 bytes; limits of 20 / 60 / 60 kp/s besides",
             {"vm1": 64, "vm2": 1500, "vm3": 64}, "pps"),
    Scenario("lend", "guaranteed 150 / 700 / 150 Mb/s, free beyond; VM2 is silent in the middle",
             {"vm1": 1500, "vm2": 1500, "vm3": 1500}, "bps", silent="vm2"),
    Scenario("core-bound", "64-byte floods on a core of 190 kp/s; VM1 was sold 120 kp/s",
             {"vm1": 64, "vm2": 64, "vm3": 64}, "pps"),
]


@dataclass
class Phase:
    """A time in which the same VMs sent, without its unsettled begin."""
    name: str
    senders: dict           # VM -> frame size
    from_ns: int
    to_ns: int


@dataclass
class Outcome:
    """What happened in a run of a scenario."""
    scenario: Scenario
    contract: contract.Contract
    recording: Recording
    begin_ns: int                       # all send from here on
    phases: list
    silence: tuple = None               # (last packet, first packet again) of the silent VM, ns
    sent: dict = field(default_factory=dict)        # VM -> packets given to its NIC, as the guest says
    telemetry: dict = field(default_factory=dict)   # VM -> weir's answer
    notes: list = field(default_factory=list)       # what a reader of the figures should know
    weir_exit: int = 0
    cpu_part: float = 1.0               # of the time, weir's data lcore had its CPU


class Run:
    """A scenario being played on a testbed."""

    def __init__(self, scenario, bed, seconds, live):
        self.scenario = scenario
        self.bed = bed
        self.seconds = seconds
        self.live = live            # called with the bed while time passes

    def _pass_time(self, until_ns):
        while (left := (until_ns - time.monotonic_ns()) / 1e9) > 0:
            time.sleep(min(left, 0.1))
            self.live(self.bed)
            for process in [self.bed.weir, self.bed.sink.process, *(g.process for g in self.bed.guests.values())]:
                if not process.is_running():
                    raise ProcessError(f"{process.name} is gone:\n{process.tail()}")

    def _wait_for_packets(self, names, seconds=START_SECONDS):
        """Until something new of each arrives."""
        before = {name: self.bed.sink.packets(self.bed.guests[name].vf.mac) for name in names}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            quiet = [name for name in names if self.bed.sink.packets(self.bed.guests[name].vf.mac) == before[name]]
            if not quiet:
                return
            time.sleep(0.05)
        raise ProcessError(f"nothing arrives from {', '.join(quiet)}; weir says:\n{self.bed.weir.tail()}")

    def play(self):
        """Lets the guests send. -> (begin, stop of the silent VM, its start again, end) in ns; the middle two may be None."""
        guests, silent = self.bed.guests, self.scenario.silent
        for guest in guests.values():
            guest.start()
        self._wait_for_packets(list(guests))
        begin = time.monotonic_ns()
        length = int(self.seconds * 1e9)
        stopped = started = None
        if silent:
            self._pass_time(begin + length // 3)
            stopped = guests[silent].stop()
            if guests[silent].total_sent(1) is None:
                raise ProcessError(f"{silent} was told to stop and does not:\n{guests[silent].process.tail()}")
            self._pass_time(time.monotonic_ns() + length // 3)
            started = guests[silent].start()
            self._wait_for_packets([silent])
            self._pass_time(time.monotonic_ns() + length // 3)
        else:
            self._pass_time(begin + length)
        end = time.monotonic_ns()
        for guest in guests.values():
            guest.stop()
        return begin, stopped, started, end

    def phases(self, recording, times):
        """-> (phases, silence)."""
        begin, stopped, started, end = times
        frames, silent = self.scenario.frames, self.scenario.silent
        settle = min(SETTLE_NS, int(self.seconds * 1e9) // 4)
        if not silent:
            return [Phase("all send", frames, begin + settle, end)], None
        third = started - stopped
        settle = min(settle, third // 2)
        last, first = recording.silence(self.bed.guests[silent].vf.mac, stopped, end)
        others = {name: size for name, size in frames.items() if name != silent}
        return [Phase("all send", frames, begin + settle, stopped),
                Phase(f"{silent} silent", others, last + 50_000_000, started),
                Phase(f"{silent} back", frames, first + 50_000_000, end)], (last, first)


def play(scenario, group, programs, config, seconds, live):
    """Runs one scenario from nothing to nothing. -> Outcome."""
    promised = contract.read(scenario.config)
    bed = Testbed(group, programs, promised, config or scenario.config)
    host = machine.HostWatch()
    bed.start(scenario.frames, seconds + 2 * START_SECONDS)
    run = Run(scenario, bed, seconds, live)
    before = bed.weir_waits()
    with machine.attending(bed.cpus):
        times = run.play()
    waited_ms = (bed.weir_waits().get(bed.cpus.data, 0) - before.get(bed.cpus.data, 0)) / 1e6
    runs = {name: 2 if name == scenario.silent else 1 for name in scenario.frames}
    sent = {name: guest.total_sent(runs[name]) for name, guest in bed.guests.items()}
    bed.wait_until_arrived(sent)
    telemetry = {name: bed.ask(f"/weir/vf,{name}") for name in scenario.frames}
    recording = Recording(bed.sink.finish())
    phases, silence = run.phases(recording, times)
    outcome = Outcome(scenario, promised, recording, times[0], phases, silence, sent, telemetry)
    outcome.notes = notes(bed, host, outcome, times, waited_ms)
    lost = bed.lost_ms()
    if lost is not None:
        outcome.cpu_part = max(0.0, 1 - lost[0] / ((times[3] - times[0]) / 1e6))
    outcome.weir_exit = bed.stop_weir()
    return outcome


def notes(bed, host, outcome, times, waited_ms):
    """-> what may have spoiled the figures and is not weir's doing, or is."""
    said = []
    if bed.cpus.only_one:
        said.append("one CPU only: weir shares it with everything else, so the figures are the kernel's, not weir's")
    gap_ms = outcome.recording.longest_gap(times[0], times[3]) / 1e6
    if gap_ms > 10:
        said.append(f"the sink was away for up to {gap_ms:.0f} ms: shorter reactions cannot be seen in this run")
    for cpu, who in ((bed.cpus.data, "weir's CPU"), (bed.cpus.main, "the guests' CPU")):
        stolen = host.stolen_ms(cpu)
        if stolen >= 20:
            said.append(f"the host took {stolen} ms from {who}")
    if waited_ms > (times[3] - times[0]) / 1e6 / 200:
        said.append(f"weir's data lcore waited {waited_ms:.0f} ms for its CPU, which ran something else")
    lost = bed.lost_ms()
    if lost is not None and lost[1] > 10:
        said.append(f"weir's data lcore did not run for up to {lost[1]:.0f} ms at once ({lost[0]:.0f} ms in all): "
                    "up to 10 ms of each absence are made good")
    return said
