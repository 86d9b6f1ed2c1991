/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said about a config that may not be: every mistake of every pass, at once. */
#include <string.h>

#include "conf.h"
#include "unit.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_SAYS      12

/* Six lines of a good config; what follows is in [vf a] on vf0, from line 7. */
#define GOOD "[port pf0]\nrole = pf\n[port vf0]\n[port vf1]\n[vf a]\nport = vf0\n"

static struct why why;

static struct conf *parse(const char *text)
{
	why_init(&why);
	return conf_parse("t.conf", text, strlen(text), &why);
}

/* A text and the starts of all messages it must get, in order, and no others. */
struct mistake {
	const char *text;
	const char *says[MAX_SAYS];
};

#define NIC_VF "[port 0000:03:00.0]\nrole = pf\n[port 0000:03:00.0_representor_vf1]\n[vf a]\nport = 0000:03:00.0_representor_vf1\n"

static const struct mistake mistakes[] = {
	/* The whole */
	{"", {"t.conf: no PF: wanted one [port DEVICE] with role = pf, the uplink"}},
	{"[port a]\nrole=pf\n[port b]\nrole=pf\n",
		{"t.conf:4: [port b] is a second PF: [port a] at line 1 is one, wanted one"}},
	{GOOD "[vm x]\n[foo]\n", {"t.conf:7: unknown section [vm]: wanted [switch], [port DEVICE], [vf "
				  "NAME], [tenant NAME], [classes], [allocator], [remote], [dscp NAME] or [mark NAME]; a VM with terms of its own "
				  "is a [tenant] of its VFs",
					 "t.conf:8: unknown section [foo]: wanted [switch], [port DEVICE], "
					 "[vf NAME], [tenant NAME], [classes], [allocator], [remote], [dscp NAME] or [mark NAME]"}},
	{GOOD "[vf a]\nport = vf1\ntx.weight = 0\n",
		{"t.conf:7: section [vf a] again: the first is at line 5, wanted once",
			"t.conf:9: tx.weight = 0: wanted a weight, from 1 to 1000"}},
	{GOOD "[port pf0]\nrole = pf\n",
		{"t.conf:7: section [port pf0] again: the first is at line 1, wanted once"}},
	{GOOD "port = vf1\n", {"t.conf:7: port again: the first is at line 6, wanted once in a section"}},
	{GOOD "[switch x]\n[vf]\n[port]\n[vf a-b]\nport=vf1\n[vf "
	      "x123456789012345678901234567890123]\nport=vf1\n",
		{"t.conf:7: [switch x]: wanted [switch], without a name",
			"t.conf:8: [vf ]: wanted a name of 1 to 32 letters, digits and _",
			"t.conf:9: [port ]: wanted an ethdev's name such as net_vhost0 or 0000:03:00.0",
			"t.conf:10: [vf a-b]: wanted a name",
			"t.conf:12: [vf x123456789012345678901234567890123]: wanted a name"}},
	{GOOD "tx.max_bps = 400Mbit\ntx.min_bps = 400 Mbps\ntx.max_pps = 10kpps\nrx.max_bps = 5MB/s\ntx.weight = 2000\nqueue = 1 k\n",
		{"t.conf:7: tx.max_bps = 400Mbit: wanted bits per second such as 150M (none: leave it out), from 1000 to 10T; write 400M",
			"t.conf:8: tx.min_bps = 400 Mbps: wanted bits per second such as 150M (none: leave it out), from 1000 to 10T; write 400M",
			"t.conf:9: tx.max_pps = 10kpps: wanted packets per second such as 20k (none: leave it out), from 1 to 10G; write 10k",
			"t.conf:10: rx.max_bps = 5MB/s: wanted bits per second such as 150M (none: leave it out), from 1000 to 10T",
			"t.conf:11: tx.weight = 2000: wanted a weight, from 1 to 1000", "t.conf:12: queue = 1 k: wanted "}},
	/* Congestion beyond the uplink */
	{GOOD "remote = yes\necho = classic\n",
		{"t.conf:7: remote = yes, but there is no [remote]: wanted that section too, or no such key",
			"t.conf:8: echo says something to [remote] only: wanted that section too, or no such key"}},
	{GOOD "remote = no\necho = dctcp\n[remote]\nperiod = 1us\nbottleneck = 1k\ngain = 0\n",
		{"t.conf:10: period = 1us: wanted a time such as 1ms, from 10us to 1s",
			"t.conf:11: bottleneck = 1k: wanted auto or bits per second such as 100G, from 1M to 10T",
			"t.conf:12: gain = 0: wanted percent, from 1 to 100"}},
	/* Keys */
	{GOOD "[switch]\nplacment = auto\nzzzzzzz = 1\n",
		{"t.conf:8: unknown key placment in [switch]: wanted placement, perhaps",
			"t.conf:9: unknown key zzzzzzz in [switch]: wanted one of packet_capacity, "
			"guarantee_size, allow_overcommit, "
			"require_tenant, placement, turn_packets, turn_time, mbufs, drain_time, state"}},
	{GOOD "max_bps = 1G\ntx.maxbps = 1G\nvlna = 7\nrx.foobar = 1\nfoobar = 1\n",
		{"t.conf:7: unknown key max_bps in [vf]: wanted tx.max_bps or rx.max_bps, perhaps",
			"t.conf:8: unknown key tx.maxbps in [vf]: wanted tx.max_bps, perhaps",
			"t.conf:9: unknown key vlna in [vf]: wanted vlan, perhaps",
			"t.conf:10: unknown key rx.foobar in [vf]: wanted tx. or rx. with min_bps, max_bps, "
			"min_pps, max_pps, "
			"burst, weight, priority, basis, urgent_bps, urgent_pps, peak_bps, credit",
			"t.conf:11: unknown key foobar in [vf]: wanted port, mac, vlan, trunk, native, "
			"antispoof, broadcast_pps, queue, "
			"receive_queue, dscp_map, tenant, when_full, ecn, mark_above, remote, echo, or tx. or rx. with "
			"min_bps, max_bps, min_pps, max_pps, burst, weight, priority, basis, urgent_bps, "
			"urgent_pps, peak_bps, credit"}},
	/* Credits */
	{GOOD "tx.peak_bps = 1G\n", {"t.conf:7: tx.peak_bps without tx.credit: wanted both, or none"}},
	{GOOD "tx.max_bps = 1G\ntx.credit = 3600s\n", {"t.conf:5: tx.credit without tx.peak_bps: wanted both, or none"}},
	{GOOD "tx.credit = 60s\ntx.peak_bps = 1G\n",
		{"t.conf:8: tx.peak_bps without tx.max_bps: wanted the limit that credits go above"}},
	{GOOD "tx.credit = 60s\ntx.peak_bps = 1G\ntx.max_bps = 1G\n",
		{"t.conf:8: tx.peak_bps = 1G is not above tx.max_bps = 1G: wanted more than that"}},
	{GOOD "tx.credit = 10ms\ntx.peak_bps = 999\nrx.peak_bps = 1G\nrx.credit = 5s\ntenant = a\n[tenant a]\ntx.peak_bps = 1G\ntx.credit = 1s\n",
		{"t.conf:7: tx.credit = 10ms: wanted a time at max_bps such as 60s (none: leave it out), from 1s to ",
			"t.conf:8: tx.peak_bps = 999: wanted bits per second",
			"t.conf:9: rx.peak_bps: credits are for what a VF sends: wanted tx.peak_bps and tx.credit",
			"t.conf:10: rx.credit: credits are for what a VF sends",
			"t.conf:13: tx.peak_bps in [tenant]: credits are a VF's own: wanted it in the [vf] sections",
			"t.conf:14: tx.credit in [tenant]: credits are a VF's own"}},
	{GOOD "[classes]\nurgent = 5\nhigh = 0\nlow = 1001\n",
		{"t.conf:8: unknown key urgent in [classes]: wanted one of high, medium, low",
			"t.conf:9: high = 0: wanted a weight, from 1 to 1000",
			"t.conf:10: low = 1001: wanted a weight"}},
	/* Values */
	{GOOD "tx.max_bps = 10Gbs\ntx.min_bps = -5\nrx.max_bps = 0\ntx.urgent_bps = "
	      "99999999999999999999\nrx.max_pps = 0.5k5\n",
		{"t.conf:7: tx.max_bps = 10Gbs: wanted bits per second such as 150M (none: leave it out), "
		 "from 1000 to 10T",
			"t.conf:8: tx.min_bps = -5: wanted bits per second",
			"t.conf:9: rx.max_bps = 0: wanted bits per second",
			"t.conf:10: tx.urgent_bps = 99999999999999999999: wanted bits per second",
			"t.conf:11: rx.max_pps = 0.5k5: wanted packets per second such as 20k (none: leave "
			"it out), from 1 to 10G"}},
	{GOOD "tx.min_pps = 0\ntx.max_pps = 11G\ntx.priority = 8\nrx.weight = 1001\ntx.burst = 5\nrx.burst = "
	      "11s\n",
		{"t.conf:7: tx.min_pps = 0: wanted", "t.conf:8: tx.max_pps = 11G: wanted",
			"t.conf:9: tx.priority = 8: wanted a priority (0 is served first), from 0 to 7",
			"t.conf:10: rx.weight = 1001: wanted a weight, from 1 to 1000",
			"t.conf:11: tx.burst = 5: wanted auto or a time such as 1ms, from 1us to 10s",
			"t.conf:12: rx.burst = 11s: wanted"}},
	{GOOD "antispoof = maybe\nbroadcast_pps = -1\nqueue = 0\nreceive_queue = x\ndscp_map = nope\n",
		{"t.conf:7: antispoof = maybe: wanted no or yes",
			"t.conf:8: broadcast_pps = -1: wanted packets per second",
			"t.conf:9: queue = 0: wanted packets, from 8 to 65536",
			"t.conf:10: receive_queue = x: wanted packets",
			"t.conf:11: dscp_map = nope: there is no such map: wanted the name of a [dscp "
			"NAME]"}},
	{GOOD "dscp_map =\n[vf b]\nport =\n", {"t.conf:7: dscp_map = : wanted the name of a [dscp]",
						      "t.conf:9: port = : wanted the device of a [port]"}},
	{GOOD "[switch]\nplacement = both\nturn_time = 50\nguarantee_size = 10\nmbufs = "
	      "many\nallow_overcommit = 1\n",
		{"t.conf:8: placement = both: wanted auto or single or split",
			"t.conf:9: turn_time = 50: wanted a time such as 50us, from 1us to 10ms",
			"t.conf:10: guarantee_size = 10: wanted bytes of a packet, from 60 to 9216",
			"t.conf:11: mbufs = many: wanted auto or a number of buffers",
			"t.conf:12: allow_overcommit = 1: wanted no or yes"}},
	/* Ports */
	{GOOD "[port x]\nrole = uplink\nmtu = 20\nqueues = 0\nlink_basis = l3\nnuma = -1\nrx_lcore = "
	      "128\ntrusted = yes\n",
		{"t.conf:8: role = uplink: wanted pf or vf", "t.conf:9: mtu = 20: wanted",
			"t.conf:10: queues = 0: wanted", "t.conf:11: link_basis = l3: wanted l2 or wire",
			"t.conf:12: numa = -1: wanted auto or a NUMA node",
			"t.conf:13: rx_lcore = 128: wanted auto or an lcore, from 0 to 127",
			"t.conf:14: trusted = yes means nothing on x: wanted it on net_memif ports only"}},
	{GOOD "[port net_tap0]\ncsum = fix\n[port x]\ncsum = yes\n",
		{"t.conf:10: csum = yes: wanted keep or fix",
			"t.conf:8: csum = fix means nothing on net_tap0, whose frames come with whole checksums: wanted "
			"it on net_af_packet ports only"}},
	{GOOD "[port x]\nbroadcast_pps = 5\n[port a|b]\n",
		{"t.conf:9: [port a|b]: wanted an ethdev's name",
			"t.conf:8: broadcast_pps is for the PF: wanted it in the [vf] sections of port x"}},
	{GOOD "[vf b]\n[vf c]\nport = nope\n[vf d]\nport = pf0\n",
		{"t.conf:7: [vf b] has no port: wanted port = vf0, vf1",
			"t.conf:9: port = nope: there is no such [port]: wanted vf0, vf1",
			"t.conf:11: port = pf0 is the PF: wanted vf0, vf1"}},
	{"[port pf0]\nrole = pf\n[vf a]\nport = pf0\n",
		{"t.conf:4: port = pf0 is the PF: wanted a [port] with role = vf"}},
	{"[port net_memif0]\nrole = pf\n[port net_memif1]\n[vf a]\nport = net_memif1\n",
		{"t.conf:5: [vf a] is on net_memif1, and DPDK does not validate what a memif peer writes "
		 "into its descriptors: "
		 "that peer is as trusted as weir itself; wanted trusted = yes in [port net_memif1] at line "
		 "3, or a net_vhost port"}},
	/* SLAs */
	{GOOD "tx.min_bps = 200M\ntx.max_bps = 100M\ntx.max_pps = 10\ntx.min_pps = 11\n",
		{"t.conf:7: tx.min_bps = 200M is above tx.max_bps = 100M (line 8): wanted at most that",
			"t.conf:10: tx.min_pps = 11 is above tx.max_pps = 10 (line 9): wanted at most that"}},
	{GOOD "rx.urgent_bps = 2M\nrx.max_bps = 1M\nrx.urgent_pps = 20\nrx.max_pps = 10\n",
		{"t.conf:7: rx.urgent_bps = 2M is above rx.max_bps = 1M (line 8): wanted at most that",
			"t.conf:9: rx.urgent_pps = 20 is above rx.max_pps = 10 (line 10): wanted at most "
			"that"}},
	{GOOD "rx.min_bps = 1M\nrx.min_pps = 1\n", {"t.conf:7: rx.min_bps: nothing enforces a guarantee on a "
						    "VF's own port yet: wanted tx.min_* or rx.max_*",
							   "t.conf:8: rx.min_pps: nothing enforces"}},
	{GOOD "tx.basis = l3\nrx.basis = phy\ntx.burst = 0\n",
		{"t.conf:7: tx.basis = l3: wanted l2 or wire", "t.conf:8: rx.basis = phy: wanted l2 or wire",
			"t.conf:9: tx.burst = 0: wanted auto or a time"}},
	/* Congestion */
	{GOOD "when_full = block\necn = maybe\nmark_above = 5\n[vf b]\nport = vf1\nmark_above = 2s\n",
		{"t.conf:7: when_full = block: wanted hold or drop", "t.conf:8: ecn = maybe: wanted no or yes",
			"t.conf:9: mark_above = 5: wanted auto or a time such as 1ms, from 10us to 1s",
			"t.conf:12: mark_above = 2s: wanted"}},
	{GOOD "ecn = no\nmark_above = 2ms\n",
		{"t.conf:8: mark_above with ecn = no (line 7): nothing is marked, wanted one of them"}},
	{NIC_VF "when_full = hold\n",
		{"t.conf:6: when_full = hold, but 0000:03:00.0_representor_vf1 is a NIC's: what is not read in time its ring drops, "
			"whatever it is: wanted when_full = drop"}},
	{GOOD "mac = 02:00:00:00:00:01\nwhen_full = hold\n[vf b]\nport = vf0\nmac = 02:00:00:00:00:02\n",
		{"t.conf:8: when_full = hold, but 2 VFs share vf0 and one cannot be held without the others: "
		 "wanted when_full = drop, or a port of its own"}},
	/* Tenants: names and keys */
	{GOOD "tenant = nope\n",
		{"t.conf:7: tenant = nope: there is no such [tenant]: wanted a [tenant NAME]"}},
	{GOOD "tenant =\n", {"t.conf:7: tenant = : wanted the name of a [tenant]"}},
	{GOOD "tenant = gold\n[tenant gold]\nparent = lead\n[tenant bronze]\n[vf b]\nport = vf1\n"
	      "tenant = x123456789012345678901234567890123456789\n",
		{"t.conf:9: parent = lead: there is no such [tenant]: wanted gold, bronze",
			"t.conf:13: tenant = x123456789012345678901234567890123456789: there is no such [tenant]"}},
	{GOOD "tenant = a\n[tenant a]\n[tenant a]\ntx.max_bps = -1\n[tenant]\n[tenant b-c]\n",
		{"t.conf:9: section [tenant a] again: the first is at line 8, wanted once",
			"t.conf:10: tx.max_bps = -1: wanted bits per second",
			"t.conf:11: [tenant ]: wanted a name of 1 to 32 letters",
			"t.conf:12: [tenant b-c]: wanted a name of 1 to 32 letters"}},
	{GOOD "tenant = a\ntenant = b\n[tenant a]\nparent = c\nparent = c\n[tenant c]\n[tenant b]\n",
		{"t.conf:8: tenant again: the first is at line 7, wanted once in a section",
			"t.conf:11: parent again: the first is at line 10, wanted once in a section"}},
	{GOOD "tenant = a\n[tenant a]\nmin_bps = 1G\nparnt = b\ntx.maxbps = 1\ntx.zzzzzz = 1\nzzzzzzz = 1\n"
	      "tx.urgent_bps = 1M\ntx.urgent_pps = 1\nrx.max_bps = 1G\nrx.foo = 1\n",
		{"t.conf:9: unknown key min_bps in [tenant]: wanted tx.min_bps, perhaps",
			"t.conf:10: unknown key parnt in [tenant]: wanted parent, perhaps",
			"t.conf:11: unknown key tx.maxbps in [tenant]: wanted tx.max_bps, perhaps",
			"t.conf:12: unknown key tx.zzzzzz in [tenant]: wanted tx. with min_bps, max_bps, min_pps, "
			"max_pps, burst, weight, priority, basis",
			"t.conf:13: unknown key zzzzzzz in [tenant]: wanted parent, or tx. with min_bps, max_bps, "
			"min_pps, max_pps, burst, weight, priority, basis",
			"t.conf:14: tx.urgent_bps in [tenant]: urgent packets go first by what their VF was sold: "
			"wanted it in the [vf] sections",
			"t.conf:15: tx.urgent_pps in [tenant]: urgent",
			"t.conf:16: rx.max_bps in [tenant]: nothing enforces what all VFs of a tenant receive "
			"together yet: wanted tx.*, or rx.* in their [vf] sections",
			"t.conf:17: rx.foo in [tenant]: nothing enforces"}},
	{GOOD "tenant = a\n[tenant a]\ntx.min_bps = 0\ntx.max_bps = 99999999999999999999\ntx.min_pps = -1\n"
	      "tx.max_pps = 11G\ntx.weight = 1001\ntx.priority = 8\ntx.burst = 1\ntx.basis = l3\nparent =\n",
		{"t.conf:9: tx.min_bps = 0: wanted bits per second",
			"t.conf:10: tx.max_bps = 99999999999999999999: wanted", "t.conf:11: tx.min_pps = -1: wanted",
			"t.conf:12: tx.max_pps = 11G: wanted", "t.conf:13: tx.weight = 1001: wanted a weight",
			"t.conf:14: tx.priority = 8: wanted a priority", "t.conf:15: tx.burst = 1: wanted auto or",
			"t.conf:16: tx.basis = l3: wanted l2 or wire",
			"t.conf:17: parent = : wanted the name of a [tenant]"}},
	{GOOD "tenant = a\n[tenant a]\ntx.min_bps = 2M\ntx.max_bps = 1M\ntx.max_pps = 5\ntx.min_pps = 6\n",
		{"t.conf:9: tx.min_bps = 2M is above tx.max_bps = 1M (line 10): wanted at most that",
			"t.conf:12: tx.min_pps = 6 is above tx.max_pps = 5 (line 11): wanted at most that"}},
	{GOOD "tenant = a\n[vf b]\nport = vf1\n[switch]\nrequire_tenant = yes\n[tenant a]\n",
		{"t.conf:8: [vf b] is in no tenant, and [switch] says require_tenant = yes: wanted tenant = a"}},
	{GOOD "[switch]\nrequire_tenant = yes\n",
		{"t.conf:5: [vf a] is in no tenant, and [switch] says require_tenant = yes: wanted tenant = "
		 "NAME, and a [tenant NAME]"}},
	/* Tenants: who is in whom */
	{GOOD "tenant = a\n[tenant a]\nparent = a\n",
		{"t.conf:9: [tenant a] is its own parent: a < a: wanted parents that end at one without"}},
	{GOOD "tenant = d\n[tenant a]\nparent = b\n[tenant b]\nparent = c\n[tenant c]\nparent = a\n"
	      "[tenant d]\nparent = a\n[vf b]\nport = vf1\ntenant = b\n[vf c]\nport = vf1\n"
	      "mac = 02:00:00:00:00:03\ntenant = c\n",
		{"t.conf:16: [vf b] has no mac",
			"t.conf:9: [tenant a] is its own parent: a < b < c < a: wanted parents"}},
	{GOOD "tenant = a\n[vf b]\nport = vf1\ntenant = d\n[tenant a]\nparent = b\n[tenant b]\nparent = a\n"
	      "[tenant c]\nparent = d\n[tenant d]\nparent = c\n",
		{"t.conf:12: [tenant a] is its own parent: a < b < a",
			"t.conf:16: [tenant c] is its own parent: c < d < c"}},
	{GOOD "tenant = f\n[tenant f]\nparent = e\n[tenant e]\nparent = d\n[tenant d]\nparent = c\n[tenant c]\n"
	      "parent = b\n[tenant b]\nparent = a\n[tenant a]\n",
		{"t.conf:11: [tenant e] is 5 deep: e < d < c < b < a: wanted at most 4 tenants, one in the other"}},
	/* Tenants: sums */
	{GOOD "tenant = a\ntx.min_bps = 600M\n[vf b]\nport = vf1\ntenant = a\ntx.urgent_bps = 500M\n[tenant a]\n"
	      "tx.max_bps = 1G\n",
		{"t.conf:13: [tenant a]: guarantees of its members add up to 1.1G bits/s where its limit is 1G, and "
		 "to 91.666k packets/s where it is none: wanted both within, or allow_overcommit = yes in "
		 "[switch]"}},
	{GOOD "tenant = b\ntx.min_pps = 6k\ntx.min_bps = 1M\n[vf b]\nport = vf1\ntenant = a\ntx.min_pps = 5k\n"
	      "tx.min_bps = 1M\n[tenant b]\nparent = a\ntx.min_pps = 9k\ntx.min_bps = 1M\n[tenant a]\n"
	      "tx.max_pps = 12k\n",
		{"t.conf:19: [tenant a]: guarantees of its members add up to 2M bits/s where its limit is none, and "
		 "to 14k packets/s where it is 12k"}},
	/* MACs */
	{GOOD "mac = 02:00:00:00:00:0g\n[vf b]\nport = vf1\nmac = 02:00:00:00:00\n",
		{"t.conf:7: mac = 02:00:00:00:00:0g: wanted up to 8 addresses such as 02:00:00:00:00:01, "
		 "separated by commas",
			"t.conf:10: mac = 02:00:00:00:00: wanted up to 8 addresses"}},
	{GOOD "mac = 2:0:0:0:0:1\n", {"t.conf:7: mac = 2:0:0:0:0:1: wanted up to 8"}},
	{GOOD "mac = 02:00:00:00:00:01,\n", {"t.conf:7: mac = 02:00:00:00:00:01,: wanted up to 8"}},
	{GOOD "mac = 02:00:00:00:00:01 02:00:00:00:00:02\n", {"t.conf:7: mac = "}},
	{GOOD "mac = 0:\n", {"t.conf:7: mac = 0:: wanted"}},
	{GOOD "mac = 02::00:00:00:00:01,02:00:00:00:00:02\n", {"t.conf:7: mac = "}},
	{GOOD "mac = 00:00:00:00:00:00, 03:00:00:00:00:01, ff:ff:ff:ff:ff:ff\n",
		{"t.conf:7: mac = 00:00:00:00:00:00 is no station's: wanted an address that is not zero",
			"t.conf:7: mac = 03:00:00:00:00:01 is a group's: wanted a station's, with an even "
			"first byte",
			"t.conf:7: mac = ff:ff:ff:ff:ff:ff is a group's"}},
	{GOOD "mac = 02:00:00:00:00:01\n[vf b]\nport = vf1\nmac = 02:00:00:00:00:02,02:00:00:00:00:01\n",
		{"t.conf:10: mac = 02:00:00:00:00:01 of [vf b] is [vf a]'s too (line 7), in VLAN 0: wanted "
		 "an address once a VLAN"}},
	{GOOD "mac = 02:00:00:00:00:0A, 02:00:00:00:00:0a\n",
		{"t.conf:7: mac = 02:00:00:00:00:0a is in the list of [vf a] twice: wanted it once"}},
	{GOOD "mac = 02:00:00:00:00:01\ntrunk = 5-9\n[vf b]\nport = vf1\nmac = 02:00:00:00:00:01\nvlan = 7\n",
		{"t.conf:11: mac = 02:00:00:00:00:01 of [vf b] is [vf a]'s too (line 7), in VLAN 7"}},
	{GOOD "[vf b]\nport = vf0\nmac = 02:00:00:00:00:01\n",
		{"t.conf:5: [vf a] has no mac, and vf0 has 2 VFs: wanted mac = ADDRESS to tell them apart"}},
	{GOOD "antispoof = yes\n",
		{"t.conf:7: antispoof = yes without mac: wanted mac = ADDRESS, what it may send from"}},
	{GOOD "mac = 02:00:00:00:00:01\nvlan = 1\n[vf b]\nport = vf1\nmac = 02:00:00:00:00:01\nvlan = 2\n"
	      "[vf c]\nport = vf1\nmac = 02:00:00:00:00:01\nvlan = 1\n",
		{"t.conf:15: mac = 02:00:00:00:00:01 of [vf c] is [vf a]'s too (line 7), in VLAN 1"}},
	{GOOD "mac = 02:00:00:00:00:01\nvlan = 1\n[vf b]\nport = vf0\nmac = 02:00:00:00:00:01\nvlan = 2\n",
		{"t.conf:11: mac = 02:00:00:00:00:01 is [vf a]'s and [vf b]'s, and both send frames without a tag"}},
	{GOOD "mac = 02:00:00:00:00:01\n[vf b]\nport = vf0\nmac = 02:00:00:00:00:01\ntrunk = 2\nnative = 3\n",
		{"t.conf:10: mac = 02:00:00:00:00:01 is [vf a]'s and [vf b]'s, and both send frames without a tag"}},
	/* VLANs */
	{GOOD "vlan = 4095\n[vf b]\nport = vf1\nvlan = 0\n",
		{"t.conf:7: vlan = 4095: wanted a VLAN, from 1 to 4094",
			"t.conf:10: vlan = 0: wanted a VLAN"}},
	{GOOD "vlan = 1\ntrunk = 2\n",
		{"t.conf:8: trunk and vlan (line 7) exclude each other: wanted vlan, or trunk with native"}},
	{GOOD "native = 5\n",
		{"t.conf:7: native without trunk: wanted trunk = VLANs beside it, or vlan = 5"}},
	{GOOD "trunk = 1-10\nnative = 5\n",
		{"t.conf:8: native = 5 is in trunk (line 7) too: wanted it in one of them"}},
	{GOOD "trunk = 30-20\n",
		{"t.conf:7: trunk = 30-20: wanted VLANs such as 10,20-30, each once and from 1 to 4094"}},
	{GOOD "trunk = 1-5,5\n", {"t.conf:7: trunk = 1-5,5: wanted VLANs"}},
	{GOOD "trunk = 0\n", {"t.conf:7: trunk = 0: wanted VLANs"}},
	{GOOD "trunk = 4000-4095\n", {"t.conf:7: trunk = 4000-4095: wanted VLANs"}},
	{GOOD "trunk = 1,\n", {"t.conf:7: trunk = 1,: wanted VLANs"}},
	{GOOD "trunk =\n", {"t.conf:7: trunk = : wanted VLANs"}},
	/* Many kinds together, from all passes */
	{"stray = 1\n[port pf0]\nrole = pf\nrate = 1G\n[port vf0]\n[vf a]\nport = vf0\ntx.min_bps = "
	 "600M\n[vf b]\nport = "
	 "vf7\ntx.min_bps = 600M\nvlan = 5000\n[vf c]\nport = vf0\nmac = 02:00:00:00:00:01\ntx.max_bps = "
	 "1k\ntx.urgent_bps = "
	 "2k\n[vf c]\nbogus = 1\n",
		{"t.conf:1: stray stands before the first section",
			"t.conf:18: section [vf c] again: the first is at line 13, wanted once",
			"t.conf:12: vlan = 5000: wanted",
			"t.conf:19: unknown key bogus in [vf]: wanted port, mac",
			"t.conf:10: port = vf7: there is no such [port]: wanted vf0",
			"t.conf:17: tx.urgent_bps = 2k is above tx.max_bps = 1k (line 16)",
			"t.conf:6: [vf a] has no mac, and vf0 has 2 VFs",
			"t.conf:9: [vf b] does not fit: guarantees (the larger of tx.min and tx.urgent of each VF) add up to "
			"1.200002G of 1G bits/s: wanted at most that, or allow_overcommit = yes in [switch]"}},
};

static bool is_told(const char *says)
{
	for (int i = 0; i < why.n; i++) {
		if (strncmp(why.text[i], says, strlen(says)) == 0)
			return true;
	}
	return false;
}

START_TEST(all_mistakes_are_told_with_line_and_what_was_wanted)
{
	const struct mistake *m = &mistakes[_i];
	int n = 0;

	ck_assert_ptr_null(parse(m->text));
	for (; n < MAX_SAYS && m->says[n] != NULL; n++)
		ck_assert_msg(is_told(m->says[n]), "case %d: not told: %s\nbut: %s", _i, m->says[n], why.text[0]);
	ck_assert_msg(why.n == n, "case %d: told beside: %s", _i, why.text[n]);
	for (int i = 1; i < why.n; i++)
		ck_assert_msg(why.line[i] >= why.line[i - 1], "case %d: not from top to bottom: %s", _i, why.text[i]);
}
END_TEST

START_TEST(what_cannot_be_opened_is_told_and_nothing_else)
{
	why_init(&why);
	ck_assert_ptr_null(conf_load("/nonexistent/weir.conf", &why));
	ck_assert_int_eq(why.n, 1);
	ck_assert_str_eq(why.text[0], "/nonexistent/weir.conf: No such file or directory: wanted a file that can be read");
}
END_TEST

/* ---- What is none, and yet to be told ---- */

#define TWO_TENANTS "[port pf]\nrole = pf\n[port v]\n[port w]\n[vf a]\nport = v\nmac = 02:00:00:00:00:01\ntenant = in\n" \
	"[vf b]\nport = v\nmac = 02:00:00:00:00:02\n[vf c]\nport = w\ntenant = lab\n"	/* 14 lines */

/* Broken by: a warning for every VF whose port is shared; tenants that are looked at without those they are in; one for every
 * queue below 32, whatever the limit. */
static const struct mistake warnings[] = {
	{GOOD "[vf b]\nport = vf1\n", {NULL}},
	{"[port pf0]\nrole = pf\n[port vf0]\nspare = 2\n[vf a]\nport = vf0\nmac = 02:00:00:00:00:01\n",
		{"t.conf:5: [vf a] is alone on vf0, but drops what it sends too much (when_full = drop): spare = 2 keeps places for "
			"others there, and a port that may be shared cannot be held; wanted spare = 0 in [port vf0], or when_full = drop "
			"in [vf a] if that is meant"}},
	{"[port pf0]\nrole = pf\n[port vf0]\nspare = 2\n[vf a]\nport = vf0\nmac = 02:00:00:00:00:01\nwhen_full = drop\n", {NULL}},
	{"[port pf0]\nrole = pf\n[port vf0]\nspare = 2\n[vf a]\nport = vf0\nmac = 02:00:00:00:00:01\n"
	 "[vf b]\nport = vf0\nmac = 02:00:00:00:00:02\n", {NULL}},
	{GOOD "tx.min_pps = 100k\ntx.max_bps = 1M\nrx.max_pps = 1k\n",
		{"t.conf:5: [vf a] tx.min_pps = 100k takes 48M bits/s with the shortest packets (60 bytes), more than tx.max_bps = 1M lets it "
			"have"}},
	{GOOD "tx.max_pps = 1k\ntx.min_bps = 74M\n",
		{"t.conf:5: [vf a] tx.min_bps = 74M is more than tx.max_pps = 1k carries with the longest packets (9216 bytes), 73.728M "
			"bits/s"}},
	{GOOD "tx.min_pps = 2k\ntx.max_bps = 1M\ntx.max_pps = 3k\n", {NULL}},
	{GOOD "tx.urgent_bps = 20M\n",
		{"t.conf:5: [vf a] is sold urgent packets, but when it sends too much it is held (when_full = hold): they wait in its own "
			"ring behind the others, and are refused there when it is full; wanted when_full = drop in [vf a]"}},
	{GOOD "tx.urgent_bps = 20M\nwhen_full = drop\n", {NULL}},
	{GOOD "remote = no\n",
		{"t.conf:5: [vf a] remote = no does nothing: there is no [remote], which would look after it; wanted that section too, or no "
			"such key (weirctl set a remote none)"}},
	{GOOD "remote = no\n[remote]\n", {NULL}},
	{GOOD "tx.min_pps = 96k\n[switch]\npacket_capacity = 100k\n",
		{"t.conf:1: [port pf0] is the uplink, and of 100k packets/s that the core can move (packet_capacity) VFs are guaranteed "
			"96k: when all of them send"}},
	{GOOD "tx.min_pps = 95k\n[switch]\npacket_capacity = 101k\n", {NULL}},
	{NIC_VF, {"t.conf:4: [vf a] is on 0000:03:00.0_representor_vf1, a NIC's port, which drops by itself what is not read in time, "
		"so weir reads on and drops what [vf a] sends too much, its least important packets first (when_full = drop); wanted "
		"when_full = drop in [vf a] if that is meant"}},
	{NIC_VF "when_full = drop\n", {NULL}},
	{TWO_TENANTS "[tenant lab]\ntx.min_pps = 5k\n[tenant in]\nparent = lab\n",
		{"t.conf:15: [tenant lab] is guaranteed 5000 packets/s, its VFs by themselves 0; but [vf a] is on v with [vf b], which is "
			"not in it: where the core is short"}},
	{TWO_TENANTS "[tenant in]\ntx.min_bps = 12M\n[tenant lab]\ntx.min_pps = 5k\n",
		{"t.conf:15: [tenant in] is guaranteed 1000 packets/s, its VFs by themselves 0; but [vf a] is on v with [vf b]"}},
	{GOOD "[vf b]\nport = vf1\nqueue = 16\n",
		{"t.conf:7: [vf b] has room for 16 packets (queue), less than a burst of 32: with short frames they are sent before more "
			"are read, and its weight is not kept; wanted queue = 32 or more"}},
	{GOOD "[vf b]\nport = vf1\nqueue = 16\ntx.max_bps = 200M\n", {NULL}},
	{GOOD "[vf b]\nport = vf1\nqueue = 32\n", {NULL}},
	{GOOD "[dscp gold]\ndefault = low\n[dscp used]\ndefault = low\n[vf b]\nport = vf1\ndscp_map = used\n",
		{"t.conf:7: [dscp gold] is no VF's, so it says nothing; wanted dscp_map = gold in a [vf], or weirctl dscp VF map gold later"}},
	{TWO_TENANTS "tx.min_pps = 5k\n[tenant lab]\ntx.min_pps = 5k\n[tenant in]\nparent = lab\n", {NULL}},	/* sold to c */
	{TWO_TENANTS "[tenant lab]\ntx.max_pps = 5k\n[tenant in]\n", {NULL}},
};

START_TEST(what_holds_otherwise_than_one_may_think_is_warned_of)
{
	const struct mistake *m = &warnings[_i];
	struct conf *conf = parse(m->text);
	int n = 0;

	ck_assert_msg(conf != NULL, "case %d: %s", _i, why.text[0]);
	why_init(&why);
	conf_warn(conf, &why);
	for (; n < MAX_SAYS && m->says[n] != NULL; n++)
		ck_assert_msg(is_told(m->says[n]), "case %d: not told: %s\nbut: %s", _i, m->says[n], why.text[0]);
	ck_assert_msg(why.n == n, "case %d: told beside: %s", _i, why.text[n]);
	conf_destroy(conf);
}
END_TEST

/* ---- The manual ---- */

static char *read_manual(void)
{
	char *text = calloc(1, 1 << 17);
	FILE *f = fopen(WEIR_CONFIG_DIR "/../doc/weir.conf.5", "r");

	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(text, 1, (1 << 17) - 1, f), 0);
	fclose(f);
	return text;
}

/* The reader names its own keys when it meets one it does not know. */
START_TEST(the_manual_has_every_key)
{
	static const struct {
		const char *text, *section, *prefix;
	} kinds[] = {
		{"[switch]\n@@@@@@@@=1\n", ".Sh [switch]", ""},
		{"[port x]\n@@@@@@@@=1\n", ".Sh [port DEVICE]", ""},
		{"[vf x]\n@@@@@@@@=1\n", ".Sh [vf NAME]", ""},
		{"[vf x]\ntx.@@@@@@@@=1\n", ".Sh [vf NAME]", "tx."},
		{"[tenant x]\n@@@@@@@@=1\n", ".Sh [tenant NAME]", ""},
		{"[tenant x]\ntx.@@@@@@@@=1\n", ".Sh [tenant NAME]", "tx."},
		{"[classes]\n@@@@@@@@=1\n", ".Sh [classes]", ""},
	};
	char *manual = read_manual();
	int n = 0;

	for (size_t i = 0; i < LENGTH(kinds); i++) {
		ck_assert_ptr_null(parse(kinds[i].text));
		char *list = strstr(why.text[0], ": wanted ") + strlen(": wanted ");
		char *section = strstr(manual, kinds[i].section);

		ck_assert_msg(section != NULL, "no %s", kinds[i].section);
		if (strstr(list, ", or tx.") != NULL)
			*strstr(list, ", or tx.") = '\0';
		if (strstr(list, " with ") != NULL)
			list = strstr(list, " with ") + strlen(" with ");
		if (strncmp(list, "one of ", 7) == 0)
			list += 7;
		for (char *key = strtok(list, ", "); key != NULL; key = strtok(NULL, ", "), n++) {
			char item[64];

			snprintf(item, sizeof(item), "\n.It Ic %s%s\n", kinds[i].prefix, key);
			ck_assert_msg(strstr(section, item) != NULL, "%s: no%s", kinds[i].section, item);
		}
	}
	ck_assert_int_eq(n, 10 + 14 + 16 + 12 + 1 + 8 + 3);
	free(manual);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("mistakes");
	TCase *tc = tcase_create("mistakes");

	tcase_add_loop_test(tc, all_mistakes_are_told_with_line_and_what_was_wanted, 0, LENGTH(mistakes));
	tcase_add_loop_test(tc, what_holds_otherwise_than_one_may_think_is_warned_of, 0, LENGTH(warnings));
	tcase_add_test(tc, what_cannot_be_opened_is_told_and_nothing_else);
	tcase_add_test(tc, the_manual_has_every_key);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
