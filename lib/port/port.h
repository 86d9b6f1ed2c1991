/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WEIR_PORT_H
#define WEIR_PORT_H
extern int port_stub;
#endif
