/* SPDX-License-Identifier: BSD-3-Clause */
/* [traffic NAME]: what marking rules look at in its packets, IPv4's header and the ports behind it. */
#include <arpa/inet.h>
#include <string.h>

#include "scenario_impl.h"

enum { TCP = 6, UDP = 17 };

bool scenario_read_address(const struct conf_field *field, const char *value, void *to)
{
	(void)field;
	return inet_pton(AF_INET, value, to) == 1;
}

static void put_be16(uint8_t *to, uint64_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

void scenario_make_head(struct traffic *t)
{
	if (t->protocol == 0)
		t->protocol = t->kind == TRAFFIC_TCP ? TCP : UDP;
	t->head[0] = 0x45;
	t->head[9] = (uint8_t)t->protocol;
	memcpy(t->head + 12, t->src, sizeof(t->src));
	memcpy(t->head + 16, t->dst, sizeof(t->dst));
	put_be16(t->head + 20, t->src_port);
	put_be16(t->head + 22, t->dst_port);
}

void scenario_check_head(struct conf_reading *r, const struct ini_section *section, const struct traffic *t)
{
	static const uint8_t with_ports[] = {TCP, UDP, 33, 132, 136};	/* and DCCP, SCTP, UDP-Lite */
	const struct ini_entry *src = conf_entry(section, "src_port"), *port = src != NULL ? src : conf_entry(section, "dst_port");

	if (port != NULL && memchr(with_ports, t->protocol, sizeof(with_ports)) == NULL)
		conf_say(r, port->line, "%s: wanted protocol = tcp, udp, sctp, dccp or udplite beside it, for others have no ports",
			port->key);
}
