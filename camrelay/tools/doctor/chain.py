"""The certificates that a server sends, whether they are any good or not.

Python's ssl shows them from 3.13 on only, so this is done with pyOpenSSL.
"""

import socket
import struct

from OpenSSL import SSL, crypto


def chain_of(dialed: socket.socket, host: str) -> list[bytes]:
    """Each certificate in DER, the server's own first; none when there was no handshake.

    The connection is used up.
    """
    seconds = dialed.gettimeout() or 0.0
    dialed.settimeout(None)  # pyOpenSSL takes the timeouts of Python's sockets for the end
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
    dialed.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    with dialed:
        connection = SSL.Connection(context, dialed)
        connection.set_tlsext_host_name(host.encode())
        connection.set_connect_state()
        try:
            connection.do_handshake()
        except (SSL.Error, OSError):
            return []
        sent = connection.get_peer_cert_chain() or []
    return [crypto.dump_certificate(crypto.FILETYPE_ASN1, each) for each in sent]
