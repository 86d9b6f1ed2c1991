/* SPDX-License-Identifier: BSD-3-Clause */
/* What af_packet's driver does not tell: the kernel hands it frames as it would hand them to a NIC, with checksums to be
 * finished, and segments (GRO's, or a TSO frame of a veth's far end) that the driver cuts at its ring's frame size. */
#include "frame.h"
#include "port_impl.h"

static void fix(const struct port *p, struct pkt *k)
{
	struct rte_mbuf *m = k->handle;

	if (frame_is_cut(k->data, k->data_bytes, k->bytes))
		pkt_set_truncated(k);
	else if (p->fix_csum && m->nb_segs == 1)	/* the driver makes no other */
		(void)frame_finish_checksum(rte_pktmbuf_mtod(m, uint8_t *), k->bytes);
}

void port_fix_burst(const struct port *p, struct pkt *pkts, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		fix(p, &pkts[i]);
}
