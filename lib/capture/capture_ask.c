/* SPDX-License-Identifier: BSD-3-Clause */
/* An operator's words. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "units.h"

/* One key of an ask: reads its value, or says in 'wanted' what it would have read. */
typedef bool read_fn(const char *value, struct capture_ask *ask, const char **wanted);

/* ---- Values ---- */

static bool count_in(const char *value, uint64_t least, uint64_t most, uint64_t *count)
{
	uint64_t n;

	if (!units_parse_count(value, &n) || n < least || n > most)
		return false;
	*count = n;
	return true;
}

static bool read_file(const char *value, struct capture_ask *ask, const char **wanted)
{
	size_t n = strlen(value);

	*wanted = "an absolute path of less than 256 characters, printable ASCII without a backslash";
	if (value[0] != '/' || value[n - 1] == '/' || n >= sizeof(ask->file))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (value[i] < 0x20 || value[i] > 0x7e || value[i] == '\\')	/* answers carry it in pieces */
			return false;
	}
	memcpy(ask->file, value, n + 1);
	return true;
}

static bool read_dir(const char *value, struct capture_ask *ask, const char **wanted)
{
	*wanted = "tx (what the VM sends), rx (what it is sent) or both";
	for (uint32_t dirs = 1; dirs <= CAPTURE_BOTH; dirs++) {
		if (strcmp(value, capture_dirs_text(dirs)) == 0)
			ask->dirs = dirs;
	}
	return ask->dirs != 0;
}

static enum drop_reason find_reason(const char *name, size_t n)
{
	for (int r = 0; r < N_DROP_REASONS; r++) {
		const char *known = drop_name((enum drop_reason)r);
		if (strlen(known) == n && memcmp(known, name, n) == 0)
			return (enum drop_reason)r;
	}
	return DROP_NOT;
}

/* One reason or several: "receiver_limit+receiver_slow". */
static bool read_drops(const char *value, struct capture_ask *ask)
{
	ask->what = CAPTURE_DROPPED;
	for (;; value++) {
		size_t n = strcspn(value, "+");
		enum drop_reason r = find_reason(value, n);
		if (r == DROP_NOT)
			return false;
		ask->reasons |= 1u << r;
		value += n;
		if (*value == '\0')
			return true;
	}
}

static bool read_reason(const char *value, struct capture_ask *ask, const char **wanted)
{
	*wanted = "all, delayed, dropped, or a reason of drops (weirctl show drops), several with + between";
	if (strcmp(value, "all") == 0)
		return true;
	if (strcmp(value, "delayed") == 0) {
		ask->what = CAPTURE_DELAYED;
		return true;
	}
	if (strcmp(value, "dropped") == 0) {
		ask->what = CAPTURE_DROPPED;
		ask->reasons = CAPTURE_ALL_REASONS;
		return true;
	}
	return read_drops(value, ask);
}

static bool read_over(const char *value, struct capture_ask *ask, const char **wanted)
{
	uint64_t ns;

	*wanted = "a time with its unit, up to 60s, as 5ms";
	if (!units_parse_time(value, &ns) || ns == 0 || ns > CAPTURE_MOST_OVER_NS)
		return false;
	ask->over_ns = ns;
	return true;
}

static bool read_packets(const char *value, struct capture_ask *ask, const char **wanted)
{
	*wanted = "1 to 10M packets";
	return count_in(value, 1, CAPTURE_MOST_PKTS, &ask->max_pkts);
}

static bool read_bytes(const char *value, struct capture_ask *ask, const char **wanted)
{
	*wanted = "100k to 100G bytes of the file";
	return count_in(value, CAPTURE_LEAST_BYTES, CAPTURE_MOST_BYTES, &ask->max_bytes);
}

static bool read_snap(const char *value, struct capture_ask *ask, const char **wanted)
{
	uint64_t n;

	*wanted = "14 to 65600 bytes of each packet";
	if (!count_in(value, CAPTURE_LEAST_SNAP, CAPTURE_SNAP, &n))
		return false;
	ask->snap_bytes = (uint32_t)n;
	return true;
}

static bool read_seconds(const char *value, struct capture_ask *ask, const char **wanted)
{
	uint64_t n;

	*wanted = "1 to 86400 seconds";
	if (!count_in(value, 1, CAPTURE_MOST_S, &n))
		return false;
	ask->max_s = (uint32_t)n;
	return true;
}

static bool read_overwrite(const char *value, struct capture_ask *ask, const char **wanted)
{
	*wanted = "yes or no";
	ask->overwrites = strcmp(value, "yes") == 0;
	return ask->overwrites || strcmp(value, "no") == 0;
}

static const struct {
	const char *name;
	read_fn *read;
} keys[] = {
	{"file", read_file},
	{"dir", read_dir},
	{"reason", read_reason},
	{"over", read_over},
	{"packets", read_packets},
	{"bytes", read_bytes},
	{"snap", read_snap},
	{"seconds", read_seconds},
	{"overwrite", read_overwrite},
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

/* ---- A whole ask ---- */

static size_t find_key(const char *name, size_t n)
{
	size_t i = 0;

	while (i < N_KEYS && (strlen(keys[i].name) != n || memcmp(keys[i].name, name, n) != 0))
		i++;
	return i;
}

/* "key=value" of n characters. */
static void read_pair(const char *pair, size_t n, struct capture_ask *ask, uint32_t *seen, struct why *why)
{
	const char *equals = memchr(pair, '=', n);
	size_t n_key = equals != NULL ? (size_t)(equals - pair) : n;
	size_t key = find_key(pair, n_key);
	char value[2 * CAPTURE_FILE_CHARS];
	const char *wanted;

	if (equals == NULL || key == N_KEYS) {
		why_add(why, "%.*s: no such key with a value: wanted file=PATH, dir, reason, over, packets, bytes, snap, seconds "
			"or overwrite", (int)(n < 80 ? n : 80), pair);
		return;
	}
	if ((*seen & 1u << key) != 0) {
		why_add(why, "%s is there twice: wanted it once", keys[key].name);
		return;
	}
	*seen |= 1u << key;
	size_t n_value = n - n_key - 1;
	snprintf(value, sizeof(value), "%.*s", (int)n_value, equals + 1);
	if (!keys[key].read(value, ask, &wanted) || n_value >= sizeof(value))
		why_add(why, "%s=%.200s: wanted %s", keys[key].name, value, wanted);
}

bool capture_ask_parse(const char *text, struct capture_ask *ask, struct why *why)
{
	int n_before = why->n;
	uint32_t seen = 0;

	*ask = (struct capture_ask){0};
	while (*text != '\0') {
		size_t n = strcspn(text, ",;");
		if (n > 0)
			read_pair(text, n, ask, &seen, why);
		text += n + (text[n] != '\0');
	}
	if ((seen & 1u << find_key("file", 4)) == 0)
		why_add(why, "no file: wanted file=PATH, such as file=/tmp/web.pcap");
	if (ask->over_ns != 0 && ask->what != CAPTURE_DELAYED)
		why_add(why, "over says how long packets waited: wanted reason=delayed beside it");
	ask->dirs = ask->dirs != 0 ? ask->dirs : CAPTURE_BOTH;
	ask->max_pkts = ask->max_pkts != 0 ? ask->max_pkts : CAPTURE_PKTS;
	ask->max_bytes = ask->max_bytes != 0 ? ask->max_bytes : CAPTURE_BYTES;
	ask->snap_bytes = ask->snap_bytes != 0 ? ask->snap_bytes : CAPTURE_SNAP;
	ask->max_s = ask->max_s != 0 ? ask->max_s : CAPTURE_S;
	return why->n == n_before;
}

/* ---- Words ---- */

const char *capture_dirs_text(uint32_t dirs)
{
	return dirs == 1u << CAPTURE_TX ? "tx" : dirs == 1u << CAPTURE_RX ? "rx" : "both";
}

const char *capture_reason_text(const struct capture_ask *ask, char text[CAPTURE_TEXT_CHARS])
{
	size_t used = 0;

	if (ask->what != CAPTURE_DROPPED)
		return ask->what == CAPTURE_ALL ? "all" : "delayed";
	if (ask->reasons == CAPTURE_ALL_REASONS)
		return "dropped";
	text[0] = '\0';
	for (int r = 0; r < N_DROP_REASONS; r++) {
		if ((ask->reasons & 1u << r) != 0)
			used += (size_t)snprintf(text + used, CAPTURE_TEXT_CHARS - used, "%s%s", used > 0 ? "+" : "",
				drop_name((enum drop_reason)r));
	}
	return text;
}

const char *capture_ask_text(const struct capture_ask *ask, char text[CAPTURE_TEXT_CHARS])
{
	char reason[CAPTURE_TEXT_CHARS], over[UNITS_TEXT + 8] = "", time[UNITS_TEXT], pkts[UNITS_TEXT], bytes[UNITS_TEXT];

	if (ask->over_ns != 0)
		snprintf(over, sizeof(over), ",over=%s", units_time_text(time, ask->over_ns));
	snprintf(text, CAPTURE_TEXT_CHARS, "dir=%s,reason=%.480s%s,packets=%s,bytes=%s,snap=%u,seconds=%u,overwrite=%s,file=%s",
		capture_dirs_text(ask->dirs), capture_reason_text(ask, reason), over, units_count_text(pkts, ask->max_pkts),
		units_count_text(bytes, ask->max_bytes), ask->snap_bytes, ask->max_s, ask->overwrites ? "yes" : "no", ask->file);
	return text;
}

struct capture_rule capture_rule_of(const struct capture_ask *ask, vf_id vf, const uint64_t mark_ns[N_CAPTURE_DIRS])
{
	struct capture_rule r = {
		.vf = vf,
		.what = ask->what,
		.dirs = ask->dirs,
		.reasons = ask->reasons,
		.snap_bytes = ask->snap_bytes,
	};

	for (int dir = 0; dir < N_CAPTURE_DIRS; dir++)
		r.over_ns[dir] = ask->over_ns != 0 ? ask->over_ns : mark_ns[dir];
	return r;
}

const char *capture_state_text(enum capture_state state)
{
	static const char *const texts[] = {
		[CAPTURE_RUNS] = "it runs",
		[CAPTURE_HAS_PKTS] = "its packets are there",
		[CAPTURE_HAS_BYTES] = "its bytes are there",
		[CAPTURE_HAD_TIME] = "its time was over",
		[CAPTURE_STOPPED] = "it was stopped",
		[CAPTURE_FAILED] = "it failed",
		[CAPTURE_CLOSED] = "weir ended",
	};

	return texts[state];
}
