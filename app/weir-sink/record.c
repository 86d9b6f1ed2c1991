/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

struct bin {
	uint32_t pkts, bytes;
};

struct source {
	uint8_t mac[6];
	uint64_t pkts, bytes;
	struct bin *bins;	/* calloc'ed whole: pages that nothing is counted in are never touched */
};

struct record {
	uint64_t bin_ns;
	uint32_t n_bins;
	uint32_t n_sources;
	uint32_t last;			/* where the last packet's source was found: bursts repeat it */
	struct source sources[RECORD_MAX_SOURCES];
	uint64_t other_pkts, other_bytes;
	uint32_t n_gaps;
	uint64_t n_gaps_all, longest_gap_ns;
	struct {
		uint64_t from_ns, to_ns;
	} gaps[RECORD_MAX_GAPS];
};

struct record *record_create(uint64_t bin_ns, uint64_t length_ns)
{
	struct record *record = calloc(1, sizeof(*record));

	if (record == NULL)
		return NULL;
	record->bin_ns = bin_ns;
	record->n_bins = (uint32_t)(length_ns / bin_ns) + 1;
	return record;
}

void record_destroy(struct record *record)
{
	if (record == NULL)
		return;
	for (uint32_t i = 0; i < record->n_sources; i++)
		free(record->sources[i].bins);
	free(record);
}

static struct source *source_of(struct record *record, const uint8_t mac[6])
{
	struct source *source = &record->sources[record->last];

	if (record->n_sources != 0 && memcmp(source->mac, mac, 6) == 0)
		return source;
	for (uint32_t i = 0; i < record->n_sources; i++) {
		if (memcmp(record->sources[i].mac, mac, 6) == 0) {
			record->last = i;
			return &record->sources[i];
		}
	}
	if (record->n_sources == RECORD_MAX_SOURCES)
		return NULL;
	source = &record->sources[record->n_sources];
	source->bins = calloc(record->n_bins, sizeof(*source->bins));
	if (source->bins == NULL)
		return NULL;
	memcpy(source->mac, mac, 6);
	record->last = record->n_sources++;
	return source;
}

void record_packet(struct record *record, const uint8_t mac[6], uint32_t bytes, uint64_t at_ns)
{
	struct source *source = source_of(record, mac);
	uint64_t bin = at_ns / record->bin_ns;

	if (source == NULL) {
		record->other_pkts++;
		record->other_bytes += bytes;
		return;
	}
	if (bin >= record->n_bins)
		bin = record->n_bins - 1;
	source->pkts++;
	source->bytes += bytes;
	source->bins[bin].pkts++;
	source->bins[bin].bytes += bytes;
}

void record_gap(struct record *record, uint64_t from_ns, uint64_t to_ns)
{
	record->n_gaps_all++;
	if (to_ns - from_ns > record->longest_gap_ns)
		record->longest_gap_ns = to_ns - from_ns;
	if (record->n_gaps == RECORD_MAX_GAPS)
		return;
	record->gaps[record->n_gaps].from_ns = from_ns;
	record->gaps[record->n_gaps].to_ns = to_ns;
	record->n_gaps++;
}

static void print_mac(const uint8_t mac[6], FILE *out)
{
	fprintf(out, "\"%02x:%02x:%02x:%02x:%02x:%02x\"", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

void record_print_totals(const struct record *record, uint64_t now_ns, FILE *out)
{
	fprintf(out, "{\"at_ms\":%" PRIu64 ",\"sources\":{", now_ns / 1000000);
	for (uint32_t i = 0; i < record->n_sources; i++) {
		const struct source *source = &record->sources[i];

		fputs(i == 0 ? "" : ",", out);
		print_mac(source->mac, out);
		fprintf(out, ":[%" PRIu64 ",%" PRIu64 "]", source->pkts, source->bytes);
	}
	fprintf(out, "},\"other\":[%" PRIu64 ",%" PRIu64 "]}\n", record->other_pkts, record->other_bytes);
	fflush(out);
}

static void write_bins(const struct source *source, uint32_t n_bins, bool bytes, FILE *out)
{
	fprintf(out, "\"%s\":[", bytes ? "bytes" : "packets");
	for (uint32_t i = 0; i < n_bins; i++)
		fprintf(out, i == 0 ? "%" PRIu32 : ",%" PRIu32, bytes ? source->bins[i].bytes : source->bins[i].pkts);
	fputs("]", out);
}

bool record_write(const struct record *record, const char *path, uint64_t start_ns, uint64_t end_ns)
{
	uint64_t used = end_ns / record->bin_ns + 1;
	uint32_t n_bins = used < record->n_bins ? (uint32_t)used : record->n_bins;
	FILE *out = fopen(path, "w");

	if (out == NULL)
		return false;
	fprintf(out, "{\"bin_ns\":%" PRIu64 ",\"start_ns\":%" PRIu64 ",\"length_ns\":%" PRIu64 ",\n\"sources\":{",
		record->bin_ns, start_ns, end_ns);
	for (uint32_t i = 0; i < record->n_sources; i++) {
		fputs(i == 0 ? "\n" : ",\n", out);
		print_mac(record->sources[i].mac, out);
		fputs(":{", out);
		write_bins(&record->sources[i], n_bins, false, out);
		fputs(",\n", out);
		write_bins(&record->sources[i], n_bins, true, out);
		fputs("}", out);
	}
	fprintf(out, "},\n\"other\":[%" PRIu64 ",%" PRIu64 "],\n", record->other_pkts, record->other_bytes);
	fprintf(out, "\"gaps_all\":%" PRIu64 ",\"longest_gap_ns\":%" PRIu64 ",\"gaps\":[", record->n_gaps_all,
		record->longest_gap_ns);
	for (uint32_t i = 0; i < record->n_gaps; i++)
		fprintf(out, "%s[%" PRIu64 ",%" PRIu64 "]", i == 0 ? "" : ",", record->gaps[i].from_ns,
			record->gaps[i].to_ns);
	fputs("]}\n", out);
	return fclose(out) == 0;
}
