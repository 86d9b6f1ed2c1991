-- SPDX-License-Identifier: BSD-3-Clause
-- For Pktgen-DPDK by hand: 64-byte frames of one VM to LOAD_MACS destinations with LOAD_DSCPS code points, until stopped.
-- (Pktgen's sizes count the FCS, weir's do not: 68 here is 64 there.)

local port = "0"
local macs = tonumber(os.getenv("LOAD_MACS") or "16")
local dscps = tonumber(os.getenv("LOAD_DSCPS") or "64")

-- The way Pktgen reads a MAC.
local function mac(value)
	return string.format("%04x:%04x:%04x", (value >> 32) & 0xffff, (value >> 16) & 0xffff, value & 0xffff)
end

local function range(of, start, last, step)
	of(port, "start", start)
	of(port, "min", start)
	of(port, "max", last)
	of(port, "inc", step)
end

local vm, far = 0x020000000001, 0x020001000000
range(pktgen.range.src_mac, mac(vm), mac(vm), mac(0))
range(pktgen.range.dst_mac, mac(far), mac(far + macs - 1), mac(macs > 1 and 1 or 0))
range(pktgen.range.tos, 0, (dscps - 1) * 4, dscps > 1 and 4 or 0)
range(pktgen.range.pkt_size, 68, 68, 0)
pktgen.set_range(port, "on")
pktgen.set(port, "count", 0)
pktgen.start(port)
