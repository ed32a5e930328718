"""Where the authorities are that may sign the certificates of servers."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from pistat.outbound import transport
from support.programs.certificates import OPENSSL, authority, certificate
from support.require import Require


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a folder that is that of the system, where nobody has chosen another."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    found = ssl.get_default_verify_paths()._replace(capath=str(tmp_path))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: found)
    return tmp_path


def context() -> ssl.SSLContext:
    """Return a context that is not kept for others."""
    return transport.tls_context.__wrapped__()


def greet(server: tuple[Path, Path]) -> None:
    """Let a server with this certificate and key greet us. Raises ssl.SSLError if we do not trust it."""
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other.load_cert_chain(*server)
    client = context().wrap_bio(theirs, ours, server_hostname="localhost")
    answering = other.wrap_bio(ours, theirs, server_side=True)
    for _ in range(2):
        for each in (client, answering):
            with suppress(ssl.SSLWantReadError):
                each.do_handshake()
    assert client.version()


def test_certificates_are_checked(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, require: Require
) -> None:
    """Who is signed by an authority in the folder is trusted, and nobody else."""
    known, stranger = authority(folder, require), authority(tmp_path_factory.mktemp("stranger"), require)
    assert OPENSSL is not None
    digest = subprocess.run(
        [OPENSSL, "x509", "-hash", "-noout", "-in", known.certificate],
        capture_output=True, check=True, text=True, timeout=60,
    )  # fmt: skip
    shutil.copy(known.certificate, folder / f"{digest.stdout.strip()}.0")

    greet(certificate(known, "localhost"))
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(certificate(stranger, "localhost"))
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(certificate(known, "elsewhere"))


def test_authorities_are_looked_for_one_by_one(folder: Path) -> None:
    """Where OpenSSL finds them in files of their own, it reads none before it needs it."""
    (folder / "0a1b2c3d.0").touch()

    found = context()

    assert found.cert_store_stats()["x509"] == 0
    assert (found.verify_mode, found.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("what", ["no hashes", "a link that leads nowhere", "no list"])
def test_a_folder_that_is_no_use_is_not_used(folder: Path, what: str) -> None:
    """Certificates that OpenSSL would not find there are those that Python loads by itself."""
    if what == "no hashes":
        (folder / "ca-certificates.crt").touch()
    elif what == "a link that leads nowhere":
        # As to a file that only root may read.
        (folder / "0a1b2c3d.0").touch()
        (folder / "4e5f6a7b.0").symlink_to("gone.pem")
    else:
        # Root may list every directory, but nobody may list one that is gone.
        folder.rmdir()

    assert context().cert_store_stats() == ssl.create_default_context().cert_store_stats()


@pytest.mark.parametrize("kind", ["FILE", "DIR"])
def test_a_choice_of_the_owner_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, require: Require, kind: str
) -> None:
    """What the variables of OpenSSL name is used as OpenSSL does."""
    (folder / "0a1b2c3d.0").touch()
    ours = authority(folder, require)
    monkeypatch.setenv(f"SSL_CERT_{kind}", str(ours.certificate if kind == "FILE" else folder))

    assert context().cert_store_stats() == ssl.create_default_context().cert_store_stats()


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (9, "is not valid yet by the clock of this machine"),
        (10, "has expired"),
        (20, "is not by an authority that this machine trusts"),
        (62, "is for another name"),
        (7, "is not valid"),
    ],
)
def test_what_is_wrong_with_a_certificate(code: int, why: str) -> None:
    """It is said without the name of the server, which OpenSSL would add."""
    error = ssl.SSLCertVerificationError(
        1, "Hostname mismatch, certificate is not valid for 'secret.example'"
    )
    error.verify_code = code

    assert transport.words(error) == f"the certificate of the server {why}"
