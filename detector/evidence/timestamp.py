"""Trusted timestamps (RFC 3161) of seals: somebody else's word for when a package existed.

`timestamp.tsr` stands beside the seal and covers its bytes, and with them the manifest and every file. It comes after
the seal, since the authority may be away when a package is made.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from detector.errors import EvidenceError, StorageError
from detector.evidence.chain import SEAL
from detector.evidence.staging import sync

TOKEN = "timestamp.tsr"
TIMEOUT_S = 10.0
MAX_BYTES = 256 * 1024
GRANTED = (0, 1)
"""PKIStatus `granted` and `grantedWithMods`."""


@dataclass(frozen=True, slots=True)
class TimestampReport:
    """What the token of a package shows.

    Attributes:
        at: the instant that the authority states, aware UTC; None when the token cannot be read.
        faults: what is wrong with it, as keys of `texts.py`.
        is_checked: whether its signature was checked, which takes the authority's root certificate.
    """

    at: datetime | None
    faults: tuple[str, ...]
    is_checked: bool


def stamp_package(folder: Path, url: str, timeout_s: float = TIMEOUT_S) -> bool:
    """Ask an authority for a token over the seal of a package.

    Returns:
        False when there is a token already, or no seal to stamp.

    Raises:
        EvidenceError: the authority does not answer, refuses, or answers about something else.
        StorageError: the token cannot be written.
    """
    import httpx  # a tenth of a replay's start, and most packages are stamped later

    if (folder / TOKEN).exists() or not (folder / SEAL).is_file():
        return False
    seal = (folder / SEAL).read_bytes()
    request = TimestampRequestBuilder().data(seal).hash_algorithm(HashAlgorithm.SHA256).build()
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        answer = httpx.post(url, content=request.as_bytes(), headers=headers, timeout=timeout_s, trust_env=False)
    except httpx.HTTPError as error:
        raise EvidenceError(f"timestamp authority {httpx.URL(url).host}: {type(error).__name__}") from error
    if not answer.is_success or len(answer.content) > MAX_BYTES:
        raise EvidenceError(f"timestamp authority {httpx.URL(url).host} answered {answer.status_code}")
    try:
        token = decode_timestamp_response(answer.content)
        is_ours = token.status in GRANTED and _is_of(token, seal) and token.tst_info.nonce == request.nonce
    except ValueError as error:
        raise EvidenceError(f"timestamp authority {httpx.URL(url).host}: its answer cannot be read") from error
    if not is_ours:
        raise EvidenceError(f"timestamp authority {httpx.URL(url).host}: refused, or answered about something else")
    part = folder.parent / f".{folder.name}.{TOKEN}.part"
    try:
        part.write_bytes(answer.content)
        sync(part)
        part.rename(folder / TOKEN)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"{folder / TOKEN} cannot be written: {error.strerror}") from error
    return True


def check_timestamp(folder: Path, roots: Sequence[x509.Certificate]) -> TimestampReport | None:
    """Hold the token of a package against its seal and, where roots are given, against the authority's certificate.

    Args:
        folder: the package.
        roots: certificates to trust; none to check without a signature.

    Returns:
        None when the package has no token.
    """
    path = folder / TOKEN
    if not path.is_file():
        return None
    try:
        token = decode_timestamp_response(path.read_bytes())
        at = token.tst_info.gen_time
        seal = (folder / SEAL).read_bytes() if (folder / SEAL).is_file() else b""
        is_of = _is_of(token, seal)
    except (OSError, ValueError):
        return TimestampReport(None, ("timestamp.unreadable",), False)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    faults = [] if is_of else ["timestamp.other_seal"]
    if roots and is_of and not any(_is_signed(token, seal, root) for root in roots):
        faults.append("timestamp.forged")
    return TimestampReport(at, tuple(faults), bool(roots))


def read_certificates(paths: Sequence[Path]) -> list[x509.Certificate]:
    """Certificates of PEM files.

    Raises:
        EvidenceError: a file cannot be read, or holds none.
    """
    found: list[x509.Certificate] = []
    for path in paths:
        try:
            found += x509.load_pem_x509_certificates(path.read_bytes())
        except OSError as error:
            raise EvidenceError(f"certificate {path}: {error.strerror}") from error
        except ValueError as error:
            raise EvidenceError(f"certificate {path}: holds none in PEM form") from error
    return found


def _is_of(token: TimeStampResponse, document: bytes) -> bool:
    """Whether a token's imprint is that of a document."""
    imprint = token.tst_info.message_imprint
    return bool(imprint.message == hashlib.sha256(document).digest())


def _is_signed(token: TimeStampResponse, document: bytes, root: x509.Certificate) -> bool:
    """Whether a token was signed under a root; the authority's own certificate is in the token."""
    builder = VerifierBuilder().add_root_certificate(root)
    inside = [x509.load_der_x509_certificate(bytes(c)) for c in token.signed_data.certificates]
    for certificate in inside:
        builder = builder.add_intermediate_certificate(certificate)
    try:
        return bool(builder.build().verify_message(token, document))
    except (VerificationError, ValueError):
        return False
