/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to sla: tables of fields, what reading one config needs, and the passes it goes through. */
#ifndef WEIR_CONF_FIELDS_H
#define WEIR_CONF_FIELDS_H

#include <assert.h>
#include <stddef.h>

#include "conf.h"
#include "ini.h"

#define CONF_MAX_BPS  UINT64_C(10000000000000)
#define CONF_MAX_PPS  UINT64_C(10000000000)
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* One config being read. */
struct conf_reading {
	struct conf *conf;
	const struct ini *ini;
	struct why *why;
	bool ok;
	const char *command;         /* "set vf web": the terms come from there, and have no lines; else NULL */
	bool is_whole;               /* of a command: what it leaves out is not set, so there is no "none" */
	const struct conf *running;  /* nothing but terms may differ from it; NULL: it is the first */
	const struct ini_section *port_section[CONF_MAX_PORTS];
	const struct ini_section **vf_section; /* by VF */
	size_t room_vfs;
	const struct ini_section **tenant_section; /* by tenant */
};

/* A mistake: file:line: what was wrong, what was wanted. */
void conf_say(struct conf_reading *r, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

struct conf_field;

/* Reads 'value' into 'to'; false: not what the field wants. */
typedef bool conf_reader(const struct conf_field *field, const char *value, void *to);

struct conf_field {
	const char *key;
	conf_reader *read;
	size_t offset, bytes; /* where in the object */
	uint64_t min, max;    /* of a number or a time */
	const char *wanted;   /* for people; of a choice: "no|yes", in the order of its values */
};

/* Objects that begin with a name, by name. */
struct conf_names {
	const char *first;
	size_t n, stride;
	const char **sorted;
};

bool conf_names_init(struct conf_names *names, const void *objects, size_t n, size_t stride); /* false: no memory */
uint32_t conf_names_find(const struct conf_names *names, const char *name);                   /* UINT32_MAX: none */
void conf_names_fini(struct conf_names *names);

struct conf *conf_copy(const struct conf *conf); /* NULL: out of memory */

/* As conf_load(); where 'running' is not NULL only terms may differ from it. */
struct conf *conf_load_over(const struct conf *running, const char *file, struct why *why);

/* The offset and size of a member, for a table. */
#define AT(type, member) offsetof(type, member), sizeof(((type *)NULL)->member)

conf_reader conf_read_count;        /* an unsigned number with suffix, min..max */
conf_reader conf_read_auto_0;       /* the same, or "auto" = 0 */
conf_reader conf_read_auto_minus_1; /* the same into an int, or "auto" = -1 */
conf_reader conf_read_time;
conf_reader conf_read_auto_time; /* the same, or "auto" = 0 */
conf_reader conf_read_choice;
conf_reader conf_read_path;  /* absolute, into an array of chars */
conf_reader conf_read_protocol; /* of IP, by name or number, into an int16_t */
conf_reader conf_read_later; /* a name that another pass resolves: only not empty */

const struct conf_field *conf_find_field(const struct conf_field *fields, size_t n, const char *key);

/* Reads one entry into 'object'; reports what does not fit. */
void conf_read_field(
	struct conf_reading *r, const struct conf_field *field, const struct ini_entry *e, void *object);

/* Reads all entries of a section; reports keys that are not in the table. */
void conf_read_fields(struct conf_reading *r, const struct ini_section *s, const struct conf_field *fields,
	size_t n, void *object);

/* For messages about unknown keys: the key that was perhaps meant, or NULL; all keys, added to 'buf'. */
const char *conf_nearest(const struct conf_field *fields, size_t n, const char *key);
void conf_list_keys(const struct conf_field *fields, size_t n, char *buf, size_t size);

/* [A-Za-z0-9_]{1,32}, or it has been reported. */
bool conf_has_good_name(struct conf_reading *r, const struct ini_section *s);

/* The key and value pairs of a command for one VF's map ("map" or lines of a [dscp]), conf_dscp_change.c. */
void conf_change_dscp(struct conf_reading *r, uint32_t vf, const struct ini_section *s);
/* The maps of 'wanted', and who uses which, into r->conf: by name, and each in its place for as long as it is there. */
void conf_take_maps(struct conf_reading *r, const struct conf *wanted, const struct conf_names *vfs);

uint16_t conf_free_map(struct conf *conf);	/* a place for one more map, or UINT16_MAX */
/* Its place has no name from now on; what is in it stays, for who looks at it this very moment. */
void conf_give_back_map(struct conf *conf, uint16_t map);

/* The entry of a key; NULL where there is none. */
const struct ini_entry *conf_entry(const struct ini_section *section, const char *key);

/* Its line, or the section's. */
int conf_line(const struct ini_section *section, const char *key);

/* What has terms: its own keys, and SLA keys behind "tx." and perhaps "rx.". */
struct conf_terms_kind {
	const char *kind;
	const struct conf_field *fields;
	size_t n_fields;
	bool has_rx; /* and urgent allowances */
};

/* Reads an entry whose key begins with "tx." or "rx.".  false: no such term, nothing reported. */
bool conf_read_term(struct conf_reading *r, const struct ini_entry *e, struct sla *sla);
/* Reads an entry that may only be a term of a VF (or remote, or echo), or of a tenant; reports what it is else, and terms
 * that are not for it. */
void conf_read_vf_term(struct conf_reading *r, const struct ini_entry *e, struct conf_vf *vf);
void conf_read_tenant_term(struct conf_reading *r, const struct ini_entry *e, struct conf_tenant *tenant);
void conf_say_unknown_term(
	struct conf_reading *r, const struct ini_entry *e, const struct conf_terms_kind *kind);

/* Minima and allowances against the limits. */
void conf_check_sla(
	struct conf_reading *r, const struct ini_section *s, const char *dir, const struct sla *sla);

/* conf_remote.c: what says something to [remote] where there is none. */
void conf_check_remote(struct conf_reading *r, const struct ini_section *s);
void conf_dump_remote(const struct conf_vf *vf, const struct conf_vf *other, FILE *out);	/* where it is another */

/* conf_place.c */
void conf_add_spares(struct conf_reading *r);	/* when all VFs of the file are known; n_named and rooms too */
/* A VF of this section takes a free place; its index, or UINT32_MAX with the reasons said.  The caller knows that there is
 * none of its name.  Where r->ok is false afterwards the config is to be thrown away. */
uint32_t conf_add_vf(struct conf_reading *r, const struct ini_section *s);
/* The same of a VF that another config has, and this one has not, but for its DSCP map. */
void conf_copy_vf(struct conf_reading *r, const struct conf *from, const struct conf_vf *wanted);
void conf_del_vf(struct conf_reading *r, uint32_t vf);	/* with its marking rules, and a map that was its alone */
/* Terms and addresses of the same VF in another config, in the place of what it has. */
void conf_take_vf(struct conf_reading *r, struct conf_vf *vf, const struct conf *from, const struct conf_vf *wanted);
/* What cannot change of a VF while it is there: the keys that are not the same. */
#define CONF_MOST_DIFFERENCES 16
uint32_t conf_vf_differs(const struct conf *in_a, const struct conf_vf *a, const struct conf *in_b,
	const struct conf_vf *b, const char *keys[CONF_MOST_DIFFERENCES]);

uint16_t conf_find_port(const struct conf *conf, const char *device);	/* CONF_MAX_PORTS: none */
uint16_t conf_named_port(struct conf_reading *r, const struct ini_section *s);	/* the same of a [vf], and it was said why */
void conf_check_vf(struct conf_reading *r, uint32_t vf);	/* one that comes, whose port is known */
void conf_join_tenant(struct conf_reading *r, uint32_t vf);	/* the one that its section names */
void conf_count_in_tenants(struct conf *conf, uint32_t tenant, int n);
void conf_leave_map(struct conf *conf, uint16_t map);	/* who used it does not any more */

/* Sections with files of their own. */
void conf_read_vf_keys(struct conf_reading *r, const struct ini_section *s, struct conf_vf *vf);	/* its trunk is the caller's */
void conf_read_vf(struct conf_reading *r, const struct ini_section *s);
void conf_read_dscp(struct conf_reading *r, const struct ini_section *s);
/* Lines of a map over what it is; the caller has the section checked.  What is not named stays, but for "default". */
void conf_read_dscp_over(struct conf_reading *r, const struct ini_section *s, struct dscp_map *map);
void conf_read_tenant(struct conf_reading *r, const struct ini_section *s);

/* The passes after parsing. */
void conf_check(struct conf_reading *r); /* values against each other; resolves names */
void conf_check_macs(struct conf_reading *r);
void conf_check_tenants(struct conf_reading *r); /* resolves names; who is in whom */
void conf_complete(
	struct conf *conf); /* effective SLAs, derived guarantees, defaults that depend on others */
uint64_t conf_l2_bps(const struct conf *conf, const struct sla *sla,
	uint64_t bps); /* a rate of an SLA, in L2 bits of packets of guarantee_size */
void conf_compare(struct conf_reading *r); /* with the running one: what may not differ */
void conf_check_tenant_sums(struct conf_reading *r); /* what members are owed, once that is known */

#endif
