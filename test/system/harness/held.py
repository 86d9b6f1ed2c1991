# SPDX-License-Identifier: BSD-3-Clause
"""One thread of a program stands still, while its others run on."""

import contextlib
import ctypes
import os
import pathlib

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WAIT_FOR_THREADS = 0x40000000      # __WALL


def ptrace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


@contextlib.contextmanager
def held(thread):
    """By its id; the main thread's is the process's."""
    ptrace(PTRACE_SEIZE, thread)
    ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WAIT_FOR_THREADS)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH, thread)


def worker_of(pid):
    """-> the thread of weir's data worker, where there is one."""
    tasks = pathlib.Path("/proc/%d/task" % pid).iterdir()
    return next(int(task.name) for task in tasks if "worker" in (task / "comm").read_text())
