/* SPDX-License-Identifier: BSD-3-Clause */
/* What a kernel leaves undone when it believes that a NIC follows: frames that a driver cut, and checksums that are not
 * finished.  Frames are L2 without FCS, with up to two VLAN tags, IPv4 or IPv6; anything else is left alone.
 * Reads and writes only data[0 .. data_bytes).  No state, any thread.
 * TSO: frame_cut.h.
 * Used by: port.  Uses: nothing. */
#ifndef WEIR_FRAME_H
#define WEIR_FRAME_H

#include <stdbool.h>
#include <stdint.h>

/* Does the IP header, in the first 'data_bytes', claim more than the 'bytes' of the whole frame? */
bool frame_is_cut(const uint8_t *data, uint32_t data_bytes, uint32_t bytes);

/* A TCP or UDP checksum that is only the pseudo-header's sum (what Linux calls CHECKSUM_PARTIAL) is finished; true: it
 * was.  One that is complete stays as it is, right or wrong: a damaged frame is not made good.  (Where a right one happens
 * to equal the pseudo-header's sum, finishing gives the same again: RFC 1071's sum.)  The frame is whole in 'data'. */
bool frame_finish_checksum(uint8_t *data, uint32_t bytes);

/* The same of a frame whose checksum is known to be unfinished (virtio's NEEDS_CSUM): the field holds whatever its sender
 * counted of the pseudo-header. */
bool frame_finish_told_checksum(uint8_t *data, uint32_t bytes);

#endif
