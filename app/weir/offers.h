/* SPDX-License-Identifier: BSD-3-Clause */
/* What guests are offered, before EAL makes the devices that offer it.
 * Used by: app/weir. */
#ifndef WEIR_OFFERS_H
#define WEIR_OFFERS_H

#include "conf.h"
#include "why.h"

/* TSO (tso=1 of a vhost port) is taken back where a frame of 64 KB is more than a millisecond of its VF's limit: told in
 * 'notes'.  Writes into 'argv'. */
void offers_settle(const struct conf *conf, int argc, char **argv, struct why *notes);

#endif
