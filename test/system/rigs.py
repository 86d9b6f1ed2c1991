# SPDX-License-Identifier: BSD-3-Clause
"""The rigs: which cables there are, and what weir is told about them."""

MAC = "02:00:00:00:00:%02x"


def mac(number):
    return MAC % number


def vdevs_of(cables):
    return ["net_af_packet%d,iface=p%s,framecnt=1024" % (i, name) for i, name in enumerate(cables)]


def sections(cables, pf_rate, vfs, maps="", pf_more=(), port_more=None):
    """A config: the first cable is the PF's.  vfs: {name: (cable, number, [more lines])}"""
    device = {name: "net_af_packet%d" % i for i, name in enumerate(cables)}
    text = "[switch]\nguarantee_size = 1500\n\n"
    for name in cables:
        role = "pf" if name == cables[0] else "vf"
        lines = ["[port %s]" % device[name], "role = " + role]
        if role == "pf":
            lines += ["rate = " + pf_rate, *pf_more]
        lines += (port_more or {}).get(name, [])
        text += "\n".join(lines) + "\n\n"
    for name, (cable, number, more) in vfs.items():
        lines = ["[vf %s]" % name, "port = " + device[cable], "mac = " + mac(number), *more]
        text += "\n".join(lines) + "\n\n"
    return text + maps


def with_state(text, state):
    """The config with the file in which changes are kept; None: without one."""
    return text.replace("[switch]\n", "[switch]\nstate = %s\n" % state) if state else text


class Cables:
    """A rig whose ports are all cables, the first the PF's.  VFs and what else there is are the subclass's."""

    cables, vfs, pf_rate, port_more, maps = ["pf"], {}, "1G", None, ""

    @classmethod
    def config(cls, _context):
        return sections(cls.cables, cls.pf_rate, cls.vfs, cls.maps, port_more=cls.port_more)

    @classmethod
    def vdevs(cls, _context):
        return vdevs_of(cls.cables)


class Changeable(Cables):
    """One that may be changed while it runs."""

    more = ["--allow-set"]


class Main(Cables):
    """Every kind of VF once, no limits: for what is about where frames go."""

    cables = ["pf", "a", "b", "c", "d", "e", "t", "u", "s", "m", "l", "n"]
    mem_mb, pf_rate, port_more = 512, "10G", {"m": ["mtu = 1000"]}
    vfs = {
        "a": ("a", 0x0a, []),
        "b": ("b", 0x0b, []),
        "c": ("c", 0x0c, ["vlan = 10"]),
        "d": ("d", 0x0d, ["vlan = 10"]),
        "e": ("e", 0x0e, ["vlan = 20"]),
        "t": ("t", 0x14, ["trunk = 10, 20, 30-39"]),
        "u": ("u", 0x15, ["trunk = 20", "native = 10"]),
        "s1": ("s", 0x51, []),
        "s2": ("s", 0x52, []),
        "m": ("m", 0x4d, []),
        "l": ("l", 0x4c, ["broadcast_pps = 200"]),
        "n": ("n", 0x4e, ["antispoof = no"]),
    }


class Limits(Cables):
    """VFs with bounds of each kind, small enough for two CPUs that are shared with others.  Lcores that share a CPU
    move packets in lumps of a scheduler's slice each: the receiver's queue must be longer than one."""

    cables = ["pf", "pps", "bps", "slow", "free", "cls", "tcls"]
    vfs = {
        "pps": ("pps", 1, ["tx.max_pps = 5k"]),
        "bps": ("bps", 2, ["tx.max_bps = 40M"]),
        "slow": ("slow", 3, ["rx.max_bps = 8M", "receive_queue = 128"]),
        "free": ("free", 4, []),
        "cls": ("cls", 5, ["tx.max_bps = 2M", "queue = 256"]),
        "tcls": ("tcls", 6, ["trunk = 10", "tx.max_bps = 2M", "queue = 256"]),
    }


class Crowd(Cables):
    """257 VFs on one port: more than an answer of the telemetry socket holds."""

    cables = ["pf", "s", "x"]
    n_vfs = 257
    mem_mb = 512

    @classmethod
    def vf_mac(cls, number):
        return "02:00:00:01:%02x:%02x" % (number >> 8, number & 255)

    @classmethod
    def config(cls, _context):
        text = sections(cls.cables, "1G", {})
        for i in range(cls.n_vfs):
            text += "[vf crowd_%d]\nport = net_af_packet1\nmac = %s\n" % (i, cls.vf_mac(i))
            text += "queue = 64\nreceive_queue = 64\n\n"
        return text + "[vf x]\nport = net_af_packet2\nmac = %s\n" % mac(1)


class Guests:
    """Two vhost-user VFs, weir as the client of one and the server of the other, and a VF that is to notice nothing."""

    cables = ["pf", "x", "k1", "k2"]
    apart = ["k1", "k2"]    # the far sides of the guests
    vfs = {"x": ("x", 1, [])}

    @classmethod
    def config(cls, _context):
        text = sections(["pf", "x"], "1G", cls.vfs)
        for i, name in enumerate(("g1", "g2")):
            text += "[port net_vhost%d]\nrole = vf\n\n" % i
            text += "[vf %s]\nport = net_vhost%d\nmac = %s\n\n" % (name, i, mac(0x61 + i))
        return text

    @classmethod
    def socket(cls, context, number):
        return "%s/vhost%d.sock" % (context.folder, number)

    @classmethod
    def vdevs(cls, context):
        return vdevs_of(["pf", "x"]) + ["net_vhost0,iface=%s,client=1" % cls.socket(context, 0),
                                        "net_vhost1,iface=%s" % cls.socket(context, 1)]


class Machines:
    """Real VMs.  "a" has three NICs (it serves their sockets): unlimited, 10 Mb/s and 100 Mb/s each way; "b" has one, whose
    socket weir serves.  TSO is asked for all, and not offered where the limit is too small for it."""

    cables = ["pf"]
    mem_mb = 512
    limits = {0: None, 1: 10, 2: 100}       # of a's NICs, Mb/s
    pf = "net_af_packet0,iface=ppf,framecnt=1024"

    @classmethod
    def mac(cls, vm, nic):
        return mac({"a": 0x71, "b": 0x79}[vm] + nic)

    @classmethod
    def config(cls, _context, pf="net_af_packet0"):
        text = "[port %s]\nrole = pf\nrate = 1G\n\n" % pf
        for i, limit in cls.limits.items():
            text += "[port net_vhost%d]\n[vf a%d]\nport = net_vhost%d\nmac = %s\n" % (i, i, i, cls.mac("a", i))
            text += "tx.max_bps = %dM\nrx.max_bps = %dM\n" % (limit, limit) if limit else ""
        text = text.replace("[port net_vhost0]\n", "[port net_vhost0]\nmtu = 9000\n")
        return text + "[port net_vhost3]\nmtu = 9000\n[vf b]\nport = net_vhost3\nmac = %s\n" % cls.mac("b", 0)

    @classmethod
    def socket(cls, context, number):
        return "%s/vm%d.sock" % (context.folder, number)

    @classmethod
    def vdevs(cls, context, pf=None):
        own = ["net_vhost%d,iface=%s,client=1,tso=1" % (i, cls.socket(context, i)) for i in cls.limits]
        return [pf or cls.pf, *own, "net_vhost3,tso=1,iface=%s" % cls.socket(context, 3)]


class Kinds:
    """A VF on each kind of port that a kernel's TCP can stand behind, weir as the server of its sockets; the PF an af_packet
    port.  The kernel leaves the checksums of "k" unfinished."""

    cables = ["pf", "k", "vk", "mk"]
    apart = ["vk", "mk"]    # the far sides of the processes behind vhost-user and memif
    mem_mb = 512
    vfs = [("k", "net_af_packet1", ["csum = fix"]), ("t", "net_tap0", []), ("v", "net_vhost0", []),
           ("m", "net_memif0", ["trusted = yes"])]
    macs = {name: mac(0x31 + i) for i, name in enumerate(("k", "t", "v", "m"))}
    is_server = True        # weir, of the sockets

    @classmethod
    def config(cls, _context):
        text = "[port net_af_packet0]\nrole = pf\nrate = 1G\n\n"
        for name, device, more in cls.vfs:
            text += "[port %s]\n%s\n[vf %s]\nport = %s\nmac = %s\n\n" % (device, "\n".join(more), name, device, cls.macs[name])
        return text

    @classmethod
    def socket(cls, context, kind):
        return "%s/%s.sock" % (context.folder, kind)

    @classmethod
    def vdevs(cls, context):
        vhost = "net_vhost0,iface=" + cls.socket(context, "v") + ("" if cls.is_server else ",client=1")
        memif = "net_memif0,role=%s,id=0,socket-abstract=no,socket=%s" % ("server" if cls.is_server else "client",
                                                                       cls.socket(context, "m"))
        return vdevs_of(["pf", "k"]) + ["net_tap0,iface=tt", vhost, memif]


class TaggedKinds:
    """Kernels in a VLAN whose tag is on the uplink only: behind af_packet (its checksums unfinished), two taps, vhost-user and two
    memifs, and one beyond the uplink, for which another weir takes the tag off and on: this kernel may have no VLAN devices."""

    cables = ["pf", "k", "h", "vk", "mk", "nk"]
    apart = ["h", "vk"]     # the far sides of processes; mk and nk go where vk is
    mem_mb = 512
    vfs = [("k", "net_af_packet1", "csum = fix"), ("t", "net_tap0", ""), ("u", "net_tap1", ""), ("v", "net_vhost0", ""),
           ("m", "net_memif0", "trusted = yes"), ("n", "net_memif1", "trusted = yes")]
    macs = {name: mac(0x31 + i) for i, name in enumerate("ktuhvmn")}

    @classmethod
    def config(cls, _context):
        text = "[port net_af_packet0]\nrole = pf\nrate = 1G\n\n"
        for name, device, more in cls.vfs:
            text += "[port %s]\n%s\n[vf %s]\nport = %s\nmac = %s\nvlan = 10\n\n" % (device, more, name, device, cls.macs[name])
        return text

    @classmethod
    def vdevs(cls, context):
        memif = "net_memif%d,role=server,id=0,socket-abstract=no,socket=%s"
        return vdevs_of(["pf", "k"]) + ["net_tap%d,iface=t%s" % (i, name) for i, name in enumerate("tu")] + [
            "net_vhost0,iface=" + Kinds.socket(context, "v")] + [
            memif % (i, Kinds.socket(context, name)) for i, name in enumerate("mn")]

    @classmethod
    def beyond(cls):
        """The other weir's config and vdevs."""
        return ("[port net_af_packet0]\nrole = pf\nrate = 1G\n[port net_af_packet1]\n[vf h]\nport = net_af_packet1\nmac = %s\n"
                "vlan = 10\n" % cls.macs["h"], ["net_af_packet%d,iface=%s,framecnt=1024" % x for x in enumerate(("gpf", "ph"))])


class Neighbours:
    """A VF that keeps what it was sold, and beside it guests of every sort of bad manners, on a slow uplink that all want."""

    cables = ["pf", "x", "k"]
    apart = ["k"]           # the far side of the guest that is a process
    vfs = {"x": ("x", 1, ["tx.min_bps = 20M", "rx.max_bps = 20M"])}

    @classmethod
    def config(cls, _context):
        text = sections(["pf", "x"], "40M", cls.vfs)
        for i, name in enumerate(("g", "h")):
            text += "[port net_vhost%d]\n[vf %s]\nport = net_vhost%d\nmac = %s\ntx.weight = 9\n\n" % (i, name, i, mac(0x41 + i))
        return text + "[port net_memif0]\ntrusted = yes\n[vf m]\nport = net_memif0\nmac = %s\n" % mac(0x43)

    @classmethod
    def socket(cls, context, name):
        return "%s/n%s.sock" % (context.folder, name)

    @classmethod
    def vdevs(cls, context):
        return vdevs_of(["pf", "x"]) + ["net_vhost%d,iface=%s" % (i, cls.socket(context, i)) for i in range(2)] + [
            "net_memif0,role=server,id=0,socket-abstract=no,socket=" + cls.socket(context, "m")]


class Gigabit(Cables):
    """A VF sold 1 Gb/s each way, and nothing else configured; a kernel's TCP behind it, and one behind the PF."""

    cables = ["pf", "a"]
    limit_bps, pf_rate = 10**9, "10G"
    vfs = {"a": ("a", 0x21, ["tx.max_bps = 1G", "rx.max_bps = 1G"])}


class GigabitDrops(Gigabit):
    """The same, and what it sends too much of is dropped: a kernel behind af_packet does not see its frames wait."""

    vfs = {"a": ("a", 0x21, ["tx.max_bps = 1G", "rx.max_bps = 1G", "when_full = drop"])}


class Beside(Cables):
    """A VF that drops at its limit, so that what matters to it gets through beside a bulk transfer of its own, and another VF;
    kernels behind them and behind the PF."""

    cables = ["pf", "a", "b"]
    limit_bps, pf_rate = 50 * 10**6, "60M"
    vfs = {"a": ("a", 0x21, ["tx.max_bps = 50M", "rx.max_bps = 50M", "when_full = drop"]), "b": ("b", 0x22, [])}
