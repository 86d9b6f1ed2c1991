# SPDX-License-Identifier: BSD-3-Clause
"""A real VM: QEMU without KVM (TCG) runs Debian's cloud kernel with an initramfs made here, and does what it is told over
its serial console. Starting the process is the caller's; so is ending it."""
import gzip
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import time

QEMU = "qemu-system-x86_64"
BUSYBOX = "/bin/busybox"
META_PACKAGE = "linux-image-cloud-amd64"
MODULES = ["virtio/virtio_ring", "virtio/virtio", "virtio/virtio_pci_modern_dev", "virtio/virtio_pci_legacy_dev",
           "virtio/virtio_pci", "../net/core/failover", "net/net_failover", "net/virtio_net"]       # in this order
PROGRAMS = ["/usr/bin/iperf3", "/usr/sbin/ethtool"]
UP = "GUEST-UP"

# What a command says goes back over the console, then a line with its number and exit code.
INIT = r"""#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t tmpfs tmp /tmp
/bin/busybox --install -s /bin
export PATH=/bin
for module in $(cat /modules/order); do insmod /modules/$module || echo "no module $module"; done
dmesg -n 1
stty -F /dev/ttyS0 raw -echo
ip link set lo up
for nic in /proc/sys/net/ipv6/conf/*; do echo 0 >$nic/accept_dad; done
exec </dev/ttyS0 >/dev/ttyS0 2>&1
echo GUEST-UP
while read -r number command; do
	sh -c "$command" </dev/null
	echo "GUEST-END $number $?"
done
"""

# For udhcpc: it takes what it is given.
LEASE = r"""#!/bin/busybox sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr flush dev $interface scope global
ip addr add $ip/$mask dev $interface
"""


class VmError(Exception):
    """A VM cannot be made, or does not do what it is told."""


def missing():
    """-> why no VM can run here, or None."""
    if os.uname().machine != "x86_64":
        return "the VM's kernel is Debian's amd64 one"
    for program, package in ((QEMU, "qemu-system-x86"), (BUSYBOX, "busybox-static"), (PROGRAMS[0], "iperf3")):
        if not shutil.which(program):
            return f"{program} is not there (package {package}; scripts/install test has it)"
    probe = subprocess.run([QEMU, "-machine", "none", "-accel", "tcg", "-display", "none", "-monitor", "stdio"], input="quit\n",
                           capture_output=True, text=True, timeout=20, check=False)
    return None if probe.returncode == 0 else f"{QEMU} does not run here: {probe.stderr.strip()}"


def output_of(*command, cwd=None):
    """-> what it said; VmError when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd, check=False)
    if done.returncode != 0:
        raise VmError(f"{' '.join(map(str, command))}: {done.stderr.strip()[-400:]}")
    return done.stdout


def kernel_package():
    """-> the package behind the one that only depends on it."""
    said = output_of("apt-cache", "depends", "--no-recommends", "--no-suggests", META_PACKAGE)
    found = re.search(r"Depends: (linux-image-\S+-cloud-amd64)$", said, re.M)
    if not found:
        raise VmError(f"apt knows no {META_PACKAGE}: apt-get update")
    return found[1]


def fetch_kernel(cache):
    """Downloads and unpacks Debian's kernel into 'cache'; nothing is installed. -> the folder with boot/ and lib/modules."""
    root = cache / "kernel"
    if any(root.glob("boot/vmlinuz-*")):
        return root
    partial = cache / "kernel.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        output_of("apt-get", "-q", "download", kernel_package(), cwd=partial)
    except VmError:         # lists older than the archive
        output_of("apt-get", "-q", "update")
        output_of("apt-get", "-q", "download", kernel_package(), cwd=partial)
    package = next(partial.glob("*.deb"))
    output_of("dpkg-deb", "-x", package, partial)
    package.unlink()
    partial.rename(root)
    return root


class Archive:
    """A cpio archive in the "newc" form, as the kernel wants its initramfs."""

    def __init__(self):
        self._parts = []
        self._count = 0
        self._seen = set()

    def _add(self, name, mode, data):
        self._count += 1
        raw = name.encode() + b"\0"
        fields = (self._count, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + raw
        self._parts += [head.ljust(-(-len(head) // 4) * 4, b"\0"), data.ljust(-(-len(data) // 4) * 4, b"\0")]

    def file(self, name, data, mode=0o755):
        """A file, and the folders that it is in."""
        for parent in reversed(pathlib.PurePosixPath(name).parents[:-1]):
            if str(parent) not in self._seen:
                self._seen.add(str(parent))
                self._add(str(parent), stat.S_IFDIR | 0o755, b"")
        self._add(name, stat.S_IFREG | mode, data)

    def packed(self):
        """-> its bytes, compressed."""
        self._add("TRAILER!!!", 0, b"")
        return gzip.compress(b"".join(self._parts), 1, mtime=0)


def shared_objects(program):
    """-> what it is linked with, and the loader."""
    return sorted(set(re.findall(r"(/\S+\.so\S*)", output_of("ldd", program))))


def make_initrd(kernel_root):
    """-> an initramfs: busybox, iperf3, virtio-net, and the loop that does what the console says."""
    archive = Archive()
    archive.file("init", INIT.encode())
    archive.file("usr/share/udhcpc/default.script", LEASE.encode())
    archive.file("etc/udhcpc/default.script", LEASE.encode())
    archive.file("bin/busybox", pathlib.Path(BUSYBOX).read_bytes())
    for program in filter(os.path.exists, PROGRAMS):
        archive.file("bin/" + os.path.basename(program), pathlib.Path(program).read_bytes())
        for path in shared_objects(program):
            archive.file(path.lstrip("/"), pathlib.Path(path).read_bytes())
    drivers = next(kernel_root.glob("lib/modules/*/kernel/drivers"))
    names = []
    for module in MODULES:
        path = (drivers / (module + ".ko")).resolve()
        names.append(path.name)
        archive.file("modules/" + path.name, path.read_bytes(), 0o644)
    archive.file("modules/order", "\n".join(names).encode() + b"\n", 0o644)
    return archive.packed()


class Image:
    """What a VM boots. 'cache': a folder that stays, for the kernel (a download of 27 MB, once)."""

    def __init__(self, cache):
        cache = pathlib.Path(cache)
        root = fetch_kernel(cache)
        self.kernel = next(root.glob("boot/vmlinuz-*"))
        self.initrd = cache / "initrd.gz"
        fresh = cache / f"initrd.{os.getpid()}"
        fresh.write_bytes(make_initrd(root))
        fresh.replace(self.initrd)


class Nic:
    """A virtio-net device on a vhost-user socket. 'serves': QEMU makes the socket and waits for weir, else the other way
    round; either side may go and come back."""

    def __init__(self, path, mac, serves=True, queues=1):
        self.path, self.mac, self.serves, self.queues = path, mac, serves, queues


def qemu_command(image, nics, console, memory_mb=192, cpus=1):
    """-> the command. vectors=0: under TCG Debian's QEMU 7.2 crashes when a guest enables MSI-X on a vhost-user device."""
    command = [QEMU, "-nodefaults", "-no-user-config", "-machine", "q35,accel=tcg", "-cpu", "max", "-display", "none",
               "-m", str(memory_mb), "-smp", str(cpus), "-object", f"memory-backend-memfd,id=mem,size={memory_mb}M,share=on",
               "-numa", "node,memdev=mem", "-kernel", str(image.kernel), "-initrd", str(image.initrd),
               "-append", "console=ttyS0 quiet loglevel=3 panic=-1 net.ifnames=0 mitigations=off",
               "-chardev", f"socket,id=console,path={console},server=on,wait=off,logfile={console}.log",
               "-serial", "chardev:console"]
    for i, nic in enumerate(nics):
        how = "server=on,wait=off" if nic.serves else "reconnect=1"
        mq = ",mq=on" if nic.queues > 1 else ""
        command += ["-chardev", f"socket,id=c{i},path={nic.path},{how}",
                    "-netdev", f"vhost-user,id=n{i},chardev=c{i},queues={nic.queues}",
                    "-device", f"virtio-net-pci,netdev=n{i},mac={nic.mac},vectors=0{mq}"]
    return command


class Console:
    """The VM's serial line, and the shell behind it."""

    def __init__(self, path, seconds=10):
        self._text, self._number = "", 0
        end = time.monotonic() + seconds
        while True:
            self._socket = socket.socket(socket.AF_UNIX)
            try:
                self._socket.connect(str(path))
                break
            except OSError as error:
                self._socket.close()
                if time.monotonic() > end:
                    raise VmError(f"no console {path}: {error.strerror}") from error
                time.sleep(0.05)

    def _read_until(self, pattern, seconds, what):
        """-> what came before the match, and the match."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self._text, re.M)):
            left = end - time.monotonic()
            if left <= 0:
                raise VmError(f"{what}: no answer within {seconds:g} s; the guest's last words: {self._text[-400:]!r}")
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except socket.timeout:
                continue
            except OSError as error:
                raise VmError(f"{what}: the VM is gone: {error.strerror}") from error
            if not data:
                raise VmError(f"{what}: the VM is gone")
            self._text += data.decode(errors="replace").replace("\r", "")
        before, self._text = self._text[:found.start()], self._text[found.end():]
        return before, found

    def wait_up(self, seconds=30):
        """Until the guest has booted (again)."""
        self._read_until(UP + "\n", seconds, "boot")

    def send(self, command):
        """Begins a command, whose answer nobody waits for (a reboot)."""
        self._number += 1
        self._socket.sendall(f"{self._number} {command}\n".encode())

    def run(self, command, seconds=15, check=True):
        """One line for the guest's shell. -> what it said; (exit code, what it said) without 'check'."""
        self.send(command)
        said, end = self._read_until(rf"^GUEST-END {self._number} (\d+)\n", seconds, command)
        if not check:
            return int(end[1]), said
        if end[1] != "0":
            raise VmError(f"the guest's '{command}' ended with {end[1]}: {said.strip()[-400:]}")
        return said

    def close(self):
        """The VM goes on."""
        self._socket.close()
