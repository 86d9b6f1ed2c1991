/* SPDX-License-Identifier: BSD-3-Clause */
/* Segmentation frames as guests may write them: 2 bytes of segment size, 2 of MTU, then the frame.  Only what was said to be
 * there is read; what comes out is as long as the MTU at most, has all of the payload, and ends. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "frame_cut.h"
#include "fuzz.h"

enum { SIZES_BYTES = 4, MAX_PKTS = 65536 };

static void cut(struct frame_cut *c, const uint8_t *frame, uint32_t bytes, uint32_t seg_bytes, uint32_t mtu)
{
	uint32_t from = c->head_bytes, n_pkts = frame_cut_n_left(c);

	assert(n_pkts > 0 && n_pkts <= MAX_PKTS);
	for (uint32_t i = 0; i < n_pkts; i++) {
		uint32_t payload = frame_cut_payload(c), length = c->head_bytes + payload;
		uint8_t *packet = malloc(length);	/* exactly as long, so that a sanitizer sees each byte beyond */

		assert(packet != NULL && payload > 0 && payload <= seg_bytes && from + payload <= bytes);
		assert(length - c->ip_at <= mtu);
		memcpy(packet + c->head_bytes, frame + from, payload);
		frame_cut_next(c, packet);
		assert(!frame_is_cut(packet, length, length));
		from += payload;
		free(packet);
	}
	assert(frame_cut_n_left(c) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t seg_bytes, mtu, bytes, n_head;
	struct frame_cut c;
	uint8_t *frame, *head;

	if (size <= SIZES_BYTES || size > UINT16_MAX)
		return 0;
	seg_bytes = (uint32_t)(data[0] << 8 | data[1]);
	mtu = (uint32_t)(data[2] << 8 | data[3]);
	bytes = (uint32_t)size - SIZES_BYTES;
	n_head = bytes < FRAME_CUT_HEAD_BYTES ? bytes : FRAME_CUT_HEAD_BYTES;
	frame = malloc(bytes);
	head = malloc(n_head);
	if (frame != NULL && head != NULL) {
		memcpy(frame, data + SIZES_BYTES, bytes);
		memcpy(head, frame, n_head);
		if (frame_cut_begin(&c, head, n_head, bytes, seg_bytes, mtu))
			cut(&c, frame, bytes, seg_bytes, mtu);
	}
	free(frame);
	free(head);
	return 0;
}
