"""What every connection to a target has: a time limit, TLS, and failures in words that never name the URL."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from pistat.text import escaped

if TYPE_CHECKING:
    from ssl import DefaultVerifyPaths, SSLContext

SECONDS = 5.0
"""How long each step of an exchange may take: to connect, to agree on TLS, to send, to get the answer."""


CERTIFICATE = {
    9: "is not valid yet by the clock of this machine",
    10: "has expired",
    **dict.fromkeys(range(18, 22), "is not by an authority that this machine trusts"),
    **dict.fromkeys((62, 64), "is for another name"),
}
"""What is wrong with a certificate, by the codes of OpenSSL. Its own texts hold the name of the server."""


@cache
def tls_context() -> SSLContext:
    """Return what checks the certificate of a server, by the authorities that the system trusts.

    There is one for all, since it may take a megabyte and tens of milliseconds to read those.
    """
    # Only here: where no setting needs it, it is not loaded.
    import ssl  # noqa: PLC0415

    context = ssl.create_default_context(capath=_directory(ssl.get_default_verify_paths()))
    # With Python 3.13 that refuses an authority that does not say what it is for, as many at home are made.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _directory(paths: DefaultVerifyPaths) -> str | None:
    """Return where the authorities of the system are, each in a file; None where there is no such place.

    Of these, OpenSSL reads the one that it needs, and not all. It knows them by names such as 0a1b2c3d.0.
    """
    chosen = {paths.openssl_cafile_env, paths.openssl_capath_env} & os.environ.keys()
    if chosen or paths.capath is None:
        return None
    # It is silent about what it cannot read; then a bundle, which is made of the same, is the better source.
    with suppress(OSError), os.scandir(paths.capath) as entries:
        hashed = [entry.path for entry in entries if entry.name.endswith(".0")]
        if hashed and all(os.access(path, os.R_OK) for path in hashed):
            return paths.capath
    return None


def words(error: Exception) -> str:
    """Return what went wrong; the text of an unforeseen error might repeat the URL and is left out."""
    # A name that is too long, or has empty parts, is not even looked up.
    if isinstance(error, socket.gaierror | UnicodeError):
        return "the name of the server does not resolve"
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:g} s"
    if type(error).__name__ == "SSLCertVerificationError":
        code = getattr(error, "verify_code", 0)
        return f"the certificate of the server {CERTIFICATE.get(code, 'is not valid')}"
    if type(error).__module__ == "ssl":
        return "the TLS handshake failed; the server may not use TLS on this port"
    if isinstance(error, OSError) and error.strerror:
        return escaped(error.strerror, 80)
    return f"the exchange failed ({type(error).__name__})"
