# SPDX-License-Identifier: BSD-3-Clause
"""Builds Ethernet frames from raw bytes: fast, and nothing is filled in behind the test's back."""

import struct

BROADCAST = "ff:ff:ff:ff:ff:ff"
MULTICAST = "01:00:5e:00:00:fb"
LINK_LOCAL = "01:80:c2:00:00:0e"    # LLDP
OUTSIDE = "02:aa:00:00:00:01"       # a station beyond the PF
NOBODY = "02:dd:00:00:00:99"        # no VF has it

TEST_ETHER_TYPE = 0x88b5            # IEEE 802: local experiments
DSCP = {"BE": 0, "CS1": 8, "AF11": 10, "AF41": 34, "EF": 46}


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def tag(vid, pcp=0, tpid=0x8100):
    return struct.pack("!HH", tpid, pcp << 13 | vid)


def eth(dst, src, payload=b"", tags=(), ether_type=TEST_ETHER_TYPE, size=60):
    """An L2 frame without FCS, padded to 'size' bytes."""
    head = mac_bytes(dst) + mac_bytes(src) + b"".join(tags) + struct.pack("!H", ether_type)
    return (head + payload).ljust(size, b"\0")


def numbered(dst, src, number, **more):
    """A frame that can be told from all others of a test."""
    return eth(dst, src, b"weir" + struct.pack("!I", number), **more)


def _checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp4(dst, src, number=0, dscp=0, size=60, tags=()):
    """Ethernet / IPv4 / UDP of 'size' bytes in all; the number is the first thing in the payload."""
    l2_bytes = 14 + 4 * len(tags)
    ip_bytes = size - l2_bytes
    head = struct.pack("!BBHHHBBHII", 0x45, dscp << 2, ip_bytes, 0, 0, 64, 17, 0, 0x0a000001, 0x0a000002)
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    udp = struct.pack("!HHHH", 4000, 4001, ip_bytes - 20, 0)
    return eth(dst, src, head + udp + struct.pack("!I", number), tags, 0x0800, size)


def udp6(dst, src, number=0, dscp=0, size=80, tags=()):
    l2_bytes = 14 + 4 * len(tags)
    udp_bytes = size - l2_bytes - 40
    head = struct.pack("!IHBB", 6 << 28 | dscp << 22, udp_bytes, 17, 64) + b"\xfd".ljust(16, b"\1") * 2
    udp = struct.pack("!HHHH", 4000, 4001, udp_bytes, 0)
    return eth(dst, src, head + udp + struct.pack("!I", number), tags, 0x86dd, size)


def udp_number(frame, tags=0):
    """The number of a udp4() frame."""
    at = 14 + 4 * tags + 28
    return struct.unpack("!I", frame[at:at + 4])[0]


def udp6_number(frame, tags=0):
    at = 14 + 4 * tags + 48
    return struct.unpack("!I", frame[at:at + 4])[0]


PCAP_HEAD = struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(PCAP_HEAD + b"".join(struct.pack("=IIII", 0, 0, len(x), len(x)) + x for x in frames))


def read_pcap(path):
    with open(path, "rb") as f:
        data = f.read()
    frames, at = [], len(PCAP_HEAD)
    while at < len(data):
        length = struct.unpack_from("=I", data, at + 8)[0]
        frames.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return frames
