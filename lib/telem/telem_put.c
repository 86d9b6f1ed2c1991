/* SPDX-License-Identifier: BSD-3-Clause */
/* Building answers: EAL's calls, with the names that changed after 22.11 and its limits in one place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_version.h>

#include "telem_impl.h"

void put_u64(struct rte_tel_data *d, const char *name, uint64_t value)
{
	if (d == NULL)
		return;
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	rte_tel_data_add_dict_uint(d, name, value);
#else
	rte_tel_data_add_dict_u64(d, name, value);
#endif
}

void put_int(struct rte_tel_data *d, const char *name, int value)
{
	if (d != NULL)
		rte_tel_data_add_dict_int(d, name, value);
}

/* EAL makes broken JSON of what is not printable ASCII, and what a client sends comes back in its reasons. */
void make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void put_text(struct rte_tel_data *d, const char *name, const char *value)
{
	char text[RTE_TEL_MAX_STRING_LEN];

	snprintf(text, sizeof(text), "%s", value);
	make_printable(text);
	if (d != NULL)
		rte_tel_data_add_dict_string(d, name, text);
}

const char *mac_text(char text[MAC_TEXT], const uint8_t mac[6])
{
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return text;
}

static struct rte_tel_data *put_container(struct rte_tel_data *d, const char *name, struct rte_tel_data *inner)
{
	if (d != NULL && rte_tel_data_add_dict_container(d, name, inner, 0) == 0)
		return inner;
	rte_tel_data_free(inner);
	return NULL;
}

struct rte_tel_data *put_dict(struct rte_tel_data *d, const char *name)
{
	struct rte_tel_data *inner = rte_tel_data_alloc();

	if (inner == NULL)
		return NULL;
	rte_tel_data_start_dict(inner);
	return put_container(d, name, inner);
}

struct rte_tel_data *put_text_array(struct rte_tel_data *d, const char *name)
{
	struct rte_tel_data *inner = rte_tel_data_alloc();

	if (inner == NULL)
		return NULL;
	rte_tel_data_start_array(inner, RTE_TEL_STRING_VAL);
	return put_container(d, name, inner);
}

struct rte_tel_data *put_u64_array(struct rte_tel_data *d, const char *name)
{
	struct rte_tel_data *inner = rte_tel_data_alloc();

	if (inner == NULL)
		return NULL;
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	rte_tel_data_start_array(inner, RTE_TEL_UINT_VAL);
#else
	rte_tel_data_start_array(inner, RTE_TEL_U64_VAL);
#endif
	return put_container(d, name, inner);
}

void add_u64(struct rte_tel_data *array, uint64_t value)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	rte_tel_data_add_array_uint(array, value);
#else
	rte_tel_data_add_array_u64(array, value);
#endif
}

struct rte_tel_data *put_numbered_dict(struct rte_tel_data *d, unsigned int number)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", number);
	return put_dict(d, name);
}

void put_drops(struct rte_tel_data *d, const char *name, const struct dir_view *v)
{
	struct rte_tel_data *in = put_dict(d, name);

	for (unsigned int r = 0; r < N_DROP_REASONS; r++)
		put_u64(in, drop_name((enum drop_reason)r), v->drops[r]);
}

void put_sla(struct rte_tel_data *d, const char *name, const struct sla *sla)
{
	struct rte_tel_data *in = put_dict(d, name);

	put_u64(in, "min_bps", sla->min_bps);
	put_u64(in, "max_bps", sla->max_bps);
	put_u64(in, "min_pps", sla->min_pps);
	put_u64(in, "max_pps", sla->max_pps);
	put_u64(in, "urgent_bps", sla->urgent_bps);
	put_u64(in, "urgent_pps", sla->urgent_pps);
	put_u64(in, "burst_ns", sla->burst_ns);
	put_u64(in, "peak_bps", sla->peak_bps);
	put_u64(in, "credit_ns", sla->credit_ns);
	put_u64(in, "weight", sla->weight);
	put_u64(in, "priority", sla->priority);
	put_text(in, "basis", sla->basis == BASIS_WIRE ? "wire" : "l2");
}

void put_held(struct rte_tel_data *d, const uint64_t held_ns[N_VIEW_BOUNDS])
{
	struct rte_tel_data *in = put_dict(d, "held_ns");

	for (unsigned int b = 0; b < N_VIEW_BOUNDS; b++)
		put_u64(in, view_bound_name((enum view_bound)b), held_ns[b]);
}

void put_held_for(const struct telem_source *s, uint32_t row, struct rte_tel_data *d)
{
	struct rte_tel_data *in;

	if (s->held_for_ns == NULL)
		return;
	in = put_dict(d, "held_for_ns");
	for (unsigned int b = 0; b < N_VIEW_BOUNDS; b++)
		put_u64(in, view_bound_name((enum view_bound)b), s->held_for_ns(s->ctx, row, (enum view_bound)b));
}

int put_error(struct rte_tel_data *d, const char *error, const char *wanted)
{
	put_text(d, "error", error);
	put_text(d, "wanted", wanted);
	return 0;
}

vf_id nth_vf_from(const struct conf *conf, vf_id vf)
{
	while (vf < conf->n_vfs && !conf_is_there(&conf->vfs[vf]))
		vf++;
	return vf;
}

vf_id nth_vf(const struct conf *conf, uint32_t n)
{
	vf_id vf = nth_vf_from(conf, 0);

	for (; n > 0 && vf < conf->n_vfs; n--)
		vf = nth_vf_from(conf, vf + 1);
	return vf;
}

bool page_start(const char *params, uint32_t total, uint32_t *start)
{
	unsigned long long n;
	char *end;

	*start = 0;
	if (params == NULL)
		return true;
	if (params[0] < '0' || params[0] > '9' || strlen(params) > 9)
		return false;
	n = strtoull(params, &end, 10);
	*start = (uint32_t)n;
	return *end == '\0' && (n < total || n == 0);
}

uint32_t page_end(uint32_t start, uint32_t total, uint32_t per_page)
{
	return total - start > per_page ? start + per_page : total;
}
