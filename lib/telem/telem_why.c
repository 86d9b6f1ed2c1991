/* SPDX-License-Identifier: BSD-3-Clause */
/* /weir/why,VF: looks for a while, on the client's own thread, and says what it saw. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clk.h"
#include "conf_change.h"
#include "explain.h"
#include "telem_impl.h"

#define LOOK_MS	   500u
#define MIN_MS	   10u
#define MAX_MS	   1000u
#define MOST_BYTES 14000u

/* Both moments; big, so not on a stack. */
struct look {
	struct explain_figures f;
	struct delay_view earlier;
	struct explain_worker earlier_worker[EXPLAIN_MAX_WORKERS];
	struct explain said;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_ms(uint32_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) != 0)
		;
}

/* All that it lost so far. */
static struct explain_worker look_at_worker(const struct telem_source *s, uint32_t worker)
{
	struct explain_worker w = {0};
	struct worker_view view;

	s->worker(s->ctx, worker, &view, &w.lcore);
	w.lost_ns = view.lost_ns + view.away_ns;
	w.away_ns = view.away_ns;
	return w;
}

static void look_first(const struct telem_source *s, vf_id vf, struct look *l)
{
	for (uint32_t i = 0; i < l->f.n_workers; i++)
		l->earlier_worker[i] = look_at_worker(s, i);
	for (uint32_t i = 0; s->tenant != NULL && i < l->f.n_tenants; i++)
		s->tenant(s->ctx, (uint32_t)(l->f.tenant[i].tenant - s->conf->tenants), &l->f.tenant[i].before);
	s->delay(s->ctx, vf, &l->earlier);
	s->vf(s->ctx, vf, &l->f.before);
}

static void look_beyond(const struct telem_source *s, vf_id vf, struct look *l)
{
	struct telem_remote all = {0};
	struct telem_remote_vf one;

	if (s->remote == NULL || s->remote_vf == NULL || !s->remote_vf(s->ctx, vf, &one))
		return;
	s->remote(s->ctx, &all);
	l->f.has_remote = true;
	l->f.remote = one.is;
	l->f.bottleneck_bps = all.bottleneck_bps;
}

static void held_for(const struct telem_source *s, uint32_t row, uint64_t ns[N_VIEW_BOUNDS])
{
	for (int b = 0; b < N_VIEW_BOUNDS; b++)
		ns[b] = s->held_for_ns(s->ctx, row, (enum view_bound)b);
}

static void look_how_long(const struct telem_source *s, vf_id vf, struct look *l)
{
	if (s->held_for_ns == NULL)
		return;
	held_for(s, telem_row(s->conf, vf, TELEM_TX), l->f.tx_held_for_ns);
	held_for(s, telem_row(s->conf, vf, TELEM_RX), l->f.rx_held_for_ns);
	for (uint32_t i = 0; i < l->f.n_tenants; i++)
		held_for(s, telem_tenant_row(s->conf, (uint32_t)(l->f.tenant[i].tenant - s->conf->tenants)),
			l->f.tenant[i].held_for_ns);
}

static void look_again(const struct telem_source *s, vf_id vf, struct look *l)
{
	s->vf(s->ctx, vf, &l->f.after);
	l->f.has_credit = s->credit != NULL && l->f.vf->tx_eff.peak_bps != 0;
	if (l->f.has_credit)
		s->credit(s->ctx, vf, &l->f.credit);
	l->f.has_grant = s->grant != NULL && s->grant(s->ctx, vf, &l->f.grant);
	look_beyond(s, vf, l);
	look_how_long(s, vf, l);
	s->delay(s->ctx, vf, &l->f.delay);
	for (uint32_t i = 0; s->tenant != NULL && i < l->f.n_tenants; i++)
		s->tenant(s->ctx, (uint32_t)(l->f.tenant[i].tenant - s->conf->tenants), &l->f.tenant[i].after);
	for (uint32_t i = 0; i < l->f.n_workers; i++) {
		l->f.worker[i] = look_at_worker(s, i);
		l->f.worker[i].lost_ns = ns_before(l->f.worker[i].lost_ns, l->earlier_worker[i].lost_ns);
	}
	for (int c = 0; c < N_TCLASSES; c++) {
		hist_since(&l->f.delay.tx[c], &l->earlier.tx[c]);
		hist_since(&l->f.delay.rx[c], &l->earlier.rx[c]);
	}
}

/* Rates of its tenants, from the history: their VFs may be many. */
static void add_tenants(const struct telem_source *s, struct look *l)
{
	const struct conf *conf = s->conf;

	for (vf_id vf = 0; l->f.n_tenants > 0 && vf < conf->n_vfs; vf++) {
		const struct conf_tenant *t = conf_tenant_of(conf, conf->vfs[vf].tenant);
		struct rates r;
		(void)rates_get(s->rates, telem_row(conf, vf, TELEM_TX), &r);
		for (; t != NULL; t = conf_tenant_of(conf, t->parent)) {
			for (uint32_t i = 0; i < l->f.n_tenants; i++) {
				if (l->f.tenant[i].tenant != t)
					continue;
				l->f.tenant[i].tx_bps += (uint64_t)r.bps_1s;
				l->f.tenant[i].tx_pps += (uint64_t)r.pps_1s;
			}
		}
	}
}

/* Sorted in: what it takes the place of goes down. */
static void add_other(struct explain_other others[EXPLAIN_OTHERS], struct explain_other one, bool is_bits)
{
	for (int i = 0; i < EXPLAIN_OTHERS; i++) {
		bool is_more = others[i].vf == NULL || (is_bits ? one.bps > others[i].bps : one.pps > others[i].pps);
		if (!is_more)
			continue;
		struct explain_other down = others[i];
		others[i] = one;
		if (down.vf == NULL)
			return;
		one = down;
	}
}

/* Who has the uplink and the core, from the history. */
static void add_others(const struct telem_source *s, vf_id vf, struct look *l)
{
	const struct conf *conf = s->conf;
	struct telem_port pf;
	struct rates r;

	s->port(s->ctx, conf->pf, &pf);
	l->f.link_bps = pf.link_bps;
	(void)rates_get(s->rates, telem_row(conf, VF_PF, TELEM_RX), &r);
	l->f.link_used_bps = (uint64_t)(r.bps_1s + r.pps_1s * 8 * basis_bytes(pf.basis, 0));
	(void)rates_get(s->rates, telem_row(conf, VF_PF, TELEM_TX), &r);
	l->f.core_pps = (uint64_t)r.pps_1s;
	for (vf_id i = 0; i < conf->n_vfs; i++) {
		if (!conf_is_there(&conf->vfs[i]))
			continue;
		(void)rates_get(s->rates, telem_row(conf, i, TELEM_TX), &r);
		struct explain_other one = {&conf->vfs[i], (uint64_t)r.bps_1s, (uint64_t)r.pps_1s};
		l->f.core_pps += one.pps;
		if (i == vf || one.pps == 0)
			continue;
		add_other(l->f.by_bps, one, true);
		add_other(l->f.by_pps, one, false);
	}
}

static bool is_up(const struct telem_source *s, uint16_t port)
{
	struct telem_port view;

	s->port(s->ctx, port, &view);
	return view.is_up;
}

static void begin(const struct telem_source *s, vf_id vf, struct look *l)
{
	struct telem_switch sw = {0};
	const struct conf_tenant *t = conf_tenant_of(s->conf, s->conf->vfs[vf].tenant);

	l->f.conf = s->conf;
	l->f.vf = &s->conf->vfs[vf];
	s->look(s->ctx, &sw);
	l->f.n_workers = sw.n_workers < EXPLAIN_MAX_WORKERS ? sw.n_workers : EXPLAIN_MAX_WORKERS;
	for (; t != NULL && l->f.n_tenants < CONF_MAX_DEPTH; t = conf_tenant_of(s->conf, t->parent))
		l->f.tenant[l->f.n_tenants++].tenant = t;
}

static void put_said(struct rte_tel_data *d, const struct explain *said)
{
	struct rte_tel_data *lines = put_text_array(d, "lines");
	size_t n_bytes = 0;

	for (uint32_t i = 0; i < said->n; i++) {
		n_bytes += strlen(said->line[i]) + 10;
		if (n_bytes > MOST_BYTES) {
			put_line(lines, "... and more", strlen("... and more"));
			return;
		}
		put_line(lines, said->line[i], strlen(said->line[i]));
	}
}

/* Its place may be another's by now, whose figures are no sequel. */
static bool is_gone(const struct telem_source *s, vf_id vf)
{
	struct live_conf *held = s->live != NULL ? live_hold(s->live) : NULL;
	bool is = held != NULL && conf_is_another(&live_conf(held)->vfs[vf], &s->conf->vfs[vf]);

	if (held != NULL)
		live_release(s->live, held);
	return is;
}

int answer_why(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	static const char wanted[] = "/weir/why,NAME or /weir/why,NAME,MS with a NAME that /weir/vfs lists and MS from 10 to 1000";
	char name[CONF_NAME_CHARS];
	const char *rest = NULL;
	uint32_t vf = UINT32_MAX, ms = LOOK_MS;
	uint64_t since_ns;
	struct look *l;

	if (take_name(params, name, &rest))
		vf = conf_find_vf(s->conf, name);
	if (vf == UINT32_MAX)
		return put_error(d, "no VF of this name", wanted);
	if (rest != NULL && (!page_start(rest, MAX_MS + 1, &ms) || ms < MIN_MS))
		return put_error(d, "no such time to look", wanted);
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return put_error(d, "out of memory", "it once more");
	begin(s, vf, l);
	since_ns = now_ns();
	look_first(s, vf, l);
	sleep_ms(ms);
	look_again(s, vf, l);
	if (is_gone(s, vf)) {
		free(l);
		return put_error(d, "the VF was deleted while it was looked at", wanted);
	}
	l->f.span_ns = now_ns() - since_ns;
	add_tenants(s, l);
	add_others(s, vf, l);
	l->f.is_port_up = is_up(s, l->f.vf->port);
	l->f.is_uplink_up = is_up(s, s->conf->pf);
	explain_vf(&l->f, &l->said);
	put_text(d, "vf", name);
	put_u64(d, "span_ns", l->f.span_ns);
	put_said(d, &l->said);
	free(l);
	return 0;
}
