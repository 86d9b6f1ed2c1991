/* SPDX-License-Identifier: BSD-3-Clause */
/* /weir/delays,VF,DIRECTION,CLASS: the histogram itself.  Its counters only grow, so the difference of two answers is that
 * of the time between them, and percentiles of any time can be had from it. */
#include <stdlib.h>
#include <string.h>

#include "hist.h"
#include "telem_impl.h"

static_assert(HIST_BUCKETS <= RTE_TEL_MAX_ARRAY_ENTRIES, "an answer has all buckets");

/* "NAME,tx,medium".  false: it is none. */
static bool take_what(const struct conf *conf, const char *params, vf_id *vf, enum telem_dir *dir, enum tclass *tclass)
{
	char name[CONF_NAME_CHARS];
	const char *rest = NULL;

	if (!take_name(params, name, &rest) || rest == NULL || strlen(rest) < 3)
		return false;
	*vf = conf_find_vf(conf, name);
	*dir = strncmp(rest, "tx,", 3) == 0 ? TELEM_TX : TELEM_RX;
	if (*vf == UINT32_MAX || (*dir == TELEM_RX && strncmp(rest, "rx,", 3) != 0))
		return false;
	for (int c = 0; c < N_TCLASSES; c++) {
		*tclass = (enum tclass)c;
		if (strcmp(rest + 3, tclass_name(*tclass)) == 0)
			return true;
	}
	return false;
}

/* Buckets in which something is. */
static void put_buckets(const struct hist_snapshot *h, struct rte_tel_data *d)
{
	struct rte_tel_data *ns = put_u64_array(d, "bucket_ns"), *counts = put_u64_array(d, "count");

	for (uint32_t i = 0; ns != NULL && counts != NULL && i < HIST_BUCKETS; i++) {
		if (h->count[i] == 0)
			continue;
		add_u64(ns, hist_bucket_ns(i));
		add_u64(counts, h->count[i]);
	}
}

/* The time that weir lost up to the reading: the packets that it kept waiting meanwhile are in the histogram. */
static uint64_t all_lost_ns(const struct telem_source *s, const struct telem_switch *sw)
{
	uint64_t sum_ns = 0;

	for (unsigned int i = 0; i < sw->n_workers; i++) {
		struct worker_view view;
		unsigned int lcore;
		s->worker(s->ctx, i, &view, &lcore);
		sum_ns += view.lost_ns + view.away_ns;
	}
	return sum_ns;
}

int answer_delays(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	struct telem_switch sw = {0};
	struct delay_view *delay;
	const struct hist_snapshot *h;
	enum telem_dir dir;
	enum tclass tclass;
	vf_id vf;

	if (!take_what(s->conf, params, &vf, &dir, &tclass))
		return put_error(d, "no such histogram",
			"/weir/delays,NAME,tx or rx,CLASS with a NAME that /weir/vfs lists and urgent, high, medium or low");
	delay = malloc(sizeof(*delay));
	if (delay == NULL)
		return put_error(d, "out of memory", "it once more");
	s->look(s->ctx, &sw);
	s->delay(s->ctx, vf, delay);
	h = dir == TELEM_TX ? &delay->tx[tclass] : &delay->rx[tclass];
	put_text(d, "vf", s->conf->vfs[vf].name);
	put_text(d, "direction", dir == TELEM_TX ? "tx" : "rx");
	put_text(d, "class", tclass_name(tclass));
	put_u64(d, "uptime_ns", sw.uptime_ns);
	put_u64(d, "lost_ns", all_lost_ns(s, &sw));
	put_u64(d, "n", h->n);
	put_u64(d, "max_ns", h->max_ns);
	put_buckets(h, d);
	free(delay);
	return 0;
}
