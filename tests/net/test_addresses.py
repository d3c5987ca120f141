"""What this machine is called: the names in its certificate, the addresses it says to open."""

import socket
from ipaddress import ip_address

import pytest
from ifaddr import IP, Adapter

from camrelay.net.addresses import certificate_names, origins_to_open


def card(name: str, *addresses: str) -> Adapter:
    """A network card as ifaddr describes it."""
    ips = [
        IP((address, 0, 2), 64, name) if ":" in address else IP(address, 24, name)
        for address in addresses
    ]
    return Adapter(name, name, ips)


ITSELF = ["localhost", "127.0.0.1", "::1", "10.0.2.2"]
LOOPBACK = card("lo", "127.0.0.1", "::1")
WIFI = card("wlan0", "fe80::1", "2001:db8::7", "2001:db8::8", "192.168.1.5")
CABLE = card("eth0", "10.1.2.3", "169.254.7.7")
MACHINE = [LOOPBACK, WIFI, CABLE]


def test_a_machine_without_network_can_reach_itself() -> None:
    """10.0.2.2 is the same machine as an app in the Android emulator sees it."""
    assert certificate_names([LOOPBACK], "localhost") == ITSELF


def test_the_certificate_says_every_address_of_the_lan() -> None:
    """Whichever of them a phone takes, except those that only mean something on this link."""
    lan = ["192.168.1.5", "2001:db8::7", "2001:db8::8", "10.1.2.3"]
    assert certificate_names(MACHINE, "localhost") == ITSELF + lan


@pytest.mark.parametrize("name", ["docker0", "br-0123456789ab", "veth1a2b3c", "virbr0"])
def test_networks_inside_the_machine_are_left_out(name: str) -> None:
    """No phone reaches the networks of containers and virtual machines."""
    assert certificate_names([card(name, "172.17.0.1")], "localhost") == ITSELF


@pytest.mark.parametrize("name", ["br0", "br-lan", "en0", "wlp3s0", "Ethernet 2"])
def test_real_networks_are_kept(name: str) -> None:
    """Some are bridges, too."""
    assert certificate_names([card(name, "192.168.1.5")], "localhost")[-1] == "192.168.1.5"


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("Studio", ["studio", "studio.local"]),
        ("studio.local", ["studio.local"]),
        ("studio.example.org.", ["studio.example.org", "studio.local"]),
        ("my_pc", ["my_pc", "my_pc.local"]),
        ("スタジオ", []),
        ("-studio", []),
        ("two words", []),
        ("", []),
    ],
)
def test_the_certificate_says_the_host_name(host: str, names: list[str]) -> None:
    """With the name that mDNS knows it by, and without names that no client could look up."""
    assert certificate_names([], host) == ITSELF + names


def test_what_is_found_on_this_machine_is_its_own() -> None:
    """A server can be bound to each address that the system reports."""
    for name in certificate_names():
        if name[0].isdigit() and name != "10.0.2.2":
            with socket.socket() as probe:
                probe.bind((str(ip_address(name)), 0))


def test_localhost_is_offered_first_and_the_lan_after_it() -> None:
    """A listener on all IPv4 addresses answers under each of them."""
    assert origins_to_open(8443, True, "0.0.0.0", MACHINE) == [
        "https://localhost:8443/",
        "https://192.168.1.5:8443/",
        "https://10.1.2.3:8443/",
    ]


def test_an_ipv6_listener_also_shows_one_ipv6_address_of_a_card() -> None:
    """In brackets; a card has many, and one is enough to copy."""
    assert origins_to_open(8443, True, "::", MACHINE) == [
        "https://localhost:8443/",
        "https://192.168.1.5:8443/",
        "https://[2001:db8::7]:8443/",
        "https://10.1.2.3:8443/",
    ]


@pytest.mark.parametrize(
    ("bound", "origin"),
    [
        ("127.0.0.1", "http://localhost:8080/"),
        ("::1", "http://localhost:8080/"),
        ("192.168.1.5", "http://192.168.1.5:8080/"),
        ("2001:db8::7", "http://[2001:db8::7]:8080/"),
    ],
)
def test_only_what_answers_is_offered(bound: str, origin: str) -> None:
    """A listener that is bound to one address answers under no other."""
    assert origins_to_open(8080, False, bound, MACHINE) == [origin]


@pytest.mark.parametrize(
    ("port", "secure", "origin"),
    [
        (443, True, "https://localhost/"),
        (443, False, "http://localhost:443/"),
        (80, False, "http://localhost/"),
        (80, True, "https://localhost:80/"),
    ],
)
def test_the_usual_port_is_left_out(port: int, secure: bool, origin: str) -> None:
    """As a browser shows it, and sends it as Origin."""
    assert origins_to_open(port, secure, "127.0.0.1", MACHINE) == [origin]
