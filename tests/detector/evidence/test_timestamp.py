"""Trusted timestamps, by an authority that OpenSSL plays."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from detector.errors import EvidenceError
from detector.evidence.keys import KeyFolder
from detector.evidence.package import write_package
from detector.evidence.texts import Language
from detector.evidence.timestamp import TOKEN, check_timestamp, read_certificates, stamp_package
from detector.evidence.verify import verify_package
from tests.conftest import require
from tests.detector.evidence.makers import make_request

CONFIG = """
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[tsa]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
authorityKeyIdentifier = keyid
[ts]
default_tsa = service
[service]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


class Authority:
    """An RFC 3161 service; `status` other than 200, or `spoil`, makes it fail in its own way."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.status, self.spoil, self.asked = folder, 200, False, 0
        config = folder / "openssl.cnf"
        config.write_text(CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")

        def openssl(*arguments: str) -> None:
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

        for name in ("ca", "stranger"):
            openssl(
                "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", f"{name}.key",
            )  # fmt: skip
            openssl(
                "req", "-x509", "-new", "-key", f"{name}.key", "-days", "30", "-subj", f"/CN={name}", "-out",
                f"{name}.pem", "-config", "openssl.cnf", "-extensions", "ca",
            )  # fmt: skip
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "tsa.key")
        openssl("req", "-new", "-key", "tsa.key", "-subj", "/CN=tsa", "-out", "tsa.csr", "-config", "openssl.cnf")
        openssl(
            "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
            "-extfile", "openssl.cnf", "-extensions", "tsa", "-out", "tsa.pem",
        )  # fmt: skip
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.asked += 1
                (folder / "query.tsq").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
                openssl(
                    "ts", "-reply", "-config", "openssl.cnf", "-section", "service", "-queryfile", "query.tsq", "-out",
                    "reply.tsr",
                )  # fmt: skip
                body = b"nothing" if outer.spoil else (folder / "reply.tsr").read_bytes()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    require(shutil.which("openssl") is not None, "openssl")
    authority = Authority(tmp_path_factory.mktemp("tsa"))
    yield authority
    authority.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = write_package(make_request(), tmp_path / "site", KeyFolder(tmp_path / "keys").signer())
    return tmp_path / "site" / package.evidence.folder


def test_a_package_is_stamped_once_and_the_stamp_holds(authority: Authority, folder: Path) -> None:
    """The authority's word for when the seal existed; without its root certificate that is said."""
    before = authority.asked
    assert stamp_package(folder, authority.url)
    assert not stamp_package(folder, authority.url)
    assert authority.asked == before + 1
    roots = read_certificates([authority.folder / "ca.pem"])
    report = verify_package(folder, roots=roots)
    assert report.is_intact
    assert report.timestamp is not None and report.timestamp.is_checked
    assert abs(report.timestamp.at - datetime.now(UTC)) < timedelta(minutes=5)
    assert "trusted timestamp valid" in report.lines(Language.EN)[-1]
    assert "not checked" in verify_package(folder).lines(Language.EN)[-1]


def test_another_authoritys_certificate_does_not_vouch(authority: Authority, folder: Path) -> None:
    """The token is named as not signed by the authority that is trusted."""
    stamp_package(folder, authority.url)
    report = verify_package(folder, roots=read_certificates([authority.folder / "stranger.pem"]))
    assert not report.is_intact
    assert report.timestamp.faults == ("timestamp.forged",)


@pytest.mark.parametrize("how", ["seal", "token", "moved"])
def test_tampering_with_stamp_or_seal_is_named(authority: Authority, folder: Path, tmp_path: Path, how: str) -> None:
    """A seal that was made anew, a token that was flipped, a token of another package."""
    stamp_package(folder, authority.url)
    roots = read_certificates([authority.folder / "ca.pem"])
    if how == "seal":
        (folder / "seal.json").write_bytes(
            (folder / "seal.json").read_bytes().replace(b'"sequence":1', b'"sequence":2')
        )
        expected = ("timestamp.other_seal",)
    elif how == "token":
        token = bytearray((folder / TOKEN).read_bytes())
        token[-20] ^= 1  # in the signature
        (folder / TOKEN).write_bytes(bytes(token))
        expected = ("timestamp.forged",)
    else:
        other = tmp_path / "other"
        package = write_package(make_request(), other, KeyFolder(tmp_path / "other-keys").signer())
        stamp_package(other / package.evidence.folder, authority.url)
        shutil.copy(other / package.evidence.folder / TOKEN, folder / TOKEN)
        expected = ("timestamp.other_seal",)
    assert check_timestamp(folder, roots).faults == expected
    assert not verify_package(folder, roots=roots).is_intact


def test_an_unreadable_token_is_named(folder: Path) -> None:
    """And nothing raises."""
    (folder / TOKEN).write_bytes(b"\x30\x03abc")
    assert check_timestamp(folder, ()).faults == ("timestamp.unreadable",)
    assert not verify_package(folder).is_intact


def test_an_authority_that_fails_leaves_the_package_as_it_was(authority: Authority, folder: Path) -> None:
    """One line each; the package waits for the next run."""
    before = sorted(path.name for path in folder.iterdir())
    authority.status = 503
    with pytest.raises(EvidenceError, match="answered 503"):
        stamp_package(folder, authority.url)
    authority.status, authority.spoil = 200, True
    with pytest.raises(EvidenceError, match="cannot be read"):
        stamp_package(folder, authority.url)
    authority.spoil = False
    with pytest.raises(EvidenceError, match="ConnectError"):
        stamp_package(folder, "http://127.0.0.1:9/")
    assert sorted(path.name for path in folder.iterdir()) == before
    assert sorted(path.name for path in folder.parent.iterdir() if path.name.endswith(".part")) == []


def test_what_is_no_certificate_is_one_line(tmp_path: Path) -> None:
    """With the file."""
    (tmp_path / "x.pem").write_text("nothing")
    with pytest.raises(EvidenceError, match="holds none"):
        read_certificates([tmp_path / "x.pem"])
    with pytest.raises(EvidenceError, match="No such file"):
        read_certificates([tmp_path / "none.pem"])
