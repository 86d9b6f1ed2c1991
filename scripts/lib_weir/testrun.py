# SPDX-License-Identifier: BSD-3-Clause
"""scripts/test: everything that can be tested here, one stage after the other, and one line with the sum at the end."""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

from . import lint, machine

TAIL = 40
DEMO_TRIES = 3
STOLEN_PART = 0.03     # of the time: with that much taken by the host a rate tells nothing
SANITIZED = ["-Db_sanitize=address,undefined", "-Dbuildtype=debugoptimized", "-Db_lundef=false"]
SANITIZER_ENV = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:halt_on_error=1",
                 "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
                 "WEIR_SIM_SETS": "20"}     # of the random sets of test/promise/sim.c, a loop: the plain build plays 2,000 in all
SUM = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)
SKIPPED = re.compile(r"^skipped  (.+)$", re.MULTILINE)
LATER_TRY = re.compile(r"^kept only at a later try: (.+)$", re.MULTILINE)


class Report:
    """Counts, and says how far it got."""

    def __init__(self, log_dir):
        self.log_dir = pathlib.Path(log_dir)
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self.passed = self.failed = self.skipped = 0
        self.skips = []             # what was skipped, and why
        self.later_try = []        # what did not pass at once
        self.whole_stages = []      # of the skips: stages of which nothing ran
        self._began = time.monotonic()
        self._stage_began = 0.0

    def log(self, name):
        """-> the path of a stage's log."""
        return self.log_dir / f"{name}.log"

    def begin(self, text):
        """Says what comes now."""
        self._stage_began = time.monotonic()
        print(f"[{self._stage_began - self._began:5.0f} s] {text} ...", flush=True)

    def end(self, passed, failed, tail="", skips=()):
        """Says how it went. 'skips': a text for each test that was skipped."""
        self.passed, self.failed, self.skipped = self.passed + passed, self.failed + failed, self.skipped + len(skips)
        self.skips += skips
        took = time.monotonic() - self._stage_began
        print(f"          {passed} passed, {failed} failed, {len(skips)} skipped ({took:.0f} s)", flush=True)
        if failed and tail:
            print("          " + tail.rstrip().replace("\n", "\n          "), flush=True)

    def skip_stage(self, name, count, why):
        """Nothing of a stage ran: where nobody looks (CI), that is a failure."""
        self.whole_stages.append(f"{name}: all {count} skipped: {why}")
        self.skipped += count
        self.failed += int(is_ci())
        print(f"          {self.whole_stages[-1]}", flush=True)

    def close(self):
        """Says what the sum does not tell, then the sum. -> the exit code."""
        print(f"details: {self.log_dir}")
        for text in self.skips:
            print(f"*** SKIPPED *** {text}")
        for text in self.later_try:
            print(f"kept only at a later try: {text}")
        for text in self.whole_stages:
            print(f"*** NOT TESTED *** {text}" + (" (a failure, because CI is set)" if is_ci() else ""))
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed else 0


def is_ci():
    """Does a machine start this, and nobody read it?"""
    return os.environ.get("CI", "").lower() in ("true", "1")


def run(command, log_path, seconds, env=None):
    """Runs with a bound, output to a log. -> (exit code or None when it took too long, output)."""
    with open(log_path, "a", encoding="utf-8") as log:
        log.write("$ " + " ".join(map(str, command)) + "\n")
        log.flush()
        begin = log.tell()
        child = subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                 env=dict(os.environ, **(env or {})))
        try:
            code = child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.terminate()           # its own children are its own to end
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
            code = None
        except BaseException:
            child.terminate()
            child.wait()
            raise
    with open(log_path, encoding="utf-8", errors="replace") as log:
        log.seek(begin)
        return code, log.read()


def last_lines(text, count=TAIL):
    """-> its end."""
    return "\n".join(text.rstrip().split("\n")[-count:])


def stage_build(report, name, directory, options):
    """Configures and builds with warnings as errors. -> did it?"""
    report.begin(f"build {name}")
    log = report.log(f"build-{name}")
    log.unlink(missing_ok=True)
    code, said = 0, ""
    if not (directory / "build.ninja").exists():
        code, said = run(["meson", "setup", directory, machine.ROOT, "-Dwerror=true", *options], log, 300)
    if code == 0:
        code, said = run(["ninja", "-C", directory, "-k", "0"], log, 1200)
    report.end(int(code == 0), int(code != 0), last_lines(said))
    return code == 0


def count_meson_tests(directory, env_name):
    """-> (passed, failed, text of the failed ones, [skipped]), subtests counted one by one."""
    passed = failed = 0
    texts, skips = [], []
    for line in (directory / "meson-logs" / "testlog.json").read_text(encoding="utf-8").splitlines():
        test = json.loads(line)
        output = test.get("stdout") or ""
        left_out = re.findall(r"(?mi)^ok \d.*# skip.*", output)
        good = len(re.findall(r"(?m)^ok \d", output)) - len(left_out)
        bad = len(re.findall(r"(?m)^not ok \d", output))
        skips += [f"{test['name']} ({env_name}): {line}" for line in left_out]
        is_good = test["result"] in ("OK", "EXPECTEDFAIL")
        if test["result"] == "SKIP":
            skips += [] if left_out else [f"{test['name']} ({env_name})"]
            continue
        passed += max(good, 1) if is_good else good
        if not is_good:
            failed += max(bad, 1)
            wrong = "\n".join(x for x in output.split("\n") if not x.startswith("ok "))
            texts.append(f"--- {test['name']} ({env_name}): {test['result']}\n"
                         + last_lines(wrong) + "\n" + last_lines(test.get("stderr") or ""))
    return passed, failed, "\n".join(texts), skips


def stage_meson_tests(report, name, directory, env=None):
    """unit, promise and fuzz tests."""
    report.begin(f"unit, promise and fuzz tests ({name})")
    (directory / "meson-logs" / "testlog.json").unlink(missing_ok=True)
    _, said = run(["meson", "test", "-C", directory, "--no-rebuild"], report.log(f"meson-test-{name}"), 900, env)
    try:
        report.end(*count_meson_tests(directory, name))
    except OSError:
        report.end(0, 1, last_lines(said))


def as_root(command):
    """-> the command for root, or None when that is impossible here."""
    if os.geteuid() == 0:
        return command
    prefix = machine.first_that_works([("sudo", "-n")])
    return [*prefix, *command] if prefix else None


def stage_system(report, name, directory, options, env=None):
    """Real processes, real ports."""
    script = machine.ROOT / "test" / "system" / "run"
    stage = f"system tests ({name})"
    report.begin(stage)
    command = as_root([script, "--weir", directory / "app" / "weir" / "weir", *options])
    if command is None:
        listed = subprocess.run([script, "--list", *options], capture_output=True, text=True, check=False)
        report.skip_stage(stage, max(listed.stdout.count("\n"), 1), "they need root, or sudo without a password")
        return
    code, said = run(command, report.log(f"system-{name}"), 1200, env)
    found = SUM.findall(said)
    passed, failed, n_skipped = map(int, found[-1]) if found else (0, 1, 0)
    if n_skipped and not passed and not failed and code == 0:
        report.skip_stage(stage, n_skipped, f"see {report.log(f'system-{name}')}")
        return
    failed += int(code != 0 and failed == 0)
    report.later_try += [f"{stage}: {title}" for title in LATER_TRY.findall(said)]
    skips = [f"{stage}: {text}" for text in SKIPPED.findall(said)]
    wrong = re.findall(r"^FAILED .*\n(?:    .*\n)*", said, re.M)      # each with what it says below
    report.end(passed, failed, "".join(wrong)[:8000] or last_lines(said), skips)


def demo(report, arguments, log_name, seconds):
    """-> (exit code, output)"""
    command = [sys.executable, "-m", "lib_weir.demo", "--no-install", *arguments]
    return run(command, report.log(log_name), seconds)


def stolen_ms(said):
    """What the demo says the host took from weir or its guests."""
    return max([int(ms) for ms in re.findall(r"the host took (\d+) ms from", said)], default=0)


def stage_demo(report, directory, seconds, names):
    """The demo's scenarios, shortened. One that breaks is played again, because this machine may not be ours alone; where the
    host takes the CPU away in every one of them, nothing can be told and it is skipped, as a rate test is."""
    for name in names:
        report.begin(f"demo: {name}, {seconds} s")
        arguments = ["--build", directory, "--seconds", seconds, "--scenario", name, "--out", report.log_dir / "demo" / name]
        for left in range(DEMO_TRIES - 1, -1, -1):
            code, said = demo(report, arguments, f"demo-{name}", 120)
            if code == 0 or left == 0:
                break
            print("          broken; once more\n          "
                  + "\n          ".join(x for x in said.split("\n") if "BROKEN" in x or "note:" in x), flush=True)
            report.later_try += [f"demo: {name}"]
        if code != 0 and stolen_ms(said) > STOLEN_PART * seconds * 1000:
            report.end(0, 0, skips=[f"demo: {name}: the host took {stolen_ms(said)} ms of {seconds} s"])
        else:
            report.end(int(code == 0), int(code != 0), last_lines(said))


def stage_spoiled_demo(report, directory):
    """A demo that cannot fail shows nothing: with VM2's limit lowered it must say so."""
    report.begin("demo: a broken promise is noticed")
    shipped = (machine.ROOT / "config" / "demo-dba1.conf").read_text(encoding="utf-8")
    spoiled = report.log_dir / "spoiled.conf"
    spoiled.write_text(shipped.replace("= 700M", "= 600M"), encoding="utf-8")
    code, said = demo(report, ["--build", directory, "--seconds", 2, "--scenario", "dba1", "--config", spoiled, "--out",
                               report.log_dir / "demo" / "spoiled"], "demo-spoiled", 120)
    noticed = code == 1 and re.search(r"vm2 .*its share.*BROKEN", said)
    report.end(int(bool(noticed)), int(not noticed), last_lines(said))


def stage_lint(report):
    """The sources themselves."""
    report.begin("lint")
    passed, failed, said, skips = lint.run(report.log("lint"))
    report.end(passed, failed, "\n".join(said[:TAIL]), skips)


def parse():
    """-> the arguments."""
    parser = argparse.ArgumentParser(prog="scripts/test", description="Builds and tests everything. Exit code 1 if a test fails.")
    parser.add_argument("--quick", action="store_true", help="without the sanitizers' build, and with a shorter demo")
    parser.add_argument("--no-install", action="store_true", help="do not look for missing packages")
    parser.add_argument("--build-root", metavar="DIR", default=machine.ROOT,
                        help="where the build directories build and build-asan are made (default: the project)")
    return parser.parse_args()


def main():
    """-> the exit code."""
    args = parse()
    plain = pathlib.Path(args.build_root).resolve() / "build"
    sanitized = plain.with_name("build-asan")
    report = Report(plain / "test-logs")
    for old in report.log_dir.glob("*.log"):
        old.unlink()
    stage_lint(report)
    if stage_build(report, "release", plain, ["--buildtype=release"]):
        stage_meson_tests(report, "release", plain)
        stage_system(report, "release", plain, ["--quick"] if args.quick else [])
        names = ["dba2", "lend"] if args.quick else ["dba1", "dba2", "lend", "core-bound"]
        stage_demo(report, plain, 4, names)
        stage_spoiled_demo(report, plain)
    if not args.quick and stage_build(report, "sanitized", sanitized, SANITIZED):
        stage_meson_tests(report, "sanitized", sanitized, SANITIZER_ENV)
        stage_system(report, "sanitized", sanitized, ["--quick"], SANITIZER_ENV)
    return report.close()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
