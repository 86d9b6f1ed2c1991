/* SPDX-License-Identifier: BSD-3-Clause */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_pdump.h>
#include <rte_version.h>

#include "conf_change.h"
#include "group.h"
#include "offers.h"
#include "sockets.h"
#include "weir.h"

static struct conf *load(const char *file)
{
	static struct why why;
	struct conf *conf;

	why_init(&why);
	conf = conf_load(file, &why);
	if (conf == NULL)
		why_print(&why, stderr);
	return conf;
}

/* What was changed at run time before, over what the file says; told. */
static struct conf *with_state(const struct conf *in_file)
{
	static struct why notes, why;
	struct conf *conf;

	why_init(&notes);
	why_init(&why);
	if (in_file->state[0] == '\0')
		return conf_with_state_text(in_file, "", "", 0, &notes, &why);
	conf = conf_with_state(in_file, in_file->state, &notes, &why);
	why_print(&notes, stdout);
	why_print(&why, stderr);
	return conf;
}

static void warn(const struct conf *conf)
{
	static struct why notes;

	why_init(&notes);
	conf_warn(conf, &notes);
	for (int i = 0; i < notes.n; i++)
		fprintf(stderr, "weir: warning: %s\n", notes.text[i]);
}

/* A question by telemetry takes some 100 KB for a moment, and a change a config: given back to the system each time, their
 * pages cost more than the rest of the answer (4,000 changes a second instead of 6,000). */
static void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 4 << 20);
	mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

static bool start_eal(const struct args *args, const struct conf *conf)
{
	static struct why notes, why;

	why_init(&notes);
	why_init(&why);
	if (!sockets_make_way(args->eal_argc, args->eal_argv, &why)) {
		why_print(&why, stderr);
		return false;
	}
	offers_settle(conf, args->eal_argc, args->eal_argv, &notes);
	for (int i = 0; i < notes.n; i++)
		fprintf(stderr, "weir: warning: %s\n", notes.text[i]);
	keep_memory();
	control_before_eal();
	if (rte_eal_init(args->eal_argc, args->eal_argv) < 0) {
		bool is_told = rte_errno != 0;	/* by its number too; a file prefix that is another's has none */

		fprintf(stderr, "weir: EAL does not start%s%s%s: its lines above tell why. A second weir needs a --file-prefix of its"
			" own; without huge pages it takes --no-huge -m 256, with them dpdk-hugepages.py --setup 1G.\n",
			is_told ? " (" : "", is_told ? rte_strerror(rte_errno) : "", is_told ? ")" : "");
		return false;
	}
	control_after_eal();
	if (args->group != NULL && !group_let_in(args->group))
		return false;
	/* So that dpdk-dumpcap can see a port's packets: nothing on the data path before it asks, and what cannot be (no shared
	 * huge pages) is its trouble. */
	(void)rte_pdump_init();
	return true;
}

static enum weir_exit run(struct weir *w)
{
	enum weir_exit rc, end;

	if (!start_eal(&w->args, w->conf))
		return WEIR_FAILED;
	rc = weir_open(w);
	if (rc == WEIR_OK) {
		report_start(w);
		control_run(w);
	}
	end = weir_close(w);
	return rc != WEIR_OK ? rc : end;
}

int main(int argc, char **argv)
{
	static struct weir w;
	enum weir_exit rc;

	tsc_mark(&w.started);
	if (!args_parse(&w.args, argc, argv))
		return WEIR_USAGE;
	if (w.args.help || w.args.version) {
		if (w.args.help)
			args_help(stdout);
		else
			printf("weir %s (%s)\n", WEIR_VERSION, rte_version());
		return WEIR_OK;
	}
	w.conf = load(w.args.config);
	if (w.conf == NULL)
		return WEIR_USAGE;
	w.in_file = w.conf;
	w.conf = with_state(w.in_file);
	if (w.conf == NULL) {
		rc = WEIR_USAGE;
	} else {
		warn(w.conf);
		rc = w.args.check ? check_run(&w.args, w.conf) : run(&w);
	}
	conf_destroy(w.conf);
	conf_destroy(w.in_file);
	return rc;
}
