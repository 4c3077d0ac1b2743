"""`roadwarden desk`: what it listens on, its first start, its configuration."""

import os
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from detector.errors import ConfigurationError, StorageError
from pipelines.commands.desk import check_transport, split_address
from pipelines.desk import DeskTable, OidcTable, load_desk_table, read_key

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "desk.example.cn"])
def test_beyond_this_machine_only_with_tls(host: str, tmp_path: Path) -> None:
    """Passwords and evidence never travel in clear; a reverse proxy must be named."""
    with pytest.raises(ConfigurationError, match="without TLS"):
        check_transport(host, (None, None), None)
    cert, key = tmp_path / "c.pem", tmp_path / "k.pem"
    with pytest.raises(ConfigurationError, match="no such file"):
        check_transport(host, (cert, key), None)
    with pytest.raises(ConfigurationError, match="go together"):
        check_transport(host, (cert, None), None)
    with pytest.raises(ConfigurationError, match="no address"):
        check_transport(host, (None, None), "anywhere")
    cert.touch()
    key.touch()
    assert check_transport(host, (cert, key), None) == {"ssl_certfile": str(cert), "ssl_keyfile": str(key)}
    assert check_transport(host, (None, None), "10.0.0.2") == {}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_needs_no_tls(host: str) -> None:
    """The default works at once."""
    assert check_transport(host, (None, None), None) == {}


def test_addresses() -> None:
    """Also those of version 6; anything else is refused."""
    assert split_address("[::1]:8080") == ("::1", 8080)
    for wrong in ("8080", "host", "host:", "host:99999", ":80"):
        with pytest.raises(ConfigurationError):
            split_address(wrong)


def test_the_first_start_prints_a_password_once(tmp_path: Path) -> None:
    """An administrator is there, whose password the next start does not know."""
    environment = os.environ | {"ROADWARDEN_HOME": str(tmp_path)}
    environment.pop("ROADWARDEN_DATABASE", None)
    passwords = []
    for _ in range(2):
        command = [sys.executable, "-m", "pipelines", "desk", "--listen", "127.0.0.1:0"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT) as desk:
            lines = []
            for line in desk.stdout:
                lines.append(line)
                if line.startswith("desk: "):
                    break
            desk.terminate()
        passwords.append(re.findall(r"account admin, password (\S+)", "".join(lines)))
    assert len(passwords[0]) == 1
    assert passwords[1] == []
    assert (tmp_path / "desk.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("text", "where"), [
    ("idle_minutes = 0", "idle_minutes"), ("colour = 1", "colour"), ("idle_minutes =", "desk.toml"),
    ('[oidc]\nname = "a"\nissuer = "http://sso.example"\nclient_id = "b"\npublic_url = "https://d"', "https://"),
])  # fmt: skip
def test_a_wrong_configuration_is_named(tmp_path: Path, text: str, where: str) -> None:
    """File and key, in one line."""
    path = tmp_path / "desk.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=where):
        load_desk_table(path)


def test_the_secret_of_a_provider_is_named_but_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from the environment or a file; without it the desk does not start."""
    table = OidcTable(name="a", issuer="https://sso.example/", client_id="b", public_url="https://d.example")
    with pytest.raises(ConfigurationError, match="client_secret_env"):
        table.build()
    monkeypatch.setenv("SSO_SECRET", "very secret")
    provider = table.model_copy(update={"client_secret_env": "SSO_SECRET"}).build()
    assert provider.issuer == "https://sso.example"
    assert "very secret" not in repr(provider)


def test_a_damaged_key_is_told(tmp_path: Path) -> None:
    """Instead of a new one that would shut out everybody with an authenticator."""
    path = tmp_path / "desk.key"
    path.write_text("short", encoding="utf-8")
    with pytest.raises(StorageError, match="is no key"):
        read_key(path)


def test_every_key_of_the_configuration_is_documented() -> None:
    """docs/desk.md has a row for each."""
    page = (ROOT / "docs/desk.md").read_text(encoding="utf-8")
    names = [*(n for n in DeskTable.model_fields if n != "oidc"), *(f"oidc.{n}" for n in OidcTable.model_fields)]
    assert [name for name in names if f"| `{name}` |" not in page] == []


@pytest.mark.long
def test_the_desk_answers_over_tls(tmp_path: Path) -> None:
    """With a certificate of its own making: the session cookie is one that only TLS carries."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    _make_certificate(cert, key)
    environment = os.environ | {"ROADWARDEN_HOME": str(tmp_path)}
    environment.pop("ROADWARDEN_DATABASE", None)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "pipelines", "desk", "--listen", f"127.0.0.1:{port}", "--tls-cert", str(cert),
               "--tls-key", str(key)]  # fmt: skip
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT) as desk:
        try:
            assert any(line.startswith("desk: https://") for line in desk.stdout)
            transport = httpx.HTTPTransport(retries=30, verify=False)
            with httpx.Client(transport=transport, timeout=30) as client:
                answer = client.get(f"https://127.0.0.1:{port}/sign-in")
        finally:
            desk.terminate()
    assert answer.headers["Set-Cookie"].startswith("__Host-roadwarden_form=")
    assert "Secure" in answer.headers["Set-Cookie"]


def _make_certificate(cert: Path, key: Path) -> None:
    made, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "d")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(made.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(made, hashes.SHA256())
    )
    cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8
    key.write_bytes(made.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
