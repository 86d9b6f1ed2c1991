/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside lib/telem: what its files share. */
#ifndef WEIR_TELEM_IMPL_H
#define WEIR_TELEM_IMPL_H

#include <rte_telemetry.h>

#include "conf_change.h"
#include "telem.h"

/* Entries a page, so that the longest answer fits into 16 KiB. */
#define TELEM_PAGE_VFS	 48u
#define TELEM_PAGE_PORTS 16u
#define TELEM_PAGE_TENANTS 40u
#define TELEM_PAGE_MEMBERS 256u
#define TELEM_PAGE_MARKS 18u

#define MAC_TEXT 18

/* telem_put.c: adds to a dict; to NULL adds nothing, so that a lack of memory costs a branch of the answer only. */
void put_u64(struct rte_tel_data *d, const char *name, uint64_t value);
void put_int(struct rte_tel_data *d, const char *name, int value);
void make_printable(char *text);	/* in place: what is not becomes ? */
void put_text(struct rte_tel_data *d, const char *name, const char *value);	/* cut at 127 characters */
const char *mac_text(char text[MAC_TEXT], const uint8_t mac[6]);
struct rte_tel_data *put_dict(struct rte_tel_data *d, const char *name);
struct rte_tel_data *put_text_array(struct rte_tel_data *d, const char *name);
struct rte_tel_data *put_u64_array(struct rte_tel_data *d, const char *name);
void add_u64(struct rte_tel_data *array, uint64_t value);
/* 22.11 takes no arrays of dicts inside a dict: a list of them is a dict with the keys "0", "1", ... */
struct rte_tel_data *put_numbered_dict(struct rte_tel_data *d, unsigned int number);
void put_drops(struct rte_tel_data *d, const char *name, const struct dir_view *v);
void put_sla(struct rte_tel_data *d, const char *name, const struct sla *sla);
void put_held_for(const struct telem_source *s, uint32_t row, struct rte_tel_data *d);
void put_held(struct rte_tel_data *d, const uint64_t held_ns[N_VIEW_BOUNDS]);
int put_error(struct rte_tel_data *d, const char *error, const char *wanted);

/* The VF that is so many behind the first, and the first from a place on: pages are of VFs, places without one left out.
 * n_vfs: there is none. */
vf_id nth_vf(const struct conf *conf, uint32_t n);
vf_id nth_vf_from(const struct conf *conf, vf_id vf);

/* Reads START; NULL is 0.  false: not a number below total (0 always is one). */
bool page_start(const char *params, uint32_t total, uint32_t *start);
uint32_t page_end(uint32_t start, uint32_t total, uint32_t per_page);

/* telem_change.c */
int put_reasons(struct rte_tel_data *d, const struct why *why);
bool take_name(const char *params, char name[CONF_NAME_CHARS], const char **rest);	/* "NAME" or "NAME,rest" */
uint32_t put_line(struct rte_tel_data *array, const char *line, size_t n);
bool may_change(const struct telem_source *s, struct rte_tel_data *d);	/* false: it has been said why not */
bool is_done(enum live_verdict verdict, const struct live_request *q, struct rte_tel_data *d);
void put_warnings(struct rte_tel_data *d, const struct why *why);
void put_terms(struct rte_tel_data *d, const struct conf *conf, bool is_tenant, uint32_t i);
void put_what_changed(struct rte_tel_data *d, const struct conf *from, const struct conf *to, bool is_tenant, uint32_t i);

bool may_change(const struct telem_source *s, struct rte_tel_data *d);	/* false: that it may not has been said */
/* Hands the change to the control core and waits.  true: it was made, *q holds before and after; false: what came of it
 * has been said.  The caller destroys *q either way. */
bool make_change(const struct telem_source *s, const struct conf_change *change, struct live_request **q,
	struct rte_tel_data *d);
void put_warnings(struct rte_tel_data *d, const struct why *why);
uint32_t put_line(struct rte_tel_data *array, const char *line, size_t n);

/* Each fills a started answer. */
int answer_sla_set(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_sla_get(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_sla_dryrun(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_tenant_set(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_tenant_get(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_tenant_dryrun(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_dscp_set(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_dscp_get(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_why(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_delays(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_mark_add(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_mark_del(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_vf_add(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_vf_del(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_mark_list(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_capture_start(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_capture_stop(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_capture_list(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_dump(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_reload(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_allocator(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_remote(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_info(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_ports(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_vfs(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_drops(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_vf(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_tenants(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_tenant(const struct telem_source *s, const char *params, struct rte_tel_data *d);
int answer_pf(const struct telem_source *s, const char *params, struct rte_tel_data *d);

#endif
