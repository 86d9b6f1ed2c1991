# SPDX-License-Identifier: BSD-3-Clause
"""Huge pages, for the few tests that want some: borrowed from the kernel, and given back."""

import os
import subprocess

from .suite import Skip

N_PATH = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"


def _set(n):
    with open(N_PATH, "w") as f:
        f.write(str(n))
    with open(N_PATH) as f:
        return int(f.read()) >= n


def reserve(context, n):
    """So many of 2 MB more than there were, for as long as the test runs."""
    if not os.path.exists(N_PATH):
        raise Skip("this kernel has no 2 MB pages")
    with open(N_PATH) as f:
        before = int(f.read())
    context.defer(lambda: _set(before))
    if not _set(before + n):
        raise Skip("the kernel has no %d huge pages to give" % n)


def reserve_shared(context, n):
    """The same for two processes, which find each other's by files: a hugetlbfs of their own, which EAL finds by itself."""
    reserve(context, n)
    folder = os.path.join(context.folder, "huge")
    os.mkdir(folder)
    if subprocess.run(["mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", folder], check=False, timeout=10).returncode:
        raise Skip("no hugetlbfs can be mounted")
    context.defer(lambda: subprocess.run(["umount", folder], check=True, timeout=10))
