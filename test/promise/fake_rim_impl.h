/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to the fake rim: what fake_rim.c (what a pipe calls: guests, sink, copies, rings) and fake_world.c (set-up,
 * running, figures, the end) share. */
#ifndef WEIR_FAKE_RIM_IMPL_H
#define WEIR_FAKE_RIM_IMPL_H

#include <check.h>

#include "clk.h"
#include "control.h"
#include "fake_rim.h"

/* Check's own assertions write a line to a file each time they hold: too slow for every packet. */
#define sure(cond, ...)                                 \
	do {                                            \
		if (!(cond))                            \
			ck_abort_msg("" __VA_ARGS__);   \
	} while (0)

#define HEAD_BYTES 64
#define TAG_BYTES  4

struct packet {
	uint32_t magic, bytes;
	uint16_t head_bytes;
	uint16_t port;			/* came in by */
	int stream;
	bool is_copy;
	uint64_t seq, offered_ns;
	uint8_t head[HEAD_BYTES + TAG_BYTES];
};

struct waiting {			/* in a guest's ring */
	int stream;
	uint64_t offered_ns;
};

struct guest {
	struct waiting *ring;
	uint32_t ring_pkts, first, n;
	uint64_t polls, polls_marked;
	/* What it reads. */
	uint64_t reader_pps;
	price_t reader_price;
	struct clk reader_free;		/* when its ring is empty */
	uint32_t reader_ring;
};

struct stream {
	struct rim_stream is;
	struct clk next;
	price_t price;
	uint64_t read, refused, read_marked, refused_marked;
	uint64_t longest_wait_ns, longest_delay_ns;
	uint64_t marked_after_ns, unmarked_after_ns;
	uint64_t marks[CONF_MAX_PORTS], marks_marked[CONF_MAX_PORTS];
	struct rim_count to[CONF_MAX_PORTS], marked[CONF_MAX_PORTS];
	uint64_t last_seq[CONF_MAX_PORTS];	/* + 1 */
	int last_vid[CONF_MAX_PORTS], last_dscp[CONF_MAX_PORTS];
};

struct hand_ring {
	struct pkt *pkts;
	uint32_t first, n;
};

struct worker {
	struct rim *rim;
	unsigned int id;
	struct pipe *pipe;
	struct hand_ring from[RIM_MAX_WORKERS];
};

struct rim {
	struct conf *conf;
	struct conf *running;		/* other terms than conf; NULL: the same */
	struct fabric *fabric;
	unsigned int n_workers;
	struct worker workers[RIM_MAX_WORKERS];
	struct guest guests[CONF_MAX_PORTS];
	struct stream streams[RIM_MAX_STREAMS];
	int n_streams;
	uint32_t hand_pkts;
	uint64_t now_ns, mark_ns, turn_ns, jitter_ns, cost_rx_ns, cost_tx_ns, random;
	struct vf_view *born_at;	/* by place: the figures when the VF there came */
	uint64_t spent_ns;		/* by the turn that runs */
	uint64_t longest_turn_ns;
	uint32_t check_every, n_turns;
	unsigned int slow_worker;
	uint32_t slow_every;		/* it has one turn in so many; 0: each */
	uint32_t read_in_turn, most_read_in_turn;
	bool has_copies, has_tags, tells_rings, is_event_driven;
	struct control *control;	/* NULL: no control core */
	bool has_control;		/* it runs */
	struct grants *granted;
	uint64_t pf_bps;
	unsigned int rx_worker[CONF_MAX_PORTS];
	uint64_t next_control_ns, n_changes, most_capacity_pps;
	rim_sink_fn *sink;
	void *sink_ctx;
	rim_echo_fn *echoes;
	void *echoes_ctx;
	uint64_t n_live, n_read, n_freed, n_delivered, n_copies;
};

/* fake_world.c */
void fake_turn(struct rim *r);
bool fake_has_turn(const struct rim *r, unsigned int worker);	/* in the turn to come */

/* fake_control.c */
void fake_run_control(struct rim *r);

/* fake_rim.c */
struct pipe_io fake_io(struct worker *w);
void fake_offer_until_now(struct rim *r, uint16_t port);
void fake_ring_put(struct guest *g, int stream, uint64_t offered_ns);

#endif
