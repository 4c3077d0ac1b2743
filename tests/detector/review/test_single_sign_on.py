"""Signing in with a provider of OpenID Connect: a small one signs as real ones do; what it must not get away with."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey

from detector.review.app import make_app
from detector.review.guard import SESSION_COOKIE
from detector.review.single_sign_on import Provider, SingleSignOn
from tests.detector.review.desk import KEY, DeskClient, copy_desk


class FakeProvider:
    """Answers discovery, keys and tokens; `claims` and `key` may be bent by a test."""

    def __init__(self) -> None:
        self.key = self.signing_key = RSAKey.generate_key(2048, {"kid": "1"}, private=True)
        self.claims: dict = {}
        self.asked: dict = {}
        self.nonce = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/jwks":
                    self.reply({"keys": [outer.key.as_dict(private=False)]})
                else:
                    endpoints = {
                        "authorization_endpoint": "/authorize",
                        "token_endpoint": "/token",
                        "jwks_uri": "/jwks",
                    }
                    self.reply(
                        {"issuer": outer.address} | {name: outer.address + path for name, path in endpoints.items()}
                    )

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.asked = {name: values[0] for name, values in parse_qs(body).items()}
                claims = {"iss": outer.address, "aud": "desk", "exp": int(time.time()) + 60, "nonce": outer.nonce,
                          "preferred_username": "Reviewer"}  # fmt: skip
                self.reply(
                    {"id_token": jwt.encode({"alg": "RS256", "kid": "1"}, claims | outer.claims, outer.signing_key)}
                )

            def reply(self, content: dict) -> None:
                data = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """A provider on this machine."""
    fake = FakeProvider()
    thread = threading.Thread(target=fake.server.serve_forever, daemon=True)
    thread.start()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()
    thread.join()


@pytest.fixture
def app(template, tmp_path, provider: FakeProvider) -> Iterator[FastAPI]:
    """A desk that trusts it."""
    known = Provider("认证中心", provider.address, "desk", "secret", "preferred_username", "http://desk.test")
    desk = copy_desk(template, tmp_path / "desk", single_sign_on=SingleSignOn(known, KEY))
    yield make_app(desk)
    desk.engine.dispose()


def come_back(client: DeskClient, provider: FakeProvider, **bent: str):
    """Go to the provider and come back with its answer."""
    address = urlsplit(client.get("/sign-in/elsewhere").headers["Location"])
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    provider.nonce = asked["nonce"]
    assert asked["redirect_uri"] == "http://desk.test/sign-in/back"
    assert asked["code_challenge_method"] == "S256"
    return client.get("/sign-in/back", params={"state": asked["state"], "code": "c"} | bent)


def test_a_person_whom_the_provider_vouches_for_comes_in(app: FastAPI, provider: FakeProvider) -> None:
    """With the roles of the desk's own account; the code is redeemed with the secret of the question."""
    client = DeskClient(app)
    assert "认证中心" in client.get("/sign-in").text
    answer = come_back(client, provider)
    assert answer.headers["Location"] == "/"
    assert client.get("/queue").status_code == 200
    assert len(provider.asked["code_verifier"]) >= 43


@pytest.mark.parametrize("claims", [
    {"iss": "https://elsewhere.example"}, {"aud": "another"}, {"exp": 1}, {"nonce": "old"},
    {"preferred_username": "nobody"}, {"preferred_username": None}, {"preferred_username": ["reviewer"]},
])  # fmt: skip
def test_a_wrong_answer_lets_nobody_in(app: FastAPI, provider: FakeProvider, claims: dict) -> None:
    """Of another issuer, for another desk, too old, to another question, or about nobody here."""
    provider.claims = claims
    client = DeskClient(app)
    assert come_back(client, provider).status_code == 403
    assert SESSION_COOKIE not in client.cookies


def test_a_forged_signature_lets_nobody_in(app: FastAPI, provider: FakeProvider) -> None:
    """Whoever can answer in the provider's place still lacks its key."""
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "1"}, private=True)
    assert come_back(DeskClient(app), provider).status_code == 403


def test_an_answer_to_somebody_elses_question_is_refused(app: FastAPI, provider: FakeProvider) -> None:
    """Nobody is signed in by a link that another person sends."""
    assert come_back(DeskClient(app), provider, state="other").status_code == 403
    assert DeskClient(app).get("/sign-in/back?state=a&code=b").status_code == 403


def test_a_provider_that_is_away_is_told(app: FastAPI, provider: FakeProvider) -> None:
    """In one sentence, and passwords go on working."""
    provider.server.shutdown()
    provider.server.server_close()
    assert DeskClient(app).get("/sign-in/elsewhere").status_code == 503
