"""Which IP addresses are public: not those set aside for private, local, test or other special use."""

import ipaddress

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# IANA's special-purpose address registries, as of 2026-11: https://www.iana.org/assignments/iana-ipv4-special-registry
# and https://www.iana.org/assignments/iana-ipv6-special-registry. Python's `ipaddress` knows fewer of them. A few are
# reachable from everywhere, such as anycast relays; no shop keeps photos there, so they are refused too.
SPECIAL = tuple(ipaddress.ip_network(network) for network in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32",
    "224.0.0.0/4",  # multicast, which has a registry of its own
    "::/128", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23",
    "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
    "fec0::/10",  # site-local addresses, withdrawn by RFC 3879, which networks may still use
    "ff00::/8",  # multicast
))  # fmt: skip
# The only part of IPv6 from which public addresses are given: https://www.iana.org/assignments/ipv6-address-space
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)  # RFC 5214: the half of an IPv6 address before the IPv4 address in it


def is_public(address: str) -> bool:
    """Returns whether an IP address is public; for an IPv6 address that embeds an IPv4 address, the latter decides."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if (inner := _embedded(ip)) is not None:
            return is_public(str(inner))
        if ip not in _GLOBAL_UNICAST:
            return False
    return ip.is_global and not ip.is_multicast and not _is_special(ip)


def _is_special(ip: _Address) -> bool:
    return any(ip in network for network in SPECIAL)  # a network of the other version never holds it


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Returns the IPv4 address to which a packet for `ip` may be handed on; None if there is none."""
    if inner := ip.ipv4_mapped or ip.sixtofour:
        return inner
    if ip in _COMPATIBLE or ip in _NAT64 or (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None
