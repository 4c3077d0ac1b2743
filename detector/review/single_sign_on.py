"""Signing in with a provider of OpenID Connect: authorization code with PKCE, the answer checked by its signature.

Accounts, roles and districts stay those of the desk; the provider only says who somebody is.
"""

import base64
import hashlib
import json
import secrets
import ssl
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

import httpx
from cryptography.fernet import Fernet, InvalidToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from detector.errors import AccessDenied, StorageError

ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA"]
"""Signatures by a private key of the provider; `none` and shared secrets are not among them."""

TIMEOUT_S = 10.0
PENDING_S = 600
LEEWAY_S = 60
DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider, as an installation knows it.

    Attributes:
        name: on the button.
        issuer: its address, without a slash at the end.
        client_secret: not in the repr.
        claim: of the identity token that holds the name of the account.
        public_url: address of the desk as browsers see it.
        ca_file: of its certificate; None for those of the system.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str
    claim: str
    public_url: str
    ca_file: str | None = None

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Provider({self.name!r}, {self.issuer!r})"


class SingleSignOn:
    """Sends browsers to a provider, and learns from its answer who came back."""

    def __init__(self, provider: Provider, key: bytes) -> None:
        """Take a provider, and the key that seals what a browser carries meanwhile (Fernet)."""
        self._provider = provider
        self._fernet = Fernet(key)

    @property
    def name(self) -> str:
        """What the button says."""
        return self._provider.name

    @property
    def _redirect_uri(self) -> str:
        return f"{self._provider.public_url}/sign-in/back"

    def begin(self) -> tuple[str, str]:
        """Where to send the browser, and what it must bring back in a cookie.

        Raises:
            StorageError: the provider does not answer.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        with self._client() as client:
            endpoint = self._discover(client)["authorization_endpoint"]
        query = {
            "response_type": "code", "client_id": self._provider.client_id, "redirect_uri": self._redirect_uri,
            "scope": "openid profile", "state": state, "nonce": nonce, "code_challenge": challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        pending = self._fernet.encrypt(json.dumps([state, nonce, verifier]).encode()).decode()
        return f"{endpoint}?{urlencode(query)}", pending

    def finish(self, pending: str, state: str, code: str) -> str:
        """Name of the account that the provider vouches for.

        Args:
            pending: from the cookie.
            state: from the address; must be that of the cookie.
            code: from the address.

        Raises:
            AccessDenied: the answer is none to our question, or its signature or content is wrong.
            StorageError: the provider does not answer.
        """
        try:
            expected, nonce, verifier = json.loads(self._fernet.decrypt(pending.encode(), ttl=PENDING_S))
        except (InvalidToken, ValueError) as error:
            raise AccessDenied("this sign-in was not begun here, or too long ago") from error
        if not secrets.compare_digest(expected.encode(), state.encode()):
            raise AccessDenied("this sign-in was begun in another browser")
        with self._client() as client:
            found = self._discover(client)
            answer = self._ask(
                client, "POST", found["token_endpoint"],
                data={"grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri,
                      "code_verifier": verifier},
                auth=(self._provider.client_id, self._provider.client_secret),
            )  # fmt: skip
            keys = self._ask(client, "GET", found["jwks_uri"])
        return self._read(str(answer.get("id_token", "")), keys, nonce)

    def _read(self, token: str, keys: dict[str, Any], nonce: str) -> str:
        rules = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._provider.issuer},
            aud={"essential": True, "value": self._provider.client_id},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = jwt.decode(
                token, KeySet.import_key_set(cast(KeySetSerialization, keys)), algorithms=ALGORITHMS
            ).claims
            rules.validate(claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise AccessDenied(f"the provider's answer is not accepted: {type(error).__name__}") from error
        name = claims.get(self._provider.claim)
        if not isinstance(name, str) or not name:
            raise AccessDenied(f"the provider's answer has no {self._provider.claim}")
        return name

    def _discover(self, client: httpx.Client) -> dict[str, Any]:
        found = self._ask(client, "GET", self._provider.issuer + DISCOVERY)
        if found.get("issuer") != self._provider.issuer:
            raise AccessDenied("the provider names another issuer than is configured")
        return found

    def _ask(self, client: httpx.Client, method: str, url: str, **given: Any) -> dict[str, Any]:
        try:
            response = client.request(method, url, **given)
            response.raise_for_status()
            found = response.json()
        except httpx.HTTPStatusError as error:
            if error.response.is_client_error:
                raise AccessDenied(f"the provider refuses: {error.response.status_code}") from error
            raise StorageError(f"sign-in provider {self._provider.name}: {error.response.status_code}") from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise StorageError(
                f"sign-in provider {self._provider.name} does not answer: {type(error).__name__}"
            ) from error
        if not isinstance(found, dict):
            raise StorageError(f"sign-in provider {self._provider.name}: its answer is not understood")
        return found

    def _client(self) -> httpx.Client:
        verify = ssl.create_default_context(cafile=self._provider.ca_file) if self._provider.ca_file else True
        return httpx.Client(timeout=TIMEOUT_S, verify=verify)
