/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to recorder. */
#ifndef WEIR_RECORDER_IMPL_H
#define WEIR_RECORDER_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include <pcap/pcap.h>

#include "capture_ring.h"
#include "recorder.h"

#define RECORDER_PAUSE_NS 2000000	/* between two looks into the rings */

/* A pcap file that is whole, as far as 'whole_bytes', whatever happens. */
struct pcap_file {
	int fd;
	bool is_new;			/* nobody had it before */
	struct stat stat;
	pcap_t *pcap;
	pcap_dumper_t *dumper;		/* NULL: not begun */
	uint64_t bytes, whole_bytes;	/* written; of these, certainly there */
	int error;			/* the first one: an errno */
};

/* recorder_file.c.  0, or an errno: then there is nothing to close. */
int pcap_file_open(struct pcap_file *f, const char *path, bool overwrites);
int pcap_file_begin(struct pcap_file *f, uint32_t snap_bytes);	/* writes its header */
void pcap_file_undo(struct pcap_file *f, const char *path);	/* what was not begun: as it was before */
void pcap_file_add(struct pcap_file *f, const struct capture_record *rec, uint64_t real_ns);
int pcap_file_flush(struct pcap_file *f);
int pcap_file_close(struct pcap_file *f);	/* of what could not be written the whole packets stay */

static inline uint64_t pcap_file_size_of(const struct capture_record *rec)
{
	return 16 + rec->kept_bytes;
}

struct recording {
	struct recorder *r;
	uint32_t id;
	struct capture_ask ask;
	struct capture_rule rule;
	struct capture_ring *rings;	/* by worker */
	struct pcap_file file;
	pthread_t thread;
	uint64_t start_ms;
	/* Its thread's, read by others. */
	_Atomic uint64_t pkts, bytes;
	_Atomic bool is_to_end;
	bool has_thread, is_begun;	/* set before the lock is given to it */
	/* Under the lock. */
	bool is_withdrawn;		/* its rule is not to be in a set any more */
	bool is_over;			/* its thread does nothing more */
	enum capture_state state;
	uint64_t end_ms;
	char error[96];
};

struct recorder {
	struct recorder_io io;
	pthread_mutex_t lock;
	pthread_cond_t changed;		/* one is over */
	struct recording *running[CAPTURE_MAX];
	struct capture_set sets[2];
	unsigned int at;		/* the set that was handed last */
	uint64_t n_handed;
	uint32_t last_id;
	struct capture_view ended[CAPTURE_KEEP];	/* the latest first */
	uint32_t n_ended;
	_Atomic bool is_closed;
	_Atomic bool is_abandoned;	/* a worker does not come back: do not wait for it */
};

/* recorder.c */
uint64_t recorder_now_ms(void);
void recorder_rest(uint64_t ns);
struct capture_view recorder_view_of(const struct recording *c);	/* locked */
void recorder_hand(struct recorder *r);	/* locked, and all workers have the last set: what is not withdrawn */

/* recorder_thread.c */
void *recorder_run(void *arg);

#endif
