"""The whole product in one terminal: `make tour`.

Two rendered "cameras" are served by a local RTSP server; the live worker finds the violations and a listed plate;
officers confirm, file and dispatch; a receiver of ours takes the message; the report counts. Every command is printed
before it runs, so that it can be repeated by hand. State lives in var/tour, which is made anew each time.

    python scripts/tour.py            # stays at the desk until Ctrl-C
    python scripts/tour.py --leave    # ends by itself

Needs GStreamer's RTSP server, from Debian's packages python3-gi, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-base,
gstreamer1.0-plugins-good and gstreamer1.0-plugins-bad.
"""

import argparse
import hashlib
import hmac
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from detector.entities import BEIJING

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "var" / "tour"
FILMS = {"gantry": ROOT / "demo" / "demo.mp4", "rear": ROOT / "tests" / "golden" / "rear.mp4"}
SECRET = secrets.token_hex(16)
FIRST, PASSWORD = ("tour-" + secrets.token_hex(4) for _ in range(2))
"""Of every account, as the administrator gave it and as its person chose it; the accounts live in var/tour alone."""

PEOPLE = {
    "li": ("reviewer", "李明", "centre", "渝执0001"),
    "wang": ("legal,dispatcher", "王芳", "centre", "渝执0002"),
    "zhou": ("department", "周强", "jlp-cg", "渝执0003"),
    "zheng": ("supervisor,dispatcher", "郑洁", "centre", "渝执0004"),
}
LISTED = "渝A85K27"
UNITS = """unit_id,name,level,parent
city,重庆市,city,
centre,指挥中心,district,city
jlp-cg,九龙坡区城市管理局,district,city
jlp-zj,九龙坡区住房和城乡建设委员会,district,city
"""
PERMITS = """plate,company,valid_from,valid_to,hours,routes,sites
渝A85K27,示例运输公司,2026-01-01,2027-12-31,,,示例工地
"""


def main() -> None:
    """Walk through it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leave", action="store_true", help="do not stay at the desk")
    parser.add_argument("--watch-s", type=int, default=45, help="seconds that the cameras are watched")
    arguments = parser.parse_args()
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    with ExitStack() as stack:
        cameras = stack.enter_context(serve_films())
        receiver = stack.enter_context(receive())
        write_files(cameras, receiver)
        say("1. People, units, registers")
        for name, (roles, person, unit, certificate) in PEOPLE.items():
            run(
                "accounts",
                "add",
                name,
                "--roles",
                roles,
                "--person",
                person,
                "--unit",
                unit,
                "--certificate",
                certificate,
            )
            run("accounts", "change", name)
        run("units", "import", HOME / "units.csv")
        run("register", "import", "permits", HOME / "permits.csv", "--source", "tour")
        say("2. A listed plate: one applies, another approves")
        expires = (datetime.now(UTC) + timedelta(days=7)).isoformat(timespec="seconds")
        entry = run_json("watch", "add", LISTED, "--applicant", "zheng", "--reason", "tour", "--expires", expires)
        run("watch", "approve", entry["entry_id"], "--approver", "wang")
        say("3. Cameras: checked, then watched")
        run("cameras", "check", "--cameras", HOME / "cameras.toml")
        run("run", "--cameras", HOME / "cameras.toml", "--for", arguments.watch_s)
        run("watch", "hits")
        cases = run_json("cases", "list")["cases"]
        run("cases", "list")
        if not cases:
            sys.exit("tour: no case was found; the machine may be too busy: try again with --watch-s 90")
        case = next((row["case_id"] for row in cases if "heaped_load" in row["findings"]), cases[0]["case_id"])
        say("4. Two people review, a third department acts")
        act(case, "claim", "li")
        act(case, "confirm", "li")
        act(case, "legal_confirm", "wang")
        act(case, "file", "wang", "--basis", "urban-heaped")
        act(case, "dispatch", "wang", "--units", "jlp-cg")
        run("dispatch", "run", "--once")
        act(case, "accept", "zhou")
        act(case, "give_feedback", "zhou", "--reason", "现场核实，已责令覆盖并清扫")
        act(case, "verify", "zheng")
        act(case, "close", "zheng", "--reason", "办结")
        run("dispatch", "run", "--once")
        run("cases", "history", case)
        say("5. What stands in court, and how the work goes")
        key = next((HOME / "signing").glob("*.pub"))
        run("verify", HOME / "evidence" / case, "--key", key)
        run("audit", "verify")
        today = datetime.now(BEIJING).strftime("%Y-%m-%d")  # as the report counts days
        run("report", "--from", "2026-01-01", "--to", today)
        if not arguments.leave:
            say(f"6. The desk: sign in as li, wang, zhou or zheng with the password {PASSWORD}; Ctrl-C ends the tour")
            run("desk")


def act(case: str, action: str, person: str, *more: object) -> None:
    """One step of a case."""
    run("cases", "act", case, action, "--as", person, *more)


def run(*words: object) -> None:
    """Print a command, run it, print what it says; a failure ends the tour."""
    print(f"\n\033[1m$ roadwarden {' '.join(map(str, words))}\033[0m", flush=True)
    is_first = words[0] == "accounts"
    done = subprocess.run(command(words), env=environment(FIRST if is_first else PASSWORD), check=False)
    if done.returncode:
        sys.exit(f"tour: that failed with exit code {done.returncode}")


def run_json(*words: object) -> Any:
    """Run a command for its JSON, quietly but for the command itself."""
    print(f"\n\033[1m$ roadwarden {' '.join(map(str, words))} --json\033[0m", flush=True)
    done = subprocess.run(
        command((*words, "--json")), env=environment(), stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"tour: that failed with exit code {done.returncode}")
    return json.loads(done.stdout)


def command(words: tuple[object, ...]) -> list[str]:
    """The program's own command line."""
    return [sys.executable, "-m", "pipelines", *map(str, words)]


def environment(password: str = PASSWORD) -> dict[str, str]:
    """Home folder, secret of the receiver, and the password of the tour's people."""
    own = {"ROADWARDEN_HOME": str(HOME), "TOUR_SECRET": SECRET, "ROADWARDEN_PASSWORD": password}
    own["ROADWARDEN_NEW_PASSWORD"] = PASSWORD
    return {**os.environ, **own, "PYTHONPATH": str(ROOT)}


def say(title: str) -> None:
    """A heading."""
    print(f"\n\033[1;36m== {title}\033[0m", flush=True)


def write_files(cameras: dict[str, str], receiver: str) -> None:
    """cameras.toml, dispatch.toml and the lists."""
    tables = [
        f'[[camera]]\nid = "{name}"\nplace = "示例路口（{name}）"\ndistrict = "jlp"\nanalysis_fps = 8\n'
        f'approaching = {str(name != "rear").lower()}\n\n[camera.stream]\nurl = "{url}"\n'
        for name, url in cameras.items()
    ]
    (HOME / "cameras.toml").write_text("\n".join(tables), encoding="utf-8")
    dispatch = f"""
[[destination]]
id = "urban"
kind = "webhook"
units = ["jlp-cg"]
url = "{receiver}"
secret_env = "TOUR_SECRET"

[[route]]
rules = ["heaped_load", "uncovered_load"]
units = ["jlp-cg", "jlp-zj"]
"""
    (HOME / "dispatch.toml").write_text(dispatch, encoding="utf-8")
    (HOME / "units.csv").write_text(UNITS, encoding="utf-8")
    (HOME / "permits.csv").write_text(PERMITS, encoding="utf-8")


@contextmanager
def serve_films() -> Iterator[dict[str, str]]:
    """The rendered films as RTSP cameras: name → address."""
    mounts = [f"{name}={path}" for name, path in FILMS.items()]
    server = subprocess.Popen(
        ["/usr/bin/python3", str(ROOT / "tests" / "rtsp_server.py"), *mounts], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if not port:
            sys.exit("tour: GStreamer's RTSP server did not start; its Debian packages are named in scripts/tour.py")
        yield {name: f"rtsp://127.0.0.1:{port}/{name}" for name in FILMS}
    finally:
        server.kill()
        server.wait()


@contextmanager
def receive() -> Iterator[str]:
    """A department's system: checks the signature, says what it got; its address."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stamp = self.headers["X-Roadwarden-Timestamp"]
            wanted = "sha256=" + hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
            is_right = hmac.compare_digest(wanted, self.headers["X-Roadwarden-Signature"])
            message = json.loads(body)
            print(
                f"   receiver: {'genuine' if is_right else 'FORGED'}, {message['kind']}: {message['text']}", flush=True
            )
            self.send_response(200 if is_right else 403)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing more."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/events"
    finally:
        time.sleep(0.2)
        server.shutdown()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\ntour: ended")
