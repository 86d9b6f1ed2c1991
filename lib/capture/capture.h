/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet capture: whose packets, which of them, and how many.
 *
 *   an operator's words    -> struct capture_ask  (capture_ask_parse)
 *   an ask and its VF      -> struct capture_rule (capture_rule_of)
 *   all rules that run now -> struct capture_set, which a pipe is given between turns and only reads
 *
 * The pipeline asks here whether a packet is wanted, and copies what is into a bounded ring (capture_ring.h); a thread of
 * lib/recorder writes it to a file.  Where nothing is captured there is no set, and nothing is asked.
 * Used by: pipeline, recorder, telem, app.  Uses: pkt, base. */
#ifndef WEIR_CAPTURE_H
#define WEIR_CAPTURE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "drop.h"
#include "pkt.h"
#include "why.h"

#define CAPTURE_MAX	    4			/* that run at one time */
#define CAPTURE_KEEP	    12			/* that are told of: those that run, and the last ones that ended */
#define CAPTURE_NAME_CHARS  33
#define CAPTURE_FILE_CHARS  256
#define CAPTURE_TEXT_CHARS  1024		/* room for any text of capture_ask_text() */
#define CAPTURE_PF	    "pf"		/* the uplink, where no VF has this name ... */
#define CAPTURE_UNKNOWN	    "unknown_sender"	/* ... and senders that no VF is */

/* What may be asked for, and what is where nothing is said. */
#define CAPTURE_MOST_PKTS    UINT64_C(10000000)
#define CAPTURE_PKTS	     UINT64_C(1000)
#define CAPTURE_LEAST_BYTES  UINT64_C(100000)	/* of the file; the longest packet fits */
#define CAPTURE_MOST_BYTES   UINT64_C(100000000000)
#define CAPTURE_BYTES	     UINT64_C(100000000)
#define CAPTURE_LEAST_SNAP   14u
#define CAPTURE_SNAP	     PKT_MAX_BYTES	/* of a packet: all */
#define CAPTURE_MOST_S	     86400u
#define CAPTURE_S	     60u
#define CAPTURE_MOST_OVER_NS UINT64_C(60000000000)

/* Seen from the VM, as everywhere. */
enum capture_dir { CAPTURE_TX, CAPTURE_RX, N_CAPTURE_DIRS };
#define CAPTURE_BOTH ((1u << CAPTURE_TX) | (1u << CAPTURE_RX))

enum capture_what {
	CAPTURE_ALL,		/* tx: as read from the VM, before anything is done to it; rx: as handed to its port */
	CAPTURE_DROPPED,	/* as the counters of drops count, by reason */
	CAPTURE_DELAYED,	/* as it leaves a queue of weir's after more than so long in it */
};

static_assert(N_DROP_REASONS <= 32, "reasons are bits");
#define CAPTURE_ALL_REASONS ((1u << N_DROP_REASONS) - 1)

struct capture_ask {
	char name[CAPTURE_NAME_CHARS];	/* a VF's, CAPTURE_PF or CAPTURE_UNKNOWN */
	char file[CAPTURE_FILE_CHARS];	/* an absolute path */
	enum capture_what what;
	uint32_t dirs;			/* bits of enum capture_dir */
	uint32_t reasons;		/* bits of enum drop_reason; CAPTURE_DROPPED only */
	uint64_t over_ns;		/* CAPTURE_DELAYED only; 0: above which weir marks CE (contract 8's K) */
	uint64_t max_pkts;
	uint64_t max_bytes;		/* of the file */
	uint32_t snap_bytes;		/* of a packet */
	uint32_t max_s;
	bool overwrites;
};

/* Reads "key=value,key=value" (; as well as ,) into all of *ask but its name.  false with every mistake in 'why'; *ask is
 * then not to be used. */
bool capture_ask_parse(const char *text, struct capture_ask *ask, struct why *why);

/* The same in words that capture_ask_parse() reads back as the same, all keys. */
const char *capture_ask_text(const struct capture_ask *ask, char text[CAPTURE_TEXT_CHARS]);

/* The words of one key: "both", "receiver_limit+receiver_slow". */
const char *capture_dirs_text(uint32_t dirs);
const char *capture_reason_text(const struct capture_ask *ask, char text[CAPTURE_TEXT_CHARS]);

/* What a packet is held against. */
struct capture_rule {
	vf_id vf;			/* VF_PF, VF_NONE too */
	enum capture_what what;
	uint32_t dirs, reasons;
	uint64_t over_ns[N_CAPTURE_DIRS];
	uint32_t snap_bytes;
};

/* K by direction, where the ask leaves that to weir; 0: there is none. */
struct capture_rule capture_rule_of(const struct capture_ask *ask, vf_id vf, const uint64_t mark_ns[N_CAPTURE_DIRS]);

struct capture_ring;

/* Written before it is handed to the pipes, and not again before they all have another one. */
struct capture_set {
	uint32_t n;
	struct capture_rule rule[CAPTURE_MAX];
	struct capture_ring *rings[CAPTURE_MAX];	/* each an array by worker */
};

static inline bool capture_is_of(const struct capture_rule *r, vf_id vf, enum capture_dir dir)
{
	return r->vf == vf && (r->dirs & 1u << dir) != 0;
}

/* Bits of the rules that want a packet: one that passes, after 'waited_ns' in a queue of this direction; one that has not
 * been in any (tx: as it is read); one that is dropped. */
static inline uint32_t capture_passing(const struct capture_set *s, vf_id vf, enum capture_dir dir, uint64_t waited_ns)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct capture_rule *r = &s->rule[i];
		bool is_late = r->what == CAPTURE_DELAYED && waited_ns > r->over_ns[dir];
		found |= (uint32_t)(capture_is_of(r, vf, dir) && (is_late || r->what == CAPTURE_ALL)) << i;
	}
	return found;
}

static inline uint32_t capture_read(const struct capture_set *s, vf_id vf)
{
	return capture_passing(s, vf, CAPTURE_TX, 0);
}

/* tx: what was read has been seen then; only how long it waited is new. */
static inline uint32_t capture_late(const struct capture_set *s, vf_id vf, enum capture_dir dir, uint64_t waited_ns)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct capture_rule *r = &s->rule[i];
		found |= (uint32_t)(capture_is_of(r, vf, dir) && r->what == CAPTURE_DELAYED && waited_ns > r->over_ns[dir]) << i;
	}
	return found;
}

static inline uint32_t capture_dropped(const struct capture_set *s, vf_id vf, enum capture_dir dir, enum drop_reason reason)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct capture_rule *r = &s->rule[i];
		found |= (uint32_t)(capture_is_of(r, vf, dir) && r->what == CAPTURE_DROPPED && (r->reasons & 1u << reason) != 0) << i;
	}
	return found;
}

/* What can be seen of a capture. */
enum capture_state { CAPTURE_RUNS, CAPTURE_HAS_PKTS, CAPTURE_HAS_BYTES, CAPTURE_HAD_TIME, CAPTURE_STOPPED, CAPTURE_FAILED, CAPTURE_CLOSED };
const char *capture_state_text(enum capture_state state);	/* "its packets are there" */

struct capture_view {
	uint32_t id;			/* from 1 on, never used again */
	struct capture_ask ask;
	enum capture_state state;
	bool is_ending;			/* it runs, and is being stopped */
	uint64_t pkts, bytes;		/* in the file, its header included */
	uint64_t missed_pkts;		/* wanted, but the ring to the writer was full */
	uint64_t since_ms;		/* it has run for so long */
	char error[96];			/* of CAPTURE_FAILED */
};

#endif
