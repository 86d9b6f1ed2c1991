/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to the senders: the table of laws (sender.c), and the moves that several of them make. */
#ifndef WEIR_SENDER_IMPL_H
#define WEIR_SENDER_IMPL_H

#include "sender.h"

struct sender_law {
	void (*begin)(struct sender *s, const struct sender_terms *t, uint64_t at_ns);	/* NULL: nothing of its own */
	void (*hear)(struct sender *s, const struct sender_terms *t, const struct heard *h);
	void (*advance)(struct sender *s, const struct sender_terms *t, uint64_t at_ns);	/* NULL: not by time */
	double loss_factor;
};

extern const struct sender_law sender_reno, sender_cubic, sender_dctcp, sender_d2tcp, sender_qtcp, sender_dcqcn, sender_qrdma;

/* ---- Windows (sender_window.c) ---- */

void window_reduce(struct sender *s, double factor, uint64_t at_ns, uint64_t next_seq);
/* By 'step' packets, but by one in slow start. */
void window_grow(struct sender *s, const struct sender_terms *t, double step);
/* Its part of the class's step, for one packet of a window. */
double window_step(const struct sender *s, const struct sender_terms *t, const struct heard *h);
/* The marked part is smoothed so. */
static inline double smoothing_of(const struct sender_terms *t, uint32_t own)
{
	return 1.0 / (t->smoothing > 0 ? t->smoothing : own);
}

/* Counts a mark.  true: a window has passed; its marked part is in *part, and weighed with 'g'. */
bool window_weigh_marks(struct sender *s, const struct heard *h, double g, double *part);

/* Reno's, DCTCP's and D2TCP's: at most one reduction a round trip, by 'marked' for a mark. */
void window_hear(struct sender *s, const struct sender_terms *t, const struct heard *h, double marked, double lost);

/* ---- Rates (sender_dcqcn.c) ---- */

void rate_begin(struct sender *s, const struct sender_terms *t, uint64_t at_ns);
void rate_advance(struct sender *s, const struct sender_terms *t, uint64_t at_ns);
/* Counts bytes.  true: what was heard is a CNP (at most one in 50 us): the rate must give way. */
bool rate_count(struct sender *s, const struct sender_terms *t, const struct heard *h);
/* To 1 - part / 2 of what it was, which becomes the goal. */
void rate_cut(struct sender *s, const struct sender_terms *t, double part, uint64_t at_ns);

#endif
