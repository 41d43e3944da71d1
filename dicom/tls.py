"""TLS for associations, both ways, after the BCP 195 profiles of PS3.15 B.12 and B.13."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from grading.errors import PermanentError

SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
"""For TLS 1.2; the suites of TLS 1.3 are all allowed."""


class CertificateError(PermanentError):
    """A certificate, key or list of authorities cannot be used."""

    code = "dicom.certificate"


def server_context(
    certificate: Path, key: Path, authorities: Path | None, *, require_client: bool
) -> ssl.SSLContext:
    """The context of a server: TLS 1.2 or newer, with forward secrecy and authenticated encryption.

    ``certificate`` is a PEM file with the chain, ``authorities`` one with those whose client certificates are
    believed. Raises `CertificateError`.
    """
    if require_client and authorities is None:
        raise CertificateError(
            "Client certificates are required, but no authorities are named to check them."
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(SUITES))
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    for what, path in (("certificate", certificate), ("key", key), ("authorities", authorities)):
        if path is not None and not path.is_file():
            raise CertificateError(f"The TLS {what} {path} is not a file.")
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError):
        raise CertificateError(
            f"The TLS certificate {certificate} and key {key} do not belong together or are not PEM files."
        ) from None
    if authorities is not None:
        try:
            context.load_verify_locations(authorities)
        except (ssl.SSLError, OSError):
            raise CertificateError(f"The TLS authorities {authorities} are not a PEM file.") from None
        context.verify_mode = ssl.CERT_REQUIRED if require_client else ssl.CERT_OPTIONAL
    return context


@dataclass(frozen=True)
class ClientTls:
    """PEM files: who is believed (None: the system's authorities), and who we are, where the peer asks."""

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """The context of a client: TLS 1.2 or newer, the peer's certificate and name are checked.

        Raises `CertificateError`.
        """
        try:
            context = ssl.create_default_context(cafile=self.authorities)
        except OSError:  # ssl.SSLError is one
            raise CertificateError(
                f"The TLS authorities {self.authorities} are not a PEM file: correct the setting."
            ) from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(":".join(SUITES))
        if self.certificate is not None:
            try:
                context.load_cert_chain(self.certificate, self.key)
            except OSError:
                raise CertificateError(
                    f"The TLS certificate {self.certificate} and key are no PEM files that belong together."
                ) from None
        return context
