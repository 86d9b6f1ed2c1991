/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration that changes while weir runs.  A config is never written once it is in use: a change is a new one,
 * checked as a whole by the same readers and checks as a file, and the same but for terms (what VFs and tenants were
 * sold: tx.*, rx.*), whom [remote] looks after, DSCP maps (which there are, what is in them, and which a VF uses), marking
 * rules, and which VFs there are, with what addresses.  So whoever looks at a config sees all of a change or nothing of it, and what is the same in
 * every one of them (ports, places and their ports, tenants, indices) may be read from the first for ever.  A VF is known
 * by its name, and by 'born' if another of the same name came later in its place.  A map keeps its index while it
 * is there; the place of one that has gone has no name, and may be taken by another later.
 * Pure: any thread.  Used by: live, telem, the app.  Uses: sla (conf.h), ini. */
#ifndef WEIR_CONF_CHANGE_H
#define WEIR_CONF_CHANGE_H

#include "conf.h"

#define CONF_CHANGE_CHARS 1024
#define CONF_CHANGE_KEYS  66	/* all code points, "default" and "map" */

enum conf_verb {
	CONF_SET,	/* terms of a VF or tenant */
	CONF_DSCP,	/* another map for a VF */
	CONF_MARK_ADD,	/* the marking rule 'name' is new */
	CONF_MARK_DEL,	/* it goes; no text */
	CONF_VF_ADD,	/* the VF 'name' is new, with the keys of [vf NAME] */
	CONF_VF_DEL,	/* it goes; no text */
};

/* "key=value;key=value" for one VF or tenant.  Keys and values are those of weir.conf(5); "none" takes a term away.
 * CONF_DSCP: those of [dscp NAME] instead, for the VF alone, over what its map is.  A VF whose map others use too, or that is
 * "default", gets one of its own, named as the VF where that name is free.  "default" speaks of all code points that are
 * not named; map=NAME, first, lets the VF use that map again.  A map that was made so goes when no VF uses it. */
struct conf_change {
	enum conf_verb verb;
	bool is_tenant;			/* of CONF_SET */
	char name[CONF_NAME_CHARS];
	char text[CONF_CHANGE_CHARS];
};

/* The index of a name, or UINT32_MAX. */
uint32_t conf_find_vf(const struct conf *conf, const char *name);
uint32_t conf_find_tenant(const struct conf *conf, const char *name);

/* The running config with the change made; admission is the caller's (conf_admit()).  NULL with all reasons. */
struct conf *conf_changed(const struct conf *running, const struct conf_change *change, struct why *why);

/* Reads and checks 'file' and compares it with what runs: all that cannot change (see above) must be the same, and is told
 * with its line where it is not.  NULL with all reasons.  The result is only for conf_with_terms(). */
struct conf *conf_reload(const struct conf *running, const char *file, struct why *why);
struct conf *conf_reload_text(const struct conf *running, const char *file, const char *text, size_t size,
	struct why *why);

/* The running config with the VFs of 'wanted' (by name: others go, new ones come), their terms and addresses, and its
 * maps and marking rules.  NULL with all reasons. */
struct conf *conf_with_terms(const struct conf *running, const struct conf *wanted, struct why *why);

/* The config as read from its file with the terms of a state file over it (conf_dump_state()); 'from' takes the place of
 * the text where it is not NULL.  What it names and the config does not is left out, and told in 'notes', as is every VF
 * and tenant whose terms are others than the config's.  NULL with all reasons in 'why'. */
struct conf *conf_with_state(const struct conf *base, const char *file, struct why *notes, struct why *why);
struct conf *conf_with_state_text(const struct conf *base, const char *file, const char *text, size_t size,
	struct why *notes, struct why *why);

/* What was asked, as a file that reads as the same config. */
void conf_dump(const struct conf *conf, FILE *out);

/* The terms of those VFs and tenants that were sold something else than in 'base', and the maps that are others, as a state
 * file. */
void conf_dump_state(const struct conf *conf, const struct conf *base, FILE *out);

/* One SLA as lines of a file, "tx.max_bps = 100M\n": what is not set is left out. */
void conf_dump_terms(const char *dir, const struct sla *asked, FILE *out);

/* "tx.max_bps 100M -> 200M, tx.weight none -> 2" between two SLAs: for logs and notes.  "": they are the same. */
const char *conf_terms_changes(const char *dir, const struct sla *from, const struct sla *to, char *buf, size_t size);

/* "remote yes -> no, echo dctcp -> classic" between two VFs; "": they are the same. */
const char *conf_remote_changes(const struct conf_vf *from, const struct conf_vf *to, char *buf, size_t size);
bool conf_same_remote(const struct conf_vf *a, const struct conf_vf *b);

/* "EF urgent low -> high low, LE low -> medium low" between two maps; from NULL: the standard one. */
const char *conf_map_changes(const struct dscp_map *from, const struct dscp_map *to, char *buf, size_t size);

/* The same class and drop precedence for every code point, whatever their names. */
bool conf_same_map(const struct dscp_map *a, const struct dscp_map *b);

/* "high low": class and drop precedence of a code point, as in a file. */
const char *conf_class_text(const struct dscp_map *map, int dscp, char buf[16]);

/* The index of a map, or UINT16_MAX. */
uint16_t conf_find_map(const struct conf *conf, const char *name);
uint32_t conf_map_users(const struct conf *conf, uint16_t map);
/* A marking rule as CONF_MARK_ADD reads it. */
#define CONF_MARK_CHARS 512
const char *conf_mark_text(const struct conf *conf, uint32_t i, char *buf, size_t size);

/* Tells every marking rule that went ('text' as it was, is_there = false), is new or is another. */
typedef void conf_marks_change_fn(void *ctx, const char *name, const char *text, bool is_there);
void conf_marks_changes(const struct conf *from, const struct conf *to, conf_marks_change_fn *tell, void *ctx);

/* They are to be found by the same MACs and VLANs. */
bool conf_same_address(const struct conf_vf *a, const struct conf_vf *b);

/* The place has another VF than it had, or none any more, or one now. */
static inline bool conf_is_another(const struct conf_vf *a, const struct conf_vf *b)
{
	return conf_is_there(a) != conf_is_there(b) || a->born != b->born;
}

/* The same terms were asked. */
bool conf_same_terms(const struct sla *a, const struct sla *b);

#endif
