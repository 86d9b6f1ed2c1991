/* SPDX-License-Identifier: BSD-3-Clause */
/* What weir prints while it runs, for people. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>

#include "drop.h"
#include "hist.h"
#include "table.h"
#include "units.h"
#include "weir.h"

#define LIVE_VFS 64u	/* lines of the live table */

/* A line of the log: when, and what came about. */
void report_say(const char *format, ...)
{
	char when[24];
	struct tm utc;
	va_list args;
	time_t now = time(NULL);

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	printf("%s weir: ", when);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static const char *vf_name(const struct conf *conf, vf_id vf)
{
	return vf == VF_PF ? "(PF)" : vf == VF_NONE ? "(unknown sender)" : conf->vfs[vf].name;
}

static void print_ports(const struct weir *w)
{
	struct table *t = table_create("port|role|driver|kind|>numa|link|>rate|basis|>mtu|>queues|>VFs");

	for (uint16_t i = 0; t != NULL && i < w->conf->n_ports; i++) {
		const struct port_info *p = port_info(w->ports, i);
		char rate[UNITS_TEXT];

		table_row(t, "%s|%s|%s|%s|%d|%s|%s|%s|%u|%u|%u", p->device,
			p->role == PORT_PF ? "PF" : "VF", p->driver, p->is_physical ? "physical" : "virtual", p->numa, port_is_up(w->ports, i) ? "up" : "down",
			p->link_bps == 0 ? "not paced" : units_count_text(rate, p->link_bps),
			p->basis == BASIS_WIRE ? "wire" : "L2", p->mtu, p->n_queues, p->n_vfs);
	}
	if (t != NULL)
		table_print(t, stdout, "  ");
	table_destroy(t);
}

/* Where the telemetry socket is, if EAL made one. */
static void print_telemetry_hint(void)
{
	const char *dir = rte_eal_get_runtime_dir();
	const char *prefix = strrchr(dir, '/');
	char path[256];

	snprintf(path, sizeof(path), "%s/dpdk_telemetry.v2", dir);
	if (access(path, F_OK) == 0)
		printf("telemetry: %s (echo /weir/vfs | dpdk-telemetry.py -f %s)\n", path,
			prefix != NULL ? prefix + 1 : dir);
}

void report_start(const struct weir *w)
{
	conf_print(w->conf, stdout);
	printf("\nports as opened (%u mbufs):\n", ports_n_mbufs(w->ports));
	print_ports(w);
	printf("\nplacement:\n");
	place_print(&w->request, &w->plan, stdout);
	print_telemetry_hint();
	printf("weir is up\n");
	fflush(stdout);
}

static uint64_t p99_ns(const struct hist_snapshot by_class[N_TCLASSES])
{
	struct hist_snapshot all = by_class[0];

	for (unsigned int c = 1; c < N_TCLASSES; c++)
		hist_merge(&all, &by_class[c]);
	return hist_quantile_ns(&all, 0.99);
}

static void add_live_row(const struct weir *w, const struct conf *conf, vf_id vf, struct table *t)
{
	char tx_bps[UNITS_TEXT], tx_pps[UNITS_TEXT], rx_bps[UNITS_TEXT], rx_pps[UNITS_TEXT];
	struct rates tx, rx;
	struct vf_view view;
	struct delay_view delay;

	(void)rates_get(w->rates, telem_row(w->conf, vf, TELEM_TX), &tx);	/* all 0 at first */
	(void)rates_get(w->rates, telem_row(w->conf, vf, TELEM_RX), &rx);
	places_view_vf(w, vf, &view);
	places_view_delay(w, vf, &delay);
	table_row(t, "%s|%s|%s|%" PRIu64 "|%.1f|%s|%s|%" PRIu64 "|%.1f|%" PRIu64, vf_name(conf, vf),
		units_approx_text(tx_bps, tx.bps_1s), units_approx_text(tx_pps, tx.pps_1s), view.tx.backlog_pkts,
		(double)p99_ns(delay.tx) / NS_PER_US, units_approx_text(rx_bps, rx.bps_1s),
		units_approx_text(rx_pps, rx.pps_1s), view.rx.backlog_pkts, (double)p99_ns(delay.rx) / NS_PER_US,
		dir_view_drops(&view.tx) + dir_view_drops(&view.rx));
}

/* Rates of the last second; delays and drops since the start. */
void report_live(const struct weir *w)
{
	struct table *t = table_create("VF|>tx bit/s|>pkt/s|>queued|>p99 us|>rx bit/s|>pkt/s|>queued|>p99 us|>drops");
	struct live_conf *held = live_hold(w->live);
	const struct conf *conf = live_conf(held);
	uint32_t n = 0;

	for (vf_id vf = 0; t != NULL && vf < conf->n_vfs && n < LIVE_VFS; vf++) {
		if (!conf_is_there(&conf->vfs[vf]))
			continue;
		add_live_row(w, conf, vf, t);
		n++;
	}
	bool is_all = n == conf->n_named;
	if (t != NULL)
		add_live_row(w, conf, VF_PF, t);
	live_release(w->live, held);
	if (t == NULL)
		return;
	printf("\nafter %.1f s%s\n", (double)tsc_now_ns(&w->clock) / NS_PER_S,
		!is_all ? " (the first VFs; telemetry has all)" : "");
	table_print(t, stdout, "  ");
	table_destroy(t);
	fflush(stdout);
}

/* "spoof 12, mtu 3", or "-". */
static const char *drops_text(char *buf, size_t size, const struct vf_view *view)
{
	size_t used = 0;

	snprintf(buf, size, "-");
	for (unsigned int r = 0; r < N_DROP_REASONS && used + 48 < size; r++) {
		uint64_t n = view->tx.drops[r] + view->rx.drops[r];

		if (n > 0)
			used += (size_t)snprintf(buf + used, size - used, "%s%s %" PRIu64, used > 0 ? ", " : "",
				drop_name((enum drop_reason)r), n);
	}
	return buf;
}

/* Of the PF as a sender all counts that it brought. */
static void add_end_row(const char *name, bool is_pf, const struct vf_view *view, struct table *t)
{
	char drops[512];

	table_row(t, "%s|%" PRIu64 "|%" PRIu64 "|%" PRIu64 "|%" PRIu64 "|%s", name,
		is_pf ? view->tx.in_pkts : view->tx.out_pkts, is_pf ? view->tx.in_bytes : view->tx.out_bytes,
		view->rx.out_pkts, view->rx.out_bytes, drops_text(drops, sizeof(drops), view));
}

static void add_end_rows(const struct weir *w, struct table *t)
{
	struct live_conf *held = live_hold(w->live);
	const struct conf *conf = live_conf(held);
	const vf_id others[] = {VF_PF, VF_NONE};
	struct vf_view view;

	for (vf_id vf = 0; vf < conf->n_vfs; vf++) {
		if (!conf_is_there(&conf->vfs[vf]))
			continue;
		places_view_vf(w, vf, &view);
		add_end_row(conf->vfs[vf].name, false, &view, t);
	}
	places_view_gone(w, conf, &view);
	if ((view.tx.in_pkts | view.rx.in_pkts) != 0)
		add_end_row("(deleted VFs)", false, &view, t);
	for (int i = 0; i < 2; i++) {
		workers_view_vf(w->workers, others[i], &view);
		add_end_row(vf_name(conf, others[i]), others[i] == VF_PF, &view, t);
	}
	live_release(w->live, held);
}

void report_end(const struct weir *w, const struct workers_end *end)
{
	struct table *t = table_create("VF|>tx packets|>tx bytes|>rx packets|>rx bytes|drops");

	if (t == NULL)
		return;
	add_end_rows(w, t);
	printf("\nended after %.1f s\n", (double)tsc_now_ns(&w->clock) / NS_PER_S);
	table_print(t, stdout, "  ");
	if (end->queued_pkts + end->ring_pkts > 0)
		printf("still inside when the drain time was over, dropped: %u\n", end->queued_pkts + end->ring_pkts);
	table_destroy(t);
	fflush(stdout);
}
