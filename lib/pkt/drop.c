/* SPDX-License-Identifier: BSD-3-Clause */
#include "drop.h"

static const char *const names[] = {
#define _(sym, name, text) [DROP_##sym] = name,
	DROP_REASONS(_)
#undef _
};

static const char *const texts[] = {
#define _(sym, name, text) [DROP_##sym] = text,
	DROP_REASONS(_)
#undef _
};

const char *drop_name(enum drop_reason reason)
{
	return reason < N_DROP_REASONS ? names[reason] : "not_dropped";
}

const char *drop_text(enum drop_reason reason)
{
	return reason < N_DROP_REASONS ? texts[reason] : "not dropped";
}
