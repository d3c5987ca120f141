"""The names and addresses under which other devices find this machine.

They go into the development certificate and into the addresses that the start-up log offers.
"""

import re
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

import ifaddr

Address = IPv4Address | IPv6Address

ANDROID_EMULATOR = "10.0.2.2"  # what an app in the emulator calls the machine it runs on

# Interfaces of container and virtual machine software, which a phone on the same Wi-Fi never
# reaches. `br0` and `br-lan`, on the other hand, are real networks.
_VIRTUAL = re.compile(
    r"docker|br-[0-9a-f]{12}$|veth|virbr|cni|flannel|cali|podman|lxcbr|lxdbr|vmnet|vboxnet"
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def certificate_names(
    adapters: Iterable[ifaddr.Adapter] | None = None, host: str | None = None
) -> list[str]:
    """Every name and address a client may type to reach this machine, for its certificate.

    The host name is followed by its `.local` form, by which phones find a machine whose
    address changes (RFC 6762). `adapters` are the network cards and `host` is the host name;
    this machine's when None.
    """
    names = ["localhost", "127.0.0.1", "::1", ANDROID_EMULATOR]
    names += _host_names(socket.gethostname() if host is None else host)
    names += [str(address) for card in _cards(adapters) for address in card]
    return list(dict.fromkeys(names))


def origins_to_open(
    port: int,
    secure: bool,
    bound: str = "0.0.0.0",
    adapters: Iterable[ifaddr.Adapter] | None = None,
) -> list[str]:
    """The URLs to type for a listener on `port`: localhost first, then the LAN.

    `bound` is the address the listener is bound to, as `IListeningPort.getHost()` tells it:
    only what answers there is returned. A card with many IPv6 addresses shows one of them.
    `adapters` are the network cards; this machine's when None.
    """
    address = ip_address(bound)
    if address.is_loopback:
        hosts = ["localhost"]
    elif not address.is_unspecified:
        hosts = [_in_url(address)]
    else:
        # A socket bound to "::" takes IPv4 clients as well, one bound to "0.0.0.0" only those.
        cards = [_offered(card, address.version) for card in _cards(adapters)]
        hosts = ["localhost", *(_in_url(address) for card in cards for address in card)]
    scheme, default_port = ("https", 443) if secure else ("http", 80)
    suffix = "" if port == default_port else f":{port}"
    return [f"{scheme}://{host}{suffix}/" for host in dict.fromkeys(hosts)]


def _host_names(host: str) -> list[str]:
    """`host` as clients may write it; nothing when it is no name that DNS could carry."""
    host = host.lower().rstrip(".")
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return []
    return [host, f"{labels[0]}.local"] if host != "localhost" else []


def _cards(adapters: Iterable[ifaddr.Adapter] | None) -> list[list[Address]]:
    """For each network card its addresses that another machine can use, IPv4 first."""
    found = ifaddr.get_adapters() if adapters is None else adapters
    return [_reachable(card) for card in found if not _VIRTUAL.match(card.name)]


def _reachable(card: ifaddr.Adapter) -> list[Address]:
    texts = [ip.ip[0] if isinstance(ip.ip, tuple) else ip.ip for ip in card.ips]
    # Link-local addresses need a scope (fe80::1%eth0) that no URL or certificate can carry.
    addresses = [a for a in map(ip_address, texts) if not (a.is_loopback or a.is_link_local)]
    return sorted(addresses, key=lambda address: address.version)


def _offered(card: list[Address], version: int) -> list[Address]:
    """The addresses of one card that a listener for IP `version` is worth showing with."""
    ipv6 = [address for address in card if address.version == 6]
    unwanted = ipv6[1:] if version == 6 else ipv6
    return [address for address in card if address not in unwanted]


def _in_url(address: Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)
