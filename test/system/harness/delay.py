# SPDX-License-Identifier: BSD-3-Clause
"""Delays of a VM's packets, by weir's own clock: as weirctl reads them."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))

from lib_weir.delays import CLASSES, DIRECTIONS, Delays  # noqa: E402

__all__ = ["CLASSES", "DIRECTIONS", "Delays"]
