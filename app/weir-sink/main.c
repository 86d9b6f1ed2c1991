/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-sink: receives on one port and counts per source MAC in bins of time, independently of weir.
 *
 * It shares its CPU with polling guests, so it sleeps when there is nothing to do: a sleeper is let in at once by the
 * kernel where a poller would wait for its next slice.  Packets that came while it slept are dated between the last
 * look and this one by their place in the ring, so a bin is as good as the gap between looks (recorded when long). */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "record.h"

#define N_DESC	      4096	/* a memif ring of rsize=12 */
#define N_MBUFS	      (3 * N_DESC)
#define BURST	      256
#define SLEEP_NS      100000
#define LONG_GAP_NS   1000000
#define LIVE_NS	      100000000

struct options {
	const char *out;
	double seconds;
	double bin_ms;
	bool live;
};

static atomic_bool stopped;

static void on_signal(int signal_number)
{
	(void)signal_number;
	atomic_store(&stopped, true);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void sleep_ns(long ns)
{
	struct timespec length = { .tv_nsec = ns };

	nanosleep(&length, NULL);
}

static void usage(FILE *out)
{
	fputs("usage: weir-sink EAL-OPTIONS -- --out FILE [--seconds N] [--bin-ms N] [--live]\n"
	      "Receives on the first port and counts packets and bytes (L2 without FCS) per source MAC.\n"
	      "  --out FILE     write the counts there as JSON at the end (SIGINT and SIGTERM end it too)\n"
	      "  --seconds N    how long (default 60)\n"
	      "  --bin-ms N     the length of a bin (default 1)\n"
	      "  --live         print the totals every 100 ms, a line of JSON each\n",
	      out);
}

static bool read_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "out", required_argument, NULL, 'o' },     { "seconds", required_argument, NULL, 's' },
		{ "bin-ms", required_argument, NULL, 'b' },  { "live", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },	     { NULL, 0, NULL, 0 },
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (letter) {
		case 'o': options->out = optarg; break;
		case 's': options->seconds = atof(optarg); break;
		case 'b': options->bin_ms = atof(optarg); break;
		case 'l': options->live = true; break;
		case 'h': usage(stdout); exit(0);
		default: return false;
		}
	}
	return optind == argc && options->out != NULL && options->bin_ms >= 0.01 && options->seconds > 0 &&
	       options->seconds <= 3600;
}

static bool port_start(uint16_t port, struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = { .rxmode.mq_mode = RTE_ETH_MQ_RX_NONE };
	uint16_t n_rx = N_DESC, n_tx = 256;
	int rc = rte_eth_dev_configure(port, 1, 1, &conf);

	/* A memif takes its ring size from its devargs; the counts here only fit other ports' limits. */
	if (rc == 0)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(port, &n_rx, &n_tx);
	if (rc == 0)
		rc = rte_eth_rx_queue_setup(port, 0, n_rx, SOCKET_ID_ANY, NULL, pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(port, 0, n_tx, SOCKET_ID_ANY, NULL);
	if (rc == 0)
		rc = rte_eth_dev_start(port);
	if (rc < 0)
		fprintf(stderr, "weir-sink: port %u does not start: %s\n", port, rte_strerror(-rc));
	return rc == 0;
}

static bool wait_for_link(uint16_t port)
{
	while (!atomic_load(&stopped)) {
		struct rte_eth_link link;

		if (rte_eth_link_get_nowait(port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP)
			return true;
		sleep_ns(10000000);
	}
	return false;
}

/* Takes what is there, at most a ring. */
static uint32_t drain(uint16_t port, struct rte_mbuf **pkts)
{
	uint32_t n = 0;

	while (n + BURST <= N_DESC) {
		uint16_t got = rte_eth_rx_burst(port, 0, pkts + n, BURST);

		n += got;
		if (got == 0)
			break;
	}
	return n;
}

static void count(struct record *record, struct rte_mbuf **pkts, uint32_t n, uint64_t from_ns, uint64_t to_ns)
{
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		record_packet(record, frame + 6, pkts[i]->pkt_len, from_ns + (to_ns - from_ns) * (i + 1) / n);
	}
	rte_pktmbuf_free_bulk(pkts, n);
}

/* -> ns it ran. */
static uint64_t receive(uint16_t port, struct record *record, const struct options *options, uint64_t start_ns)
{
	static struct rte_mbuf *pkts[N_DESC];
	const uint64_t end_ns = (uint64_t)(options->seconds * (double)NS_PER_S);
	uint64_t looked_ns = 0, live_ns = LIVE_NS, at_ns;

	do {
		uint32_t n;

		at_ns = now_ns() - start_ns;
		n = drain(port, pkts);
		if (at_ns - looked_ns > LONG_GAP_NS)
			record_gap(record, looked_ns, at_ns);
		count(record, pkts, n, looked_ns, at_ns);
		looked_ns = at_ns;
		if (options->live && at_ns >= live_ns) {
			record_print_totals(record, at_ns, stdout);
			live_ns += LIVE_NS;
		}
		if (n < BURST)
			sleep_ns(SLEEP_NS);
	} while (at_ns < end_ns && !atomic_load(&stopped));
	return at_ns;
}

static int run(const struct options *options)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create("sink", N_MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
							   SOCKET_ID_ANY);
	struct record *record = record_create((uint64_t)(options->bin_ms * 1e6),
					      (uint64_t)(options->seconds * (double)NS_PER_S));
	struct rte_eth_stats stats = { 0 };
	uint16_t port = rte_eth_find_next(0);
	uint64_t start_ns, length_ns;
	bool written = false;

	if (pool == NULL || record == NULL || port >= RTE_MAX_ETHPORTS) {
		fputs(port >= RTE_MAX_ETHPORTS ? "weir-sink: there is no port\n" : "weir-sink: out of memory\n", stderr);
	} else if (port_start(port, pool) && wait_for_link(port)) {
		puts("weir-sink is up");
		fflush(stdout);
		start_ns = now_ns();
		length_ns = receive(port, record, options, start_ns);
		rte_eth_stats_get(port, &stats);
		written = record_write(record, options->out, start_ns, length_ns);
		if (!written)
			fprintf(stderr, "weir-sink: cannot write %s: %s\n", options->out, strerror(errno));
		fprintf(stderr, "weir-sink: %" PRIu64 " packets, %" PRIu64 " missed\n", stats.ipackets,
			stats.imissed + stats.ierrors + stats.rx_nombuf);
	}
	if (port < RTE_MAX_ETHPORTS) {
		rte_eth_dev_stop(port);
		rte_eth_dev_close(port);
	}
	record_destroy(record);
	return written ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct options options = { .seconds = 60, .bin_ms = 1 };
	int used, rc;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return 0;
	}
	used = rte_eal_init(argc, argv);
	if (used < 0) {
		fprintf(stderr, "weir-sink: EAL does not start: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	if (!read_options(argc - used, argv + used, &options)) {
		usage(stderr);
		rte_eal_cleanup();
		return 2;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	rc = run(&options);
	rte_eal_cleanup();
	return rc;
}
