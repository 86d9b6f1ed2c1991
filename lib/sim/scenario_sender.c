/* SPDX-License-Identifier: BSD-3-Clause */
/* [traffic NAME] with kind = tcp: the law of its connections, what their application offers, and the class they share. */
#include <ctype.h>
#include <string.h>

#include "scenario_impl.h"

bool scenario_read_class(const struct conf_field *field, const char *value, void *to)
{
	struct traffic *t = to;
	size_t n = strlen(value);

	(void)field;
	if (n == 0 || n >= sizeof(t->class_name))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)value[i]) && value[i] != '_')
			return false;
	memcpy(t->class_name, value, n + 1);
	return true;
}

/* What the algorithm would not look at is a mistake, and so is what it cannot do without. */
static void check_target(struct conf_reading *r, const struct ini_section *section, const struct traffic *t)
{
	enum sender_algorithm a = t->sender.algorithm;
	bool has_quality = a == SENDER_QTCP || a == SENDER_QRDMA;

	if (t->sender.target_bps > 0 && !has_quality)
		conf_say(r, conf_line(section, "target"), "target: wanted algorithm = qtcp or qrdma beside it");
	if (t->sender.target_bps > 0 && t->sender.target_ns > 0)
		conf_say(r, conf_line(section, "within"), "within: wanted one of it and target =");
	if (t->sender.target_ns > 0 && t->message_bytes == 0)
		conf_say(r, conf_line(section, "within"), "within: wanted message = bytes beside it, for it is a message's");
	if (has_quality && t->sender.target_bps == 0 && t->sender.target_ns == 0)
		conf_say(r, section->line, "[traffic %s]: wanted target = (bits per second) or within = (a time), for its algorithm",
			t->name);
	if (a == SENDER_D2TCP && t->sender.target_ns == 0)
		conf_say(r, section->line, "[traffic %s]: wanted within = (a time), for its algorithm", t->name);
	if (!sender_is_by_marks(a) && conf_entry(section, "smoothing") != NULL)
		conf_say(r, conf_line(section, "smoothing"), "smoothing: wanted an algorithm that is made of marks");
	if (t->sender.growth > 0 && (a != SENDER_QTCP || t->sender.target_bps == 0))
		conf_say(r, conf_line(section, "growth"), "growth: wanted algorithm = qtcp and target = beside it");
	if (t->sender.growth > 0 && conf_entry(section, "step") != NULL)
		conf_say(r, conf_line(section, "growth"), "growth: wanted one of it and step =");
	if (t->sender.is_paced && sender_is_paced(a))
		conf_say(r, conf_line(section, "paced"), "paced: wanted an algorithm with a window, for this one is paced anyway");
	if (a == SENDER_CUBIC && conf_entry(section, "step") != NULL)
		conf_say(r, conf_line(section, "step"), "step: wanted another algorithm than cubic, which has none");
}

void scenario_check_sender(struct conf_reading *r, const struct ini_section *section, struct traffic *t)
{
	bool is_by_marks = sender_is_by_marks(t->sender.algorithm);

	if (t->n_sizes > 1)
		conf_say(r, conf_line(section, "size"), "size: wanted one size, for kind = tcp");
	if (is_by_marks && conf_entry(section, "ecn") != NULL && t->ecn == ECN_NOT_ECT)
		conf_say(r, conf_line(section, "ecn"), "ecn = no: wanted ect0, for this algorithm is made of marks");
	if (is_by_marks && t->ecn == ECN_NOT_ECT)
		t->ecn = ECN_ECT_0;
	if (t->message_bytes > 0 && t->load_bps == 0)
		conf_say(r, conf_line(section, "message"), "message: wanted load = (bits per second) beside it");
	check_target(r, section, t);
}

/* The first traffic of a class says what the class is to have; the others say the same. */
void scenario_join_class(struct scenario_reading *reading, const struct ini_section *section, struct traffic *t)
{
	const struct scenario *s = reading->s;

	if (*t->class_name == '\0')
		return;
	if (t->sender.target_bps == 0)
		conf_say(&reading->r, conf_line(section, "class"), "class = %s: wanted target = beside it, for that is what "
			"connections of a class share", t->class_name);
	for (uint32_t i = 0; &s->traffics[i] < t; i++) {
		if (strcmp(s->traffics[i].class_name, t->class_name) != 0)
			continue;
		t->class_of = i;
		if (s->traffics[i].sender.target_bps != t->sender.target_bps)
			conf_say(&reading->r, conf_line(section, "target"), "target = %llu: wanted %llu, as class = %s has at line %d",
				(unsigned long long)t->sender.target_bps, (unsigned long long)s->traffics[i].sender.target_bps,
				t->class_name, s->traffics[i].line);
		return;
	}
}
