# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/demo, scripts/test and scripts/loadtest are made of."""
