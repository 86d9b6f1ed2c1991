/* SPDX-License-Identifier: BSD-3-Clause */
#include "cffs.h"
#include "rank_queue_form.h"

RANK_QUEUE_FORM(cffs, rank_queue_circular);
