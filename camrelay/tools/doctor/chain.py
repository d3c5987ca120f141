"""The certificates that a server sends, whether they are any good or not.

Python's ssl shows them from 3.13 on only, so this is done with pyOpenSSL.
"""

import socket
import struct
from contextlib import suppress
from typing import NamedTuple

from OpenSSL import SSL, crypto


class Served(NamedTuple):
    """What a server shows of itself, and whom it wants its clients to be vouched for by.

    `chain`: each certificate in DER, the server's own first; empty when none came. `wants`: the
    names of authorities; empty when it asks for no certificate, or does not say of whom.
    """

    chain: list[bytes]
    wants: list[str]


def chain_of(dialed: socket.socket, host: str) -> Served:
    """Ask a server that was dialed. The connection is used up."""
    seconds = dialed.gettimeout() or 0.0
    dialed.settimeout(None)  # pyOpenSSL takes the timeouts of Python's sockets for the end
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
    dialed.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    with dialed:
        connection = SSL.Connection(context, dialed)
        connection.set_tlsext_host_name(host.encode())
        connection.set_connect_state()
        with suppress(SSL.Error, OSError):  # it may show its certificates and then refuse us
            connection.do_handshake()
        sent = connection.get_peer_cert_chain() or []
        wants = [_in_words(name) for name in connection.get_client_ca_list()]
    return Served([crypto.dump_certificate(crypto.FILETYPE_ASN1, each) for each in sent], wants)


def _in_words(name: crypto.X509Name) -> str:
    parts = name.get_components()
    return ",".join(f"{key.decode()}={value.decode('utf-8', 'replace')}" for key, value in parts)
