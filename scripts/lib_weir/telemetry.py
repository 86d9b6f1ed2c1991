# SPDX-License-Identifier: BSD-3-Clause
"""Asks weir what it knows, through DPDK's telemetry socket. Everything here is best effort: None = no answer."""
import json
import socket
import time


class Telemetry:
    """One connection; use it from one thread."""

    def __init__(self, run_dir, file_prefix, timeout_s=1.0):
        self._timeout_s = timeout_s
        self._path = f"{run_dir}/dpdk/{file_prefix}/dpdk_telemetry.v2"
        self._socket = None
        self._size = 16384

    def _connect(self):
        """Of those who come in the same moment DPDK lets one wait, and it takes ten at a time: else one comes again."""
        until = time.monotonic() + self._timeout_s
        while True:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._socket.settimeout(self._timeout_s)
            try:
                self._socket.connect(self._path)
                greeting = self._socket.recv(4096)
            except BlockingIOError:
                greeting = b""
            if greeting:
                break
            self.close()
            if time.monotonic() > until:
                raise OSError("its ten connections are taken")
            time.sleep(0.005)
        self._size = json.loads(greeting).get("max_output_len", self._size)

    def ask_raw(self, command):
        """-> the answer as it comes; raises OSError."""
        if self._socket is None:
            self._connect()
        self._socket.send(command.encode())
        return self._socket.recv(self._size + 1024)

    def ask(self, command):
        """-> the answer as Python objects."""
        try:
            answer = json.loads(self.ask_raw(command))
        except (OSError, ValueError):
            self.close()
            return None
        return answer.get(command.split(",")[0])

    def close(self):
        """Ends the connection; the next question opens a new one."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None


def find(answer, *keys):
    """-> the first value under one of 'keys', at any depth."""
    if isinstance(answer, dict):
        for key in keys:
            if key in answer:
                return answer[key]
        answer = list(answer.values())
    if isinstance(answer, list):
        for part in answer:
            found = find(part, *keys)
            if found is not None:
                return found
    return None


def tx_drops(answer):
    """-> {reason: packets} of what a VM sent and weir dropped, or None when weir does not tell."""
    side = answer.get("tx") if isinstance(answer, dict) else None
    drops = find(side, "drops", "drop")
    if not isinstance(drops, dict):
        return None
    return {reason: count for reason, count in drops.items() if isinstance(count, int) and count}
