/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf.h"

/* RFC 2474 (CS), 2597 (AF), 3246 (EF), 5865 (VA), 8622 (LE); a row a class selector. */
/* clang-format off */
static const char *const names[CONF_N_DSCP] = {
	"CS0", "LE", "dscp2", "dscp3", "dscp4", "dscp5", "dscp6", "dscp7",
	"CS1", "dscp9", "AF11", "dscp11", "AF12", "dscp13", "AF13", "dscp15",
	"CS2", "dscp17", "AF21", "dscp19", "AF22", "dscp21", "AF23", "dscp23",
	"CS3", "dscp25", "AF31", "dscp27", "AF32", "dscp29", "AF33", "dscp31",
	"CS4", "dscp33", "AF41", "dscp35", "AF42", "dscp37", "AF43", "dscp39",
	"CS5", "dscp41", "dscp42", "dscp43", "VA", "dscp45", "EF", "dscp47",
	"CS6", "dscp49", "dscp50", "dscp51", "dscp52", "dscp53", "dscp54", "dscp55",
	"CS7", "dscp57", "dscp58", "dscp59", "dscp60", "dscp61", "dscp62", "dscp63",
};
/* clang-format on */

enum { DSCP_LE = 1, DSCP_CS1 = 8, DSCP_CS3 = 24, DSCP_VA = 44, DSCP_EF = 46 };

static const char *const tclass_names[N_TCLASSES] = {"urgent", "high", "medium", "low"};

const char *dscp_name(int dscp)
{
	return dscp >= 0 && dscp < CONF_N_DSCP ? names[dscp] : "none";
}

const char *tclass_name(enum tclass tclass)
{
	return tclass < N_TCLASSES ? tclass_names[tclass] : "none";
}

int dscp_parse(const char *text)
{
	int value = 0;

	if (strcasecmp(text, "DF") == 0 || strcasecmp(text, "BE") == 0)
		return 0; /* other names of CS0 */
	for (int i = 0; i < CONF_N_DSCP; i++)
		if (strcasecmp(text, names[i]) == 0)
			return i;
	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + (*text - '0');
		if (value >= CONF_N_DSCP)
			return -1;
	}
	return value;
}

/* AFxy is 8x + 2y: x = 1..4 is the class, y = 1..3 the drop precedence. */
static bool is_af(int dscp)
{
	return names[dscp][0] == 'A';
}

static enum tclass default_class(int dscp)
{
	if (dscp == DSCP_EF || dscp == DSCP_VA)
		return TC_URGENT;
	if (dscp == DSCP_CS1 || dscp == DSCP_LE)
		return TC_LOW;
	/* The class selectors CS3 and above, and AF3x, AF4x.  A code point nobody has defined gets nothing by
	 * its height. */
	if (dscp >= DSCP_CS3 && (dscp % 8 == 0 || is_af(dscp)))
		return TC_HIGH;
	return TC_MEDIUM;
}

void dscp_map_default(struct dscp_map *map)
{
	*map = (struct dscp_map){0};
	snprintf(map->name, sizeof(map->name), "default");
	for (int dscp = 0; dscp < CONF_N_DSCP; dscp++) {
		map->tclass[dscp] = (uint8_t)default_class(dscp);
		map->drop_prec[dscp] = is_af(dscp) ? (uint8_t)((dscp >> 1 & 3) - 1) : DP_LOW;
	}
}
