/* SPDX-License-Identifier: BSD-3-Clause */
/* VFs and tenants by name. */
#include <stdlib.h>
#include <string.h>

#include "conf_fields.h"

static_assert(offsetof(struct conf_vf, name) == 0 && offsetof(struct conf_tenant, name) == 0, "both begin with it");

static int compare(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

bool conf_names_init(struct conf_names *names, const void *objects, size_t n, size_t stride)
{
	*names = (struct conf_names){.first = objects, .n = n, .stride = stride};
	names->sorted = malloc((n + 1) * sizeof(*names->sorted));
	if (names->sorted == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		names->sorted[i] = names->first + i * stride;
	qsort(names->sorted, n, sizeof(*names->sorted), compare);
	return true;
}

uint32_t conf_names_find(const struct conf_names *names, const char *name)
{
	const char **found = names->n == 0 || *name == '\0' ? NULL /* free places have none */
					   : bsearch(&name, names->sorted, names->n, sizeof(*names->sorted), compare);

	return found == NULL ? UINT32_MAX : (uint32_t)((size_t)(*found - names->first) / names->stride);
}

void conf_names_fini(struct conf_names *names)
{
	free(names->sorted);
	names->sorted = NULL;
}
