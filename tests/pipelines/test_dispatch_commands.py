"""What is wrong in dispatch.toml is one line of the command, which names the receiver."""

from pathlib import Path

import pytest

from tests.command_line import run


def write_receiver(home: Path, kind: str, url: str, **more: str) -> None:
    (home / "var").mkdir()
    keys = {"id": "a", "kind": kind, "url": url, "secret_env": "S", **more}
    table = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    (home / "var" / "dispatch.toml").write_text(f"[[destination]]\n{table}", encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("mqtt", "mqtt://127.0.0.1:99999"),
        ("mqtt", "mqtt://127.0.0.1:0"),
        ("webhook", "https://127.0.0.1:abc/x"),
        ("webhook", "https://"),
        ("webhook", "http://[::1/x"),
    ],
)
@pytest.mark.parametrize("command", [("test", "a"), ("run", "--once")])
def test_a_url_without_host_or_with_no_port_of_this_world(
    tmp_path: Path, kind: str, url: str, command: tuple[str, ...]
) -> None:
    write_receiver(tmp_path, kind, url)
    done = run("dispatch", *command, home=tmp_path, S="s")
    assert done.returncode == 1
    assert "destination.1: url must name a host, and a port from 1 to 65535 or none" in done.stderr


@pytest.mark.parametrize(("content", "said"), [(None, "No such file"), ("x", "holds no certificate")])
@pytest.mark.parametrize(("kind", "url"), [("mqtt", "mqtts://127.0.0.1"), ("webhook", "https://127.0.0.1/x")])
@pytest.mark.parametrize("command", [("test", "a"), ("run", "--once")])
def test_a_ca_file_that_is_missing_or_is_none(
    tmp_path: Path, content: str | None, said: str, kind: str, url: str, command: tuple[str, ...]
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content, encoding="utf-8")
    write_receiver(tmp_path, kind, url, ca_file=str(tmp_path / "ca.pem"))
    done = run("dispatch", *command, home=tmp_path, S="s")
    assert (done.returncode, f"receiver 'a': ca_file {tmp_path / 'ca.pem'}: {said}" in done.stderr) == (1, True)
