"""Certificates made by openssl: an authority, and what it signs."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.require import Require

OPENSSL = shutil.which("openssl")
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


@dataclass(frozen=True)
class Authority:
    """Who signs certificates, and where the files are."""

    folder: Path
    certificate: Path
    key: Path


def _openssl(*arguments: str | Path) -> None:
    assert OPENSSL is not None
    subprocess.run([OPENSSL, *map(str, arguments)], check=True, capture_output=True, timeout=60)


def authority(folder: Path, require: Require) -> Authority:
    """An authority that nobody trusts yet."""
    require(OPENSSL is not None, "openssl")
    made = Authority(folder, folder / "authority.pem", folder / "authority.key")
    subject = ("-subj", "/CN=An authority of the tests")
    _openssl("req", "-x509", *KEY, *subject, "-keyout", made.key, "-out", made.certificate)
    return made


def certificate(by: Authority, name: str) -> tuple[Path, Path]:
    """A certificate for a server of this name, and its key."""
    pem, key = by.folder / f"{name}.pem", by.folder / f"{name}.key"
    signed = ("-CA", by.certificate, "-CAkey", by.key)
    _openssl(
        "req", "-x509", *KEY, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
        "-addext", "basicConstraints=CA:FALSE", *signed, "-keyout", key, "-out", pem,
    )  # fmt: skip
    return pem, key
