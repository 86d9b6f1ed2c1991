/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to sla: marking rules in a config. */
#ifndef WEIR_CONF_MARK_H
#define WEIR_CONF_MARK_H

#include "conf_fields.h"
#include "mark.h"

/* Reads all [mark] sections, when all VFs are known. */
void conf_read_marks(struct conf_reading *r);

/* One rule more, or in the place of the one of its name; a section without a key takes that away.  r->conf's set becomes
 * a new one; where it may not be, all reasons are said and it stays. */
void conf_put_mark(struct conf_reading *r, const struct ini_section *s);

/* All of one VF go. */
void conf_drop_marks(struct conf_reading *r, uint32_t vf);

/* The rules of 'from' in the place of those of r->conf, by the names of VFs. */
void conf_take_marks(struct conf_reading *r, const struct conf *from);

const char *conf_protocol_name(int protocol);	/* NULL: it has none here */

/* Rules that are other than in 'base', as a state file. */
void conf_dump_state_marks(const struct conf *conf, const struct conf *base, FILE *out);
void conf_dump_marks(const struct conf *conf, FILE *out);
void conf_print_marks(const struct conf *conf, FILE *out);

#endif
