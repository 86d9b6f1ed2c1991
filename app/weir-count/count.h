/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WEIR_COUNT_H
#define WEIR_COUNT_H

#include <stdint.h>

/* Whole turns of one pipe: frames of 64 bytes of 'n_vfs' VFs on one port, each with a guarantee and a limit, to the uplink;
 * ports cost nothing.  Prints how many packets; -> the exit code. */
int count_turns(uint32_t n_vfs, uint32_t rounds);

#endif
