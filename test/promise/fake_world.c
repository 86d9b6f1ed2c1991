/* SPDX-License-Identifier: BSD-3-Clause */
/* Set-up, running on virtual time, figures, and the end of a fake world. */
#include <stdlib.h>
#include <string.h>

#include "fake_rim_impl.h"

#define DEFAULT_RING 1024u
#define DRAIN_NS     (20 * NS_PER_S)

/* --- set-up --- */

static void place(const struct conf *conf, enum rim_placement placement, struct fabric_params *fp)
{
	for (uint16_t i = 0; i < conf->n_ports; i++) {
		struct fabric_port *port = &fp->ports[i];
		if (placement == RIM_SPLIT) {
			port->tx_worker = 1;
		} else if (placement == RIM_SPREAD) {
			port->rx_worker = i % 2;
			port->tx_worker = i == conf->pf ? 2 : 3;
		}
	}
	fp->n_workers = placement == RIM_SINGLE ? 1 : placement == RIM_SPLIT ? 2 : 4;
	fp->home = placement == RIM_SINGLE ? 0 : placement == RIM_SPLIT ? 1 : 2;
}

static struct conf *parse(const char *ini)
{
	static struct why why;	/* big */

	why_init(&why);
	struct conf *conf = conf_parse("test", ini, strlen(ini), &why);
	if (conf == NULL)
		why_print(&why, stderr);
	ck_assert_ptr_nonnull(conf);
	return conf;
}

static void create_pipes(struct rim *r)
{
	static struct why why;

	why_init(&why);
	for (unsigned int i = 0; i < r->n_workers; i++) {
		struct worker *w = &r->workers[i];
		struct pipe_io io;
		w->rim = r;
		w->id = i;
		for (unsigned int from = 0; from < r->n_workers; from++)
			w->from[from].pkts = malloc(r->hand_pkts * sizeof(struct pkt));
		io = fake_io(w);
		w->pipe = pipe_create(r->fabric, i, &io, r->now_ns, &why);
		ck_assert_ptr_nonnull(w->pipe);
	}
}

struct rim *rim_create(const struct rim_setup *setup)
{
	static struct why why;
	struct rim *r = calloc(1, sizeof(*r));
	struct fabric_params fp = {0};

	why_init(&why);
	r->conf = parse(setup->ini);
	r->turn_ns = setup->turn_ns ? setup->turn_ns : setup->is_event_driven ? NS_PER_US : 5 * NS_PER_US;
	r->hand_pkts = setup->hand_pkts ? setup->hand_pkts : 1024;
	r->has_copies = r->has_tags = r->tells_rings = true;
	r->is_event_driven = setup->is_event_driven;
	r->now_ns = r->mark_ns = NS_PER_S;
	fp.conf = r->conf;
	for (uint16_t i = 0; i < r->conf->n_ports; i++) {
		bool is_pf = i == r->conf->pf;
		fp.ports[i].link_bps = is_pf && setup->is_unpaced ? 0 : r->conf->ports[i].rate_bps;
		fp.ports[i].basis = r->conf->ports[i].basis;
		fp.ports[i].is_physical = is_pf && setup->is_physical;
		rim_set_reader(r, i, RIM_TAKES_ALL, 0);
		rim_set_ring(r, i, DEFAULT_RING);
	}
	place(r->conf, setup->placement, &fp);
	r->n_workers = fp.n_workers;
	r->pf_bps = fp.ports[r->conf->pf].link_bps;
	for (uint16_t i = 0; i < r->conf->n_ports; i++)
		r->rx_worker[i] = fp.ports[i].rx_worker;
	r->born_at = calloc(r->conf->n_vfs + 1u, sizeof(*r->born_at));
	ck_assert_ptr_nonnull(r->born_at);
	r->fabric = fabric_create(&fp, &why);
	ck_assert_ptr_nonnull(r->fabric);
	create_pipes(r);
	return r;
}

int rim_offer(struct rim *r, const struct rim_stream *is)
{
	struct stream *s = &r->streams[r->n_streams];

	ck_assert_int_lt(r->n_streams, RIM_MAX_STREAMS);
	s->is = *is;
	s->marked_after_ns = UINT64_MAX;
	if (s->is.src == 0)
		s->is.src = is->port == r->conf->pf ? HOST_MAC(1) : VM_MAC(is->port);
	rim_set_pps(r, r->n_streams, is->pps);
	return r->n_streams++;
}

const struct rim_stream *rim_stream(const struct rim *r, int stream)
{
	return &r->streams[stream].is;
}

void rim_set_pps(struct rim *r, int stream, uint64_t pps)
{
	struct stream *s = &r->streams[stream];

	if (s->price != 0)
		fake_offer_until_now(r, s->is.port);
	s->price = price_of_pps(pps);
	clk_at_least(&s->next, r->now_ns);
}

void rim_put(struct rim *r, int stream, uint32_t n)
{
	struct guest *g = &r->guests[r->streams[stream].is.port];

	for (; n > 0; n--) {
		sure(g->n < g->ring_pkts, "the ring of port %u is full", r->streams[stream].is.port);
		fake_ring_put(g, stream, r->now_ns);
	}
}

void rim_set_reader(struct rim *r, uint16_t port, uint64_t pps, uint32_t ring)
{
	struct guest *g = &r->guests[port];

	g->reader_pps = pps;
	g->reader_price = pps == RIM_TAKES_ALL ? 0 : price_of_pps(pps);
	g->reader_ring = ring;
	g->reader_free = (struct clk){.ns = r->now_ns};
}

void rim_set_ring(struct rim *r, uint16_t port, uint32_t n_pkts)
{
	struct guest *g = &r->guests[port];

	ck_assert_uint_eq(g->n, 0);
	free(g->ring);
	g->ring = malloc(n_pkts * sizeof(*g->ring));
	g->ring_pkts = n_pkts;
	g->first = 0;
}

void rim_set_link(struct rim *r, uint16_t port, bool is_up)
{
	fabric_set_link(r->fabric, port, is_up);
}

void rim_set_ring_count(struct rim *r, bool is_told)
{
	r->tells_rings = is_told;
}

void rim_set_sink(struct rim *r, rim_sink_fn *sink, void *ctx)
{
	r->sink = sink;
	r->sink_ctx = ctx;
}

void rim_set_buffers(struct rim *r, bool for_copies, bool for_tags)
{
	r->has_copies = for_copies;
	r->has_tags = for_tags;
}

void rim_set_cost(struct rim *r, uint64_t rx_ns, uint64_t tx_ns)
{
	r->cost_rx_ns = rx_ns;
	r->cost_tx_ns = tx_ns;
}

void rim_set_turn(struct rim *r, uint64_t turn_ns, uint64_t jitter_ns)
{
	r->turn_ns = turn_ns;
	r->jitter_ns = jitter_ns;
}

void rim_set_slow(struct rim *r, unsigned int worker, uint32_t every)
{
	r->slow_worker = worker;
	r->slow_every = every;
}

void rim_set_check(struct rim *r, uint32_t every_turns)
{
	r->check_every = every_turns;
}

unsigned int rim_n_workers(const struct rim *r)
{
	return r->n_workers;
}

void rim_capture(struct rim *r, const struct capture_set *set)
{
	for (unsigned int i = 0; i < r->n_workers; i++)
		pipe_set_captures(r->workers[i].pipe, set);
}

/* --- running --- */

static void check_pipes(const struct rim *r)
{
	for (unsigned int i = 0; i < r->n_workers; i++)
		sure(pipe_check(r->workers[i].pipe, stderr), "worker %u at %lu ns", i,
			(unsigned long)r->now_ns);
}

bool fake_has_turn(const struct rim *r, unsigned int worker)
{
	return r->slow_every == 0 || worker != r->slow_worker || r->n_turns % r->slow_every == 0;
}

void fake_turn(struct rim *r)
{
	if (r->has_control && r->now_ns >= r->next_control_ns) {
		fake_run_control(r);
		r->next_control_ns = r->now_ns + NS_PER_MS;
	}
	r->spent_ns = 0;
	r->read_in_turn = 0;
	for (unsigned int i = r->n_workers; i-- > 0;)	/* so that packets wait in the rings between them */
		if (fake_has_turn(r, i))
			pipe_turn(r->workers[i].pipe, r->now_ns);
	if (r->read_in_turn > r->most_read_in_turn)
		r->most_read_in_turn = r->read_in_turn;
	r->n_turns++;
	if (r->check_every > 0 && r->n_turns % r->check_every == 0)
		check_pipes(r);
	r->longest_turn_ns = u64_max(r->longest_turn_ns, r->spent_ns);
	r->random = r->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	r->now_ns += r->turn_ns + r->spent_ns + (r->jitter_ns ? (r->random >> 33) % r->jitter_ns : 0);
}

static uint64_t next_event_ns(struct rim *r)
{
	uint64_t at_ns = UINT64_MAX;

	for (unsigned int i = 0; i < r->n_workers; i++)
		at_ns = u64_min(at_ns, pipe_next_ns(r->workers[i].pipe, r->now_ns));
	return at_ns;
}

void rim_run(struct rim *r, uint64_t ns)
{
	uint64_t end_ns = r->now_ns + ns;

	while (r->now_ns < end_ns) {
		fake_turn(r);
		if (r->is_event_driven)
			r->now_ns = u64_min(u64_max(r->now_ns, next_event_ns(r)), end_ns);
	}
}

void rim_stall(struct rim *r, uint64_t ns)
{
	r->now_ns += ns;
}

struct worker_view rim_worker_view(const struct rim *r, unsigned int worker)
{
	struct worker_view view = {0};

	pipe_view_worker(r->workers[worker].pipe, r->now_ns, &view);
	return view;
}

uint64_t rim_now_ns(const struct rim *r)
{
	return r->now_ns;
}

void rim_stop_asking(struct rim *r)
{
	for (unsigned int i = 0; i < r->n_workers; i++)
		pipe_stop_asking(r->workers[i].pipe);
}

uint32_t rim_inside(const struct rim *r)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < r->n_workers; i++) {
		n += pipe_n_pkts(r->workers[i].pipe);
		for (unsigned int from = 0; from < r->n_workers; from++)
			n += r->workers[i].from[from].n;
	}
	return n;
}

uint32_t rim_flush(struct rim *r)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < r->n_workers; i++)
		n += pipe_flush(r->workers[i].pipe, r->now_ns);
	return n;
}

/* --- figures --- */

void rim_mark(struct rim *r)
{
	r->mark_ns = r->now_ns;
	r->most_read_in_turn = 0;
	r->longest_turn_ns = 0;
	for (int i = 0; i < r->n_streams; i++) {
		struct stream *s = &r->streams[i];
		memcpy(s->marked, s->to, sizeof(s->marked));
		s->read_marked = s->read;
		s->refused_marked = s->refused;
		memcpy(s->marks_marked, s->marks, sizeof(s->marks));
		s->longest_wait_ns = s->longest_delay_ns = s->unmarked_after_ns = 0;
		s->marked_after_ns = UINT64_MAX;
	}
	for (int i = 0; i < CONF_MAX_PORTS; i++)
		r->guests[i].polls_marked = r->guests[i].polls;
}

static double per_second(const struct rim *r, uint64_t n)
{
	return (double)n * 1e9 / (double)(r->now_ns - r->mark_ns);
}

uint64_t rim_pkts(const struct rim *r, int stream, uint16_t port)
{
	const struct stream *s = &r->streams[stream];

	return s->to[port].pkts - s->marked[port].pkts;
}

double rim_pps(const struct rim *r, int stream, uint16_t port)
{
	return per_second(r, rim_pkts(r, stream, port));
}

double rim_bps(const struct rim *r, int stream, uint16_t port)
{
	const struct stream *s = &r->streams[stream];

	return 8 * per_second(r, s->to[port].bytes - s->marked[port].bytes);
}

double rim_port_pps(const struct rim *r, uint16_t port)
{
	double sum = 0;

	for (int i = 0; i < r->n_streams; i++)
		sum += rim_pps(r, i, port);
	return sum;
}

double rim_port_bps(const struct rim *r, uint16_t port)
{
	double sum = 0;

	for (int i = 0; i < r->n_streams; i++)
		sum += rim_bps(r, i, port);
	return sum;
}

uint64_t rim_read(const struct rim *r, int stream)
{
	return r->streams[stream].read - r->streams[stream].read_marked;
}

uint64_t rim_refused(struct rim *r, int stream)
{
	fake_offer_until_now(r, r->streams[stream].is.port);
	return r->streams[stream].refused - r->streams[stream].refused_marked;
}

uint64_t rim_longest_wait_ns(const struct rim *r, int stream)
{
	return r->streams[stream].longest_wait_ns;
}

uint64_t rim_longest_delay_ns(const struct rim *r, int stream)
{
	return r->streams[stream].longest_delay_ns;
}

uint64_t rim_marks(const struct rim *r, int stream, uint16_t port)
{
	return r->streams[stream].marks[port] - r->streams[stream].marks_marked[port];
}

uint64_t rim_marked_after_ns(const struct rim *r, int stream)
{
	return r->streams[stream].marked_after_ns;
}

uint64_t rim_unmarked_after_ns(const struct rim *r, int stream)
{
	return r->streams[stream].unmarked_after_ns;
}

uint32_t rim_ring_room(const struct rim *r, uint16_t port)
{
	return r->guests[port].ring_pkts - r->guests[port].n;
}

uint64_t rim_polls(const struct rim *r, uint16_t port)
{
	return r->guests[port].polls - r->guests[port].polls_marked;
}

uint32_t rim_most_read_in_turn(const struct rim *r)
{
	return r->most_read_in_turn;
}

uint64_t rim_longest_turn_ns(const struct rim *r)
{
	return r->longest_turn_ns;
}

int rim_last_vid(const struct rim *r, int stream, uint16_t port)
{
	return r->streams[stream].last_vid[port];
}

int rim_last_dscp(const struct rim *r, int stream, uint16_t port)
{
	return r->streams[stream].last_dscp[port];
}

uint32_t rim_n_vfs(const struct rim *r)
{
	return r->conf->n_vfs;
}

bool rim_is_alone(const struct rim *r, vf_id vf)
{
	return r->conf->ports[r->conf->vfs[vf].port].n_places == 1;
}

struct vf_view rim_view(const struct rim *r, vf_id vf)
{
	struct vf_view view = {0};

	for (unsigned int i = 0; i < r->n_workers; i++)
		pipe_view_vf(r->workers[i].pipe, vf, &view);
	return view;
}

struct tenant_view rim_view_tenant(const struct rim *r, uint32_t tenant)
{
	struct tenant_view view = {0};

	for (unsigned int i = 0; i < r->n_workers; i++)
		pipe_view_tenant(r->workers[i].pipe, tenant, &view);
	return view;
}

struct credit_view rim_credit(const struct rim *r, vf_id vf)
{
	struct credit_view view = {0};

	for (unsigned int i = 0; i < r->n_workers; i++)
		pipe_view_credit(r->workers[i].pipe, vf, &view);
	return view;
}

uint64_t rim_drops(const struct rim *r, vf_id vf, enum drop_reason reason)
{
	struct vf_view view = rim_view(r, vf);

	return view.tx.drops[reason] + view.rx.drops[reason];
}

static uint64_t drops_of(const struct rim *r, vf_id vf)
{
	struct vf_view view = rim_view(r, vf);

	return dir_view_drops(&view.tx) + dir_view_drops(&view.rx);
}

uint64_t rim_all_drops(const struct rim *r)
{
	uint64_t sum = drops_of(r, VF_PF) + drops_of(r, VF_NONE);

	for (vf_id vf = 0; vf < r->conf->n_vfs; vf++)
		sum += drops_of(r, vf);
	return sum;
}

uint64_t rim_room_used(const struct rim *r, vf_id vf)
{
	return fabric_room_used(r->fabric, vf);
}

/* --- the end --- */

static bool has_floods(const struct rim *r)
{
	for (int i = 0; i < r->n_streams; i++) {
		if (r->streams[i].is.dst >> 40 & 1)
			return true;
	}
	return false;
}

static void check_conservation(const struct rim *r)
{
	ck_assert_uint_eq(r->n_live, 0);
	ck_assert_uint_eq(r->n_read + r->n_copies, r->n_delivered + r->n_freed);
	for (vf_id vf = 0; vf < r->conf->n_vfs; vf++) {
		struct vf_view v = rim_view(r, vf);
		ck_assert_uint_eq(fabric_room_used(r->fabric, vf), 0);
		ck_assert_uint_eq(v.tx.backlog_pkts + v.tx.backlog_bytes, 0);
		ck_assert_uint_eq(v.rx.backlog_pkts + v.rx.backlog_bytes, 0);
	}
	if (has_floods(r))
		return;
	ck_assert_uint_eq(r->n_freed, rim_all_drops(r));
	for (vf_id vf = 0; vf < r->conf->n_vfs; vf++) {
		struct vf_view v = rim_view(r, vf);
		ck_assert_uint_eq(v.tx.in_pkts, v.tx.out_pkts + dir_view_drops(&v.tx));
	}
}

void rim_end(struct rim *r)
{
	uint64_t end_ns = r->now_ns + DRAIN_NS;

	rim_stop_asking(r);
	for (uint16_t port = 0; port < r->conf->n_ports; port++)
		rim_set_reader(r, port, RIM_TAKES_ALL, 0);
	while (rim_inside(r) > 0 && r->now_ns < end_ns)
		fake_turn(r);
	ck_assert_uint_eq(rim_inside(r), 0);
	check_pipes(r);
	check_conservation(r);
	for (unsigned int i = 0; i < r->n_workers; i++) {
		pipe_destroy(r->workers[i].pipe);
		for (unsigned int from = 0; from < r->n_workers; from++)
			free(r->workers[i].from[from].pkts);
	}
	for (int i = 0; i < CONF_MAX_PORTS; i++)
		free(r->guests[i].ring);
	fabric_destroy(r->fabric);
	free(r->born_at);
	conf_destroy(r->running);
	control_destroy(r->control);
	grants_destroy(r->granted);
	conf_destroy(r->conf);
	free(r);
}
