"""DNS and TCP."""

from collections.abc import Iterator, Sequence

from camrelay.tools.doctor.facts import Dialed
from camrelay.tools.findings import Finding, ok, problem, warning


def judge_lookup(host: str, addresses: Sequence[str], error: str = "") -> Finding:
    """`addresses` of `host`, or the `error` that came in their place."""
    if error:
        remedy = "correct the name, or add an A record (and AAAA for IPv6) to its DNS zone"
        return problem("dns", f"{host} is not found ({error})", remedy)
    shown = ", ".join(addresses)
    if all(":" in address for address in addresses) and host not in addresses:
        remedy = "add an A record: many phone and Wi-Fi networks have no IPv6"
        return warning("dns", f"{host} has IPv6 addresses only ({shown})", remedy)
    return ok("dns", shown if host in addresses else f"{host} is {shown}")


def judge_dialed(dialed: Sequence[Dialed]) -> Iterator[Finding]:
    """Connections to all addresses: some clients try one only, and it may be the dead one."""
    some = any(not each.error for each in dialed)
    for each in dialed:
        if not each.error:
            yield ok("tcp", f"{each.address} connected in {each.milliseconds:.1f} ms")
        elif some:
            remedy = "listen there as well, or remove the address from DNS: some clients try it"
            yield warning("tcp", f"{each.address} cannot be reached ({each.error})", remedy)
        else:
            yield problem("tcp", f"{each.address} cannot be reached ({each.error})", _remedy(each))


def _remedy(dialed: Dialed) -> str:
    if "refused" in dialed.error:
        return "start the server there, correct the port, or make it listen on this address"
    return "open the port in all firewalls on the way, and check that the machine is running"
