/* SPDX-License-Identifier: BSD-3-Clause */
#include "count.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "pipeline.h"

#define N_FRAMES     4096u
#define FRAME_BYTES  60u	/* without FCS */
#define TURN_NS	     20000u
#define WARM_UP	     200u	/* turns */
#define LINE_CHARS   200u	/* of the config, a VF */
#define LINK_BPS     UINT64_C(100000000000)

struct bed {
	uint8_t frames[N_FRAMES][64];
	uint32_t at;
	uint64_t n_sent;
};

static uint32_t rx(void *ctx, uint16_t port, struct pkt *pkts, uint32_t n)
{
	struct bed *b = ctx;

	if (port == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *f = b->frames[b->at];
		b->at = b->at + 1 == N_FRAMES ? 0 : b->at + 1;
		pkts[i].handle = f;
		pkts[i].data = f;
		pkts[i].data_bytes = pkts[i].bytes = FRAME_BYTES;
	}
	return n;
}

static uint32_t tx(void *ctx, uint16_t port, void **handles, uint32_t n)
{
	struct bed *b = ctx;

	(void)port;
	(void)handles;
	b->n_sent += n;
	return n;
}

static void free_pkts(void *ctx, void **handles, uint32_t n)
{
	(void)ctx;
	(void)handles;
	(void)n;
}

static bool no_copy(void *ctx, const struct pkt *from, struct pkt *to)
{
	(void)ctx;
	(void)from;
	(void)to;
	return false;
}

static void look(void *ctx, struct pkt *p)
{
	(void)ctx;
	p->data = p->handle;
	p->data_bytes = p->bytes = FRAME_BYTES;
}

static bool no_tag(void *ctx, struct pkt *p, enum tag_op op, uint16_t vid)
{
	(void)ctx;
	(void)p;
	(void)op;
	(void)vid;
	return false;
}

static bool no_mark(void *ctx, void **handle)
{
	(void)ctx;
	(void)handle;
	return false;
}

static struct conf *configure(uint32_t n_vfs, struct why *why)
{
	size_t size = (n_vfs + 2) * LINE_CHARS;
	char *text = malloc(size);
	size_t at;

	if (text == NULL)
		return NULL;
	at = (size_t)snprintf(text, size, "[switch]\npacket_capacity = 100M\n[port up]\nrole = pf\nrate = 100G\n[port p]\nrate = 100G\n");
	for (uint32_t i = 0; i < n_vfs; i++)
		at += (size_t)snprintf(text + at, size - at,
			"[vf v%" PRIu32 "]\nport = p\nmac = 02:00:00:00:%02x:%02x\nqueue = 256\ntx.min_bps = 2M\ntx.min_pps = 2k\n"
			"tx.max_bps = 100M\ntx.max_pps = 200k\ntx.weight = %" PRIu32 "\n", i, i >> 8, i & 255, 1 + i % 4);
	struct conf *conf = conf_parse("weir-count", text, at, why);
	free(text);
	return conf;
}

/* UDP over IPv4 from one VF after the other, to somebody beyond the uplink. */
static void write_frames(struct bed *b, uint32_t n_vfs)
{
	for (uint32_t i = 0; i < N_FRAMES; i++) {
		uint32_t vf = i * 389 % n_vfs;
		const uint8_t head[34] = {0x02, 0x09, 0, 0, 0, 0x09, 0x02, 0, 0, 0, (uint8_t)(vf >> 8), (uint8_t)vf, 0x08, 0,
			0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17};
		memcpy(b->frames[i], head, sizeof(head));
	}
}

int count_turns(uint32_t n_vfs, uint32_t rounds)
{
	static struct bed bed;
	static struct why why;
	struct fabric_params params = {.n_workers = 1, .ports = {{.link_bps = LINK_BPS}, {.link_bps = LINK_BPS}}};
	struct pipe_io io = {.ctx = &bed, .rx = rx, .tx = tx, .free = free_pkts, .copy = no_copy, .look = look, .retag = no_tag,
		.mark_ce = no_mark};
	uint64_t now_ns = 1000000000;

	why_init(&why);
	struct conf *conf = configure(n_vfs, &why);
	params.conf = conf;
	struct fabric *fabric = conf == NULL ? NULL : fabric_create(&params, &why);
	struct pipe *pipe = fabric == NULL ? NULL : pipe_create(fabric, 0, &io, now_ns, &why);
	if (pipe == NULL) {
		why_print(&why, stderr);
		return 1;
	}
	write_frames(&bed, n_vfs);
	for (uint32_t i = 0; i < WARM_UP + rounds; i++, now_ns += TURN_NS) {
		if (i == WARM_UP)
			bed.n_sent = 0;
		pipe_turn(pipe, now_ns);
	}
	pipe_flush(pipe, now_ns);
	pipe_destroy(pipe);
	fabric_destroy(fabric);
	conf_destroy(conf);
	printf("%" PRIu64 "\n", bed.n_sent);
	return 0;
}
