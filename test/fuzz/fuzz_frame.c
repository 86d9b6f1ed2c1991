/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames as af_packet gives them.  Whatever is in one, only the two bytes of a checksum may change; once finished it is not
 * finished again to something else; and what is cut at its end is never touched. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *frame, *again;
	uint32_t bytes = (uint32_t)size, n_changed = 0;

	if (size == 0 || size > UINT16_MAX)
		return 0;
	frame = malloc(size);	/* exactly as long, so that a sanitizer sees each byte beyond */
	again = malloc(size);
	if (frame != NULL && again != NULL) {
		memcpy(frame, data, size);
		bool is_cut = frame_is_cut(frame, bytes, bytes);
		bool is_finished = frame_finish_checksum(frame, bytes);

		assert(!(is_cut && is_finished));
		for (size_t i = 0; i < size; i++)
			n_changed += frame[i] != data[i];
		assert(n_changed <= 2 && (is_finished || n_changed == 0));
		assert(frame_is_cut(frame, bytes, bytes) == is_cut);
		memcpy(again, frame, size);
		(void)frame_finish_checksum(again, bytes);
		assert(memcmp(again, frame, size) == 0);
		for (uint32_t part = 0; part < bytes; part = part * 2 + 1)
			(void)frame_is_cut(data, part, bytes);
	}
	free(frame);
	free(again);
	return 0;
}
