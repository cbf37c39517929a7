"""Upstreams that Envoy reaches by TLS, and that remember which name was asked for."""

import ssl

from .authorities import KeyServer
from .upstream import Application
from .upstream_h2 import H2Application


def _context(keys: dict, alpn: str, names: list[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys["certificate"], keys["key"])
    context.set_alpn_protocols([alpn])
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    return context


class _Tls:
    """Before the class of an application: its connections begin with a handshake. `names` are those asked for."""

    alpn = "http/1.1"

    def __init__(self, keys: dict, *more):
        self.names: list[str] = []
        self._context = _context(keys, self.alpn, self.names)
        super().__init__(*more)

    def _secured(self, connection):
        return self._context.wrap_socket(connection, server_side=True)


class TlsApplication(_Tls, Application):
    """An application behind TLS."""


class TlsKeyServer(_Tls, KeyServer):
    """Publishes keys by TLS."""


class TlsH2Application(_Tls, H2Application):
    """Speaks HTTP/2 by TLS."""

    alpn = "h2"
