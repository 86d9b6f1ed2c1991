/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WEIR_TELEM_H
#define WEIR_TELEM_H
extern int telem_stub;
#endif
