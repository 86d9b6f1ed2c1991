/* SPDX-License-Identifier: BSD-3-Clause */
/* What of the packet capacity was promised on one worker and is not used there is read by others: a loan, which the control
 * core works out.  The worker that lends ends it with the first packets that need it, for all: it is at once where it would
 * be without, and the others are before they read again, a turn later.  One word, which is written when a loan ends. */
#include "pipe_impl.h"

static bool has_ended(const struct pipe *p, uint64_t loan)
{
	return atomic_load_explicit(&p->f->ended_loan, memory_order_relaxed) >= loan;
}

void pipe_set_capacity(struct pipe *p, const struct asking_part *part, uint64_t now_ns)
{
	bool is_on = part->loan != 0 && !has_ended(p, part->loan);
	bool is_lender = is_on && part->loaned_pps < part->capacity_pps;

	p->loan = is_on ? part->loan : 0;
	p->own_pps = part->capacity_pps;
	p->is_lender = is_lender;
	ask_lend(p->ask, is_lender ? part->loaned_pps : 0, part->capacity_pps, !part->is_at_ease, now_ns);
	ask_set_capacity(p->ask, is_on && !is_lender ? part->loaned_pps : part->capacity_pps, now_ns);
}

/* A loan that began later may have been ended meanwhile: the word only grows. */
static void end_loan(struct pipe *p)
{
	uint64_t ended = atomic_load_explicit(&p->f->ended_loan, memory_order_relaxed);

	while (ended < p->loan && !atomic_compare_exchange_weak_explicit(&p->f->ended_loan, &ended, p->loan, memory_order_relaxed,
			memory_order_relaxed))
		;
}

void pipe_look_at_loan(struct pipe *p, uint64_t now_ns)
{
	if (p->loan == 0)
		return;
	if (p->is_lender && ask_needs_lent(p->ask, now_ns))
		end_loan(p);
	if (!has_ended(p, p->loan))
		return;
	p->loan = 0;
	ask_lend(p->ask, 0, 0, false, now_ns);
	ask_set_capacity(p->ask, p->own_pps, now_ns);
}
