-- SPDX-License-Identifier: BSD-3-Clause
-- One row of scripts/loadtest for Pktgen-DPDK: replays the frames given with -s 0:FILE at LOAD_RATE percent for LOAD_MS.
-- LOAD_STARTED names a file that is made when sending has begun.

local port = "0"

pktgen.screen("off")
pktgen.set(port, "count", 0)
pktgen.set(port, "rate", tonumber(os.getenv("LOAD_RATE") or "100"))
pktgen.pcap(port, "on")
pktgen.start(port)
local started = os.getenv("LOAD_STARTED")
if started then
	io.open(started, "w"):close()
end
pktgen.sleep(math.ceil(tonumber(os.getenv("LOAD_MS") or "5000") / 1000))
pktgen.stop(port)
pktgen.quit()
