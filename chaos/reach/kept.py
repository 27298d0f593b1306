"""What does not stand in a target file: values of the environment and of files, and what certificates are made of."""

import os
import ssl
from pathlib import Path

from chaos.errors import SignalUnavailable
from chaos.spec.door import Certificate, Kept


def read(value: str | Kept) -> str | None:
    """The value, as it is now; None where there is none."""
    if isinstance(value, str):
        return value
    if value.env:
        return os.environ.get(value.env, "").strip() or None
    try:
        return Path(value.file).read_text().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def found(value: str | Kept, where: str, what: str) -> str:
    """The value, as it is now. Raises SignalUnavailable, which says where it was looked for."""
    there = read(value)
    if there is None:
        raise SignalUnavailable(f"{where}: {what}: nothing is to be found in {value}")
    return there


def sendable(value: str | Kept, where: str, what: str) -> str:
    """The same for one that is sent in a header."""
    there = found(value, where, what)
    if not there.isprintable() or not there.isascii():
        # The HTTP library would say so as well, and repeat it.
        raise SignalUnavailable(f"{where}: {what}: has characters that cannot be sent")
    return there


def context(where: str, ca: str, certificate: Certificate | None) -> ssl.SSLContext:
    """By what a server is known, and we by it. Raises SignalUnavailable where that cannot be read."""
    try:
        made = ssl.create_default_context(cafile=ca or None)
        if certificate:
            # Where a passphrase is wanted OpenSSL would ask for it at the terminal.
            made.load_cert_chain(certificate.file, certificate.key or None, password="")
        return made
    except (OSError, ValueError) as error:
        what = "certificate" if certificate else "ca"
        raise SignalUnavailable(f"{where}: {what}: {type(error).__name__}: {error}") from error
