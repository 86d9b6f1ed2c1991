/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WEIR_WORKER_H
#define WEIR_WORKER_H
extern int worker_stub;
#endif
