"""`roadwarden desk`."""

import ipaddress
import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from detector.errors import ConfigurationError
from pipelines.commands.options import CamerasFile, Database, open_engine
from pipelines.config import resolve_home
from pipelines.configuration_store import find_file, load_configuration

LONGEST_HEADER_BYTES = 16 * 1024
KEEP_ALIVE_S = 75
"""Longer than anybody thinks about a case: the next click then needs no new connection and no TLS handshake."""


def desk(
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the desk is served.")] = "127.0.0.1:8080",
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate chain (PEM) for TLS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its private key (PEM).")] = None,
    behind_proxy: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A reverse proxy at this address speaks TLS with browsers.")
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where evidence lies; default ROADWARDEN_HOME/evidence.")
    ] = None,
    cameras: CamerasFile = None,
    database: Database = None,
) -> None:
    """Serve the officers' desk until SIGTERM or Ctrl-C; the first start prints an administrator's password once.

    Example: roadwarden desk --listen 0.0.0.0:8443 --tls-cert desk.pem --tls-key desk.key
    """
    import uvicorn

    from detector.review.app import make_app
    from pipelines.desk import DeskPlan, open_desk

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    host, port = split_address(listen)
    tls = check_transport(host, (tls_cert, tls_key), behind_proxy)
    plan = DeskPlan(
        (evidence or resolve_home() / "evidence").resolve(),
        load_configuration(cameras, database),
        bool(tls) or behind_proxy is not None,
        find_file(cameras),
    )
    opened = open_desk(open_engine(database), plan)
    app = make_app(opened)
    password = opened.accounts.make_first()
    if password is not None:
        print(f"first start: account admin, password {password} (shown once; it must be changed at the first sign-in)")
    print(f"desk: {'https' if tls else 'http'}://{listen}", flush=True)
    uvicorn.run(
        app, host=host, port=port, log_level="warning", server_header=False, date_header=True,
        proxy_headers=behind_proxy is not None, forwarded_allow_ips=behind_proxy or "",
        h11_max_incomplete_event_size=LONGEST_HEADER_BYTES, timeout_graceful_shutdown=5,
        timeout_keep_alive=KEEP_ALIVE_S, **tls,
    )  # fmt: skip


def split_address(listen: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        ConfigurationError: it is not HOST:PORT.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ConfigurationError(f"--listen {listen}: write HOST:PORT")
    return host.strip("[]"), int(port)


def check_transport(host: str, tls: tuple[Path | None, Path | None], behind_proxy: str | None) -> dict[str, Any]:
    """Settings of TLS; passwords and evidence leave this machine over nothing else.

    Raises:
        ConfigurationError: the desk would be reached from elsewhere without TLS, or the files are not there.
    """
    cert, key = tls
    if (cert is None) != (key is None):
        raise ConfigurationError("--tls-cert and --tls-key go together")
    for option, path in (("--tls-cert", cert), ("--tls-key", key)):
        if path is not None and not path.is_file():
            raise ConfigurationError(f"{option} {path}: there is no such file")
    if behind_proxy is not None:
        try:
            ipaddress.ip_network(behind_proxy)
        except ValueError as error:
            raise ConfigurationError(f"--behind-proxy {behind_proxy}: is no address of a proxy") from error
    if cert is None and behind_proxy is None and not is_loopback(host):
        raise ConfigurationError(
            f"--listen {host}: others could reach the desk without TLS; give --tls-cert and --tls-key, or say which "
            "reverse proxy speaks TLS with --behind-proxy ADDRESS"
        )
    return {"ssl_certfile": str(cert), "ssl_keyfile": str(key)} if cert is not None else {}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
