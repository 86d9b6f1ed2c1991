# SPDX-License-Identifier: BSD-3-Clause
"""Checks of the sources themselves. Each is a generator of complaints, '' to none."""
import pathlib
import re
import shlex
import shutil
import subprocess

from .machine import ROOT

SOURCE = {".c", ".h", ".py", ".sh", ".build", ".txt", ".conf", ".lua", ".pkt"}
RIM = {"port", "worker", "telem"}       # the libraries that may know DPDK
LONGEST = 600
LONGEST_FUNCTION = 80


class Missing(Exception):
    """A check's tool is not installed."""


def tracked():
    """-> every file of the project."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        files = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        files = [path for path in ROOT.rglob("*") if not any(part.startswith((".git", "build")) for part in path.parts)]
    return sorted(path for path in files if path.is_file())


def is_script(path, interpreter):
    """Does it begin with #! and that?"""
    if path.suffix or not path.stat().st_mode & 0o100:
        return False
    with open(path, "rb") as file:
        return bool(re.match(rb"#!.*\b" + interpreter, file.readline()))


def text_of(path):
    """-> its text."""
    return path.read_text(encoding="utf-8", errors="replace")


def spdx(files):
    """every source names its licence in its first three lines"""
    for path in files:
        is_source = path.suffix in SOURCE or is_script(path, rb"(sh|bash|python3)")
        if is_source and "LICENSE" not in path.name and "seeds" not in path.parts:
            if not any("SPDX-License-Identifier: BSD-3-Clause" in line for line in text_of(path).split("\n")[:3]):
                yield f"{path}: no SPDX line"


def includes(files):
    """headers are included by bare name, and pure libraries know nothing of DPDK"""
    for path in files:
        if path.suffix not in {".c", ".h"}:
            continue
        library = path.relative_to(ROOT).parts[1] if path.is_relative_to(ROOT / "lib") else None
        for number, line in enumerate(text_of(path).split("\n"), 1):
            if re.match(r'\s*#\s*include\s+".*/', line):
                yield f"{path}:{number}: include by bare name: {line.strip()}"
            if library and library not in RIM and re.match(r"\s*#\s*include\s+[<\"]rte_", line):
                yield f"{path}:{number}: a pure library includes DPDK: {line.strip()}"


def lengths(files):
    """no C or Python file is longer than 600 lines"""
    for path in files:
        if path.suffix in {".c", ".h", ".py"} and (count := text_of(path).count("\n")) > LONGEST:
            yield f"{path}: {count} lines: which two rooms live in one?"


def functions(files):
    """no C function is longer than 80 lines"""
    for path in files:
        if path.suffix not in {".c", ".h"}:
            continue
        opened = None
        for number, line in enumerate(text_of(path).split("\n"), 1):
            if line.startswith("{"):
                opened = number
            elif line.startswith("}") and opened:
                if (count := number - opened + 1) > LONGEST_FUNCTION:
                    yield f"{path}:{opened}: a function of {count} lines: which steps have a name of their own?"
                opened = None


def headers(files):
    """every header compiles alone"""
    libs = [f"-I{path}" for path in sorted((ROOT / "lib").iterdir()) if path.is_dir()]
    dpdk = subprocess.run(["pkg-config", "--cflags", "libdpdk"], capture_output=True, text=True, check=True).stdout
    for path in files:
        if path.suffix != ".h":
            continue
        command = ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Werror", "-x", "c", f"-I{path.parent}",
                   *libs, *shlex.split(dpdk.replace("-I", "-isystem ")), "-march=native", "-include", str(path), "/dev/null"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            yield f"{path} does not compile alone:\n{done.stderr}"


def outside(tool, files, arguments=()):
    """Runs a linter that may not be there."""
    if not shutil.which(tool):
        raise Missing(f"{tool} is not installed")
    done = subprocess.run([tool, *arguments, *map(str, files)], capture_output=True, text=True, check=False)
    if done.returncode:
        yield done.stdout + done.stderr


def shell(files):
    """shellcheck finds nothing"""
    scripts = [path for path in files if path.suffix == ".sh" or is_script(path, rb"(sh|bash)")]
    yield from outside("shellcheck", scripts)


def python(files):
    """pyflakes finds nothing"""
    scripts = [path for path in files if path.suffix == ".py" or is_script(path, rb"python3")]
    yield from outside("pyflakes3", scripts)


def promises(_):
    """doc/promises.md names tests that exist, and all promise tests"""
    done = subprocess.run(["/usr/bin/python3", ROOT / "scripts" / "check-promises"], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        yield done.stderr


CHECKS = [spdx, includes, lengths, functions, headers, shell, python, promises]


def run(log_path):
    """-> (passed, failed, [complaints], [skipped: why])"""
    files, failed, said, skipped = tracked(), 0, [], []
    for check in CHECKS:
        try:
            complaints = [str(text).replace(f"{ROOT}/", "") for text in check(files)]
        except Missing as why:
            skipped.append(f"lint: {check.__doc__}: {why}")
            continue
        failed += bool(complaints)
        said += [f"lint: {check.__doc__}: NOT SO"] * bool(complaints) + complaints
    pathlib.Path(log_path).write_text("\n".join(said + skipped) + "\n", encoding="utf-8")
    return len(CHECKS) - failed - len(skipped), failed, said, skipped
