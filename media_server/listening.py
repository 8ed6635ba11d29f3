"""The process's TCP sockets and certificate, with errors that say which setting to change."""

import errno
import socket
import ssl

from media_server.errors import CannotStart
from media_server.settings import Settings


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A listening TCP socket; `port` 0 takes any free one. Raises CannotStart, naming `setting`."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = addresses[0]
        both = family == socket.AF_INET6 and address[0] == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server(address[:2], family=family, dualstack_ipv6=both, backlog=1024)
    except OSError as error:
        raise cannot_bind(setting, port, error) from error
    listener.setblocking(False)
    return listener


def check_udp_port_free(host: str | None, port: int, setting: str) -> None:
    """Raises CannotStart when another process has the UDP port.

    The media workers share their port by SO_REUSEPORT, and so they could with another server of the same
    user, each then getting a part of the packets. A socket without that option tells.
    """
    if port == 0:
        return
    family = socket.AF_INET6 if ":" in (host or "") else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host or "", port))
        except OSError as error:
            raise cannot_bind(setting, port, error) from error


def cannot_bind(setting: str, port: int, error: OSError) -> CannotStart:
    """What to tell the operator of a socket that could not be had."""
    if error.errno == errno.EADDRINUSE:
        return CannotStart(f"{setting}: port {port} is in use by another program")
    if error.errno == errno.EACCES:
        return CannotStart(f"{setting}: this user may not use port {port}")
    return CannotStart(f"{setting}: cannot listen on port {port}: {error.strerror or type(error).__name__}")


def server_tls(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context of the settings' certificate, or None. Raises CannotStart."""
    if settings.tls_certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # TLS 1.2 and 1.3, as Python's defaults are
    load_certificate(context, settings)
    return context


def load_certificate(context: ssl.SSLContext, settings: Settings) -> None:
    """(Re)read the certificate; connections made from now on use it. Raises CannotStart, having changed
    nothing.
    """
    assert settings.tls_certificate is not None
    try:
        # Tried on a context of its own first: a half-read pair would spoil the one in use.
        trial = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        for each in (trial, context):
            each.load_cert_chain(settings.tls_certificate, settings.tls_key, password=lambda: b"")
    except (OSError, ssl.SSLError) as error:
        raise CannotStart(
            "TLS_CERTIFICATE, TLS_KEY: not a readable certificate chain with its unencrypted key, both in PEM"
        ) from error
