/* SPDX-License-Identifier: BSD-3-Clause */
/* IP packets of strangers, of which echoes of congestion are read: each is a byte of its length, then as many bytes.  Read
 * from memory that ends where the packet does. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "echo.h"
#include "fuzz.h"

static void feed(struct echo_flows *flows, const uint8_t *packet, size_t n)
{
	uint8_t *ip = malloc(n + 1);
	struct echo_ack ack;

	memcpy(ip + 1, packet, n);
	enum echo_kind kind = echo_read(ip + 1, n, &ack);
	assert(kind == ECHO_NONE || n >= 40);
	if (kind == ECHO_TCP) {
		struct echo_said said = echo_note(flows, &ack), again = echo_note(flows, &ack);
		assert(said.heard_bytes <= UINT32_C(1) << 30 && said.echoed_bytes <= said.heard_bytes);
		assert(!ack.is_syn || (said.heard_bytes == 0 && !said.is_first));
		assert(!said.is_first || said.is_counted || ack.is_ece);
		assert(again.heard_bytes == 0 && again.echoed_bytes == 0 && !again.is_first);	/* nothing twice */
	}
	free(ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct echo_flows *flows = echo_create();

	for (size_t at = 0; at < size;) {
		size_t n = data[at++];
		n = n < size - at ? n : size - at;
		feed(flows, data + at, n);
		at += n;
	}
	echo_destroy(flows);
	return 0;
}
