/* SPDX-License-Identifier: BSD-3-Clause */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "group.h"

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, 'k'},
	{"allow-set", no_argument, NULL, 'a'},
	{"group", required_argument, NULL, 'g'},
	{"stats", required_argument, NULL, 's'},
	{"duration", required_argument, NULL, 'd'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

static const char help[] =
	"weir keeps every virtual machine to its SLA: a minimum and a maximum, in bits and in packets per second.\n"
	"It is a switch in user space between the VMs' virtual NICs (VFs) and the host's uplink (PF).\n"
	"\n"
	"  weir [EAL options] -- --config FILE [options]\n"
	"\n"
	"  --config FILE       ports, VFs and their SLAs (examples: config/ in the source)\n"
	"  --check             only read FILE, print what would hold and where it would run, and end (needs no rights)\n"
	"  --allow-set         let SLAs be changed and packets be captured while it runs: weirctl set, reload, capture (else\n"
	"                      they are refused)\n"
	"  --group NAME        let the members of this group in to the telemetry socket too, to ask, and with --allow-set to\n"
	"                      change (else weir's user alone)\n"
	"  --stats SECONDS     print a table of all VFs every SECONDS\n"
	"  --duration SECONDS  end after SECONDS (else by SIGINT or SIGTERM; a second signal ends it at once)\n"
	"  --help, --version\n"
	"\n"
	"EAL options, before the --, say which lcores and devices DPDK uses. The first lcore controls and mostly sleeps,\n"
	"each further one polls and needs a CPU of its own. The config names the devices by their EAL names:\n"
	"\n"
	"  three VMs by vhost-user and shared memory (memif) to another process as the uplink, without huge pages:\n"
	"    weir --lcores 0@0,1@1 --no-huge -m 512 --no-pci \\\n"
	"      --vdev net_vhost0,iface=/run/vm1.sock --vdev net_vhost1,iface=/run/vm2.sock \\\n"
	"      --vdev net_vhost2,iface=/run/vm3.sock \\\n"
	"      --vdev net_memif0,role=server,id=0,socket=/run/up.sock,socket-abstract=no \\\n"
	"      -- --config config/three-vms.conf\n"
	"  a kernel interface (af_packet) as the uplink:\n"
	"    weir --lcores 0@0,1@1 --no-huge -m 512 --no-pci --vdev net_vhost0,iface=/run/vm1.sock \\\n"
	"      --vdev net_af_packet0,iface=eth1 -- --config af-packet.conf\n"
	"  a NIC bound to vfio-pci (dpdk-devbind.py), with huge pages (dpdk-hugepages.py --setup 1G):\n"
	"    weir -l 0-2 -a 0000:3b:00.0 --vdev net_vhost0,iface=/run/vm1.sock,client=1 -- --config nic.conf\n"
	"\n"
	"While it runs: dpdk-telemetry.py (with -f PREFIX for EAL's --file-prefix=PREFIX), then /weir/vfs,\n"
	"/weir/vf,NAME, /weir/tenants, /weir/pf, /weir/ports, /weir/info, /weir/drops; or scripts/weirctl why NAME.\n"
	"Exit status: 0 ended well, 1 bad arguments or config, 2 EAL or a port failed, 3 buffers were lost.\n";

void args_help(FILE *out)
{
	fputs(help, out);
}

static bool read_seconds(const char *option, const char *text, unsigned int *seconds)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n == 0 || n > 1000000000ul) {
		fprintf(stderr, "weir: --%s %s: wanted whole seconds, 1 or more\n", option, text);
		return false;
	}
	*seconds = (unsigned int)n;
	return true;
}

static bool take_option(struct args *args, int option)
{
	switch (option) {
	case 'c':
		args->config = optarg;
		return true;
	case 'k':
		args->check = true;
		return true;
	case 'a':
		args->allow_set = true;
		return true;
	case 'g':
		args->group = optarg;
		return group_is_there(optarg);
	case 's':
		return read_seconds("stats", optarg, &args->stats_s);
	case 'd':
		return read_seconds("duration", optarg, &args->duration_s);
	case 'h':
		args->help = true;
		return true;
	case 'V':
		args->version = true;
		return true;
	default:
		return false;
	}
}

/* Those that must work before EAL may stand among its options; --check is then taken away from it. */
static void take_early(struct args *args, int *argc, char **argv)
{
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		bool is_check = strcmp(argv[i], "--check") == 0;

		args->check |= is_check;
		args->help |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
		args->version |= strcmp(argv[i], "--version") == 0;
		if (!is_check)
			argv[kept++] = argv[i];
	}
	*argc = kept;
}

static bool take_own(struct args *args, int argc, char **argv, bool has_dashes)
{
	int option, at = 1;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		if (option == ':') {
			fprintf(stderr, "weir: %s wants a value\n", argv[at]);
			return false;
		}
		if (option == '?') {
			fprintf(stderr, "weir: %s: no such option of weir's%s\n", argv[at],
				has_dashes ? "" : "; EAL's stand before a --: weir [EAL options] -- --config FILE");
			return false;
		}
		if (!take_option(args, option))
			return false;
		at = optind;
	}
	if (optind < argc) {
		fprintf(stderr, "weir: %s: not an option\n", argv[optind]);
		return false;
	}
	return true;
}

bool args_parse(struct args *args, int argc, char **argv)
{
	int dashes = 1;
	bool ok, has_dashes;

	*args = (struct args){.eal_argv = argv};
	while (dashes < argc && strcmp(argv[dashes], "--") != 0)
		dashes++;
	has_dashes = dashes < argc;
	if (has_dashes) {
		args->eal_argc = dashes;
		take_early(args, &args->eal_argc, argv);
		/* getopt wants a program's name first: the -- stands in for it */
		ok = take_own(args, argc - dashes, argv + dashes, true);
	} else {
		args->eal_argc = 1;
		ok = take_own(args, argc, argv, false);
	}
	if (args->help || args->version)
		return true;
	if (ok && args->config == NULL) {
		fprintf(stderr, "weir: --config FILE is missing\n");
		ok = false;
	}
	if (!ok)
		fprintf(stderr, "weir --help says more\n");
	return ok;
}
