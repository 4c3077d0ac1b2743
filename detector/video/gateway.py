"""GB/T 28181 cameras through the REST interface of a WVP + ZLMediaKit gateway, which speaks SIP in our place.

    login (where an account is given) ─► GET /api/play/start/DEVICE/CHANNEL ─► {"code": 0, "data": {"rtsp": URL, …}}

The gateway starts the camera on demand (up to 15 s), and closes a stream that nobody has watched for 20 s. Asking again
while it runs gives the same URL. It is never asked to stop: that would end the stream for everybody else too.
"""

import hashlib
import logging
import ssl
from dataclasses import replace
from typing import Any

import httpx

from detector.errors import SourceError
from detector.video.stream_settings import GatewaySettings, StreamSettings

# It would write every URL into the log, that of the login with the password's hash too.
logging.getLogger("httpx").setLevel(logging.WARNING)


def locate(settings: StreamSettings) -> StreamSettings:
    """The settings with the URL that the gateway tells now; those of a camera that is reached directly as they are.

    Raises:
        SourceError: the gateway cannot be reached, refuses, or tells no URL; never names credentials.
    """
    if settings.channel is None:
        return settings
    gateway, device, channel = settings.channel.gateway, settings.channel.device, settings.channel.channel
    where = f"gateway {gateway.url}"
    try:
        with httpx.Client(base_url=gateway.url, timeout=gateway.timeout_s, verify=_trust(gateway)) as client:
            client.headers.update(_authorise(client, gateway, where))
            data = _read(client.get(f"/api/play/start/{device}/{channel}"), where)
    except httpx.TimeoutException:
        raise SourceError(f"{where}: no answer within {gateway.timeout_s:.0f} s") from None
    except (httpx.HTTPError, OSError, ImportError) as error:  # ImportError: a proxy that needs a package more
        raise SourceError(f"{where}: {error or type(error).__name__}") from None
    url = data.get("rtsp") if isinstance(data, dict) else None
    if not isinstance(url, str) or not url.startswith(("rtsp://", "rtsps://")):
        raise SourceError(f"{where}: tells no RTSP address of {device}/{channel}")
    return replace(settings, url=url)


def _trust(gateway: GatewaySettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=gateway.ca_file)


def _authorise(client: httpx.Client, gateway: GatewaySettings, where: str) -> dict[str, str]:
    """The header that lets us in."""
    if gateway.api_key is not None:
        return {"api-key": gateway.api_key}
    if gateway.username is None:
        return {}
    digest = hashlib.md5((gateway.password or "").encode(), usedforsecurity=False).hexdigest()  # as WVP wants it
    data = _read(client.get("/api/user/login", params={"username": gateway.username, "password": digest}), where)
    token = data.get("accessToken") if isinstance(data, dict) else None
    if not isinstance(token, str):
        raise SourceError(f"{where}: gives no access token")
    return {"access-token": token}


def _read(response: httpx.Response, where: str) -> Any:
    """What the gateway answers, out of its envelope."""
    if response.status_code in (401, 403):
        raise SourceError(f"{where}: refuses our credentials")
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or "code" not in answer:
        raise SourceError(f"{where}: HTTP {response.status_code}, not an answer of WVP")
    if answer["code"] != 0:
        raise SourceError(f"{where}: {str(answer.get('msg') or 'refuses')[:200]} (code {answer['code']})")
    return answer.get("data")
