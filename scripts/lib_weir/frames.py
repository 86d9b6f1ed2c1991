# SPDX-License-Identifier: BSD-3-Clause
"""Frames for load tests, as a pcap file that a generator replays without end."""
import random
import struct

IMIX = [(64, 7), (594, 4), (1518, 1)]       # the common mix, and how many of each in 12; sizes without FCS here


def frame(src, dst, dscp, ident, size):
    """-> an IPv4 UDP frame of 'size' bytes, without FCS."""
    ip_length, udp_length = size - 14, size - 34
    header = struct.pack("!BBHHHBBHII", 0x45, dscp << 2, ip_length, ident & 0xffff, 0, 64, 17, 0,
                         0x0a000001 + (ident & 0xff), 0x0a010001)
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    header = header[:10] + struct.pack("!H", ~total & 0xffff) + header[12:]
    udp = struct.pack("!HHHH", 1024 + (ident & 0x3ff), 9, udp_length, 0)
    return (dst + src + b"\x08\x00" + header + udp).ljust(size, b"\0")


def mac_bytes(text, plus=0):
    """'02:00:00:00:00:01' -> bytes, the last four counted up by 'plus'."""
    raw = bytes.fromhex(text.replace(":", ""))
    return raw[:2] + struct.pack("!I", (struct.unpack("!I", raw[2:])[0] + plus) & 0xffffffff)


def sizes_of(size, count):
    """-> 'count' sizes: all the same, or 'imix' shuffled (the same every time)."""
    if size != "imix":
        return [int(size)] * count
    mix = [length for length, share in IMIX for _ in range(share)]
    sizes = (mix * (count // len(mix) + 1))[:count]
    random.Random(1).shuffle(sizes)
    return sizes


def write_pcap(path, src, first_dst, size, n_macs, n_dscps, count=1020):
    """Sizes are pkt_len: without FCS. n_macs destinations from 'first_dst' on, n_dscps code points from 0 on."""
    with open(path, "wb") as file:
        file.write(struct.pack("!IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for ident, length in enumerate(sizes_of(size, count)):
            data = frame(mac_bytes(src), mac_bytes(first_dst, ident % n_macs), ident % n_dscps, ident, length)
            file.write(struct.pack("!IIII", 0, 0, len(data), len(data)) + data)
