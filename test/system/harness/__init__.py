# SPDX-License-Identifier: BSD-3-Clause
"""What the system tests stand on: namespaces and cables, frames, processes, and a list of tests."""
