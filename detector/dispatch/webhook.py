"""Messages as signed web requests."""

import json
import time
from typing import Any

import httpx

from detector.dispatch.protocol import Refused, Unreachable
from detector.dispatch.signing import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from detector.entities import Message

TIMEOUT_S = 10.0
NO_IDLE = httpx.Limits(max_keepalive_connections=0)
"""A connection a message: receivers close idle ones, and the message that notices would fail once."""

NEVER = frozenset({400, 405, 406, 410, 411, 413, 414, 415, 422, 501})
"""Answers that sending the same message again cannot change; everything else is tried again."""


class WebhookSender:
    """POSTs JSON to one URL."""

    def __init__(self, url: str, secret: str, *, ca_file: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        """Prepare, without connecting.

        Args:
            url: http or https.
            secret: shared with the receiver; signs every request.
            ca_file: certificates to trust; None for the system's.
            timeout_s: of connecting, writing and reading, each.
        """
        self._url, self._secret = url, secret
        self._client = httpx.Client(timeout=timeout_s, verify=ca_file or True, trust_env=False, limits=NO_IDLE)

    def __repr__(self) -> str:
        """Without the secret."""
        return f"WebhookSender({httpx.URL(self._url).host})"

    def send(self, message: Message) -> None:
        """One request; any 2xx is a receipt."""
        body = json.dumps(describe(message), ensure_ascii=False, sort_keys=True).encode()
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            KEY_HEADER: message.message_id,
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: sign(self._secret, timestamp, body),
        }
        try:
            answer = self._client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise Unreachable(f"{httpx.URL(self._url).host}: {type(error).__name__}") from error
        if answer.is_success:
            return
        said = f"{httpx.URL(self._url).host} answered {answer.status_code}"
        raise Refused(said) if answer.status_code in NEVER else Unreachable(said)

    def close(self) -> None:
        """Close connections."""
        self._client.close()


def describe(message: Message) -> dict[str, Any]:
    """A message as receivers get it."""
    return {
        "message_id": message.message_id,
        "kind": message.kind,
        "case_id": message.case_id,
        "sequence": message.sequence,
        "created_at": message.created_at.isoformat(),
        **message.payload,
    }
