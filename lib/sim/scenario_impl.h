/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to the reader of scenarios: scenario.c (the whole, [sim], [bottleneck]) and scenario_traffic.c ([traffic]). */
#ifndef WEIR_SCENARIO_IMPL_H
#define WEIR_SCENARIO_IMPL_H

#include "conf_fields.h"
#include "scenario.h"

/* What reading one scenario needs. */
struct scenario_reading {
	struct scenario *s;
	struct conf_reading r;		/* of the scenario's file: where its mistakes are told */
	uint32_t room_traffics;
	uint64_t n_sources, n_flows;	/* of all traffics */
	uint64_t device_bps;		/* the uplink's; 0: not known */
};

/* Reads a [traffic NAME] whose senders and receivers are VFs of s->conf; where that could not be read (NULL), all else is
 * checked. */
void scenario_read_traffic(struct scenario_reading *reading, const struct ini_section *section);

/* scenario_sender.c: what is said of the connections of a [traffic] with kind = tcp. */
conf_reader scenario_read_class;
void scenario_check_sender(struct conf_reading *r, const struct ini_section *section, struct traffic *t);
void scenario_join_class(struct scenario_reading *reading, const struct ini_section *section, struct traffic *t);

/* scenario_head.c */
conf_reader scenario_read_address;	/* into uint8_t [4] */
void scenario_make_head(struct traffic *t);
void scenario_check_head(struct conf_reading *r, const struct ini_section *section, const struct traffic *t);

/* scenario_change.c: the [change NAME] sections, once the configuration is known. */
void scenario_read_changes(struct scenario_reading *reading);
void scenario_destroy_changes(struct scenario *s);

/* Every VF sends all it can to the uplink.  false: out of memory. */
bool scenario_add_default_traffic(struct scenario *s);

#endif
