"""How fast the desk is with many cases and many officers, and how long a decision takes a tired one.

    python scripts/benchmark_desk.py --package var/evidence/RW-... --cases 100000 --officers 20 --seconds 60

Fills an SQLite database with cases that all show one real package (of `roadwarden replay demo/demo.mp4`), starts
`roadwarden desk` as a process of its own, and lets officers work: open a case, fetch its pictures and clip, think
(half to one and a half times `--think`), decide, get the next one, and look into the queue after every third; meanwhile
`--watchers` further screens show the queue all the time and ask for news every five seconds. Prints the times of each
kind of request, the processor time of desk and officers (both run on this machine), and its load. With a browser
(`--browser /usr/bin/chromium`) one of the officers sits in it while the others go on: from the key that confirms until
the desk has answered, until the next case is on the screen, and until the first picture of its clip is.
"""

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from argon2 import PasswordHasher
from sqlalchemy import Engine, insert, text

from detector.database.engine import open_database
from detector.database.sessions import write_session
from detector.database.tables import AccountRow, CaseRow, EvidenceRow, FindingRow
from detector.review.accounts import AccountStore
from detector.review.visitors import SessionStore

CAMERAS, DISTRICTS = 600, 41
STATES = ("candidate",) * 8 + ("closed", "rejected")
"""Eight of ten wait for review: far worse than any backlog should be."""

AT_ONCE = 5000
KEYS_PRESSED = 20
REFRESH_S = 5.0
COOKIE, CSRF = "roadwarden_session", "X-CSRF-Token"


def main() -> None:
    """Fill, serve, work, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=Path, required=True, help="a sealed package that all cases show")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--officers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument(
        "--think", type=float, default=12.0, help="seconds that an officer looks at a case, on average (10 to 20)"
    )
    parser.add_argument("--watchers", type=int, default=5, help="screens that show the queue all the time")
    parser.add_argument("--home", type=Path, help="folder that is filled once and used again; default: a temporary one")
    parser.add_argument("--browser", help="Chromium; measures from the key to the next case as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-desk-") as folder:
        home = options.home or Path(folder)
        is_new = not (home / "roadwarden.db").exists()
        shutil.copytree(options.package, home / "evidence" / options.package.name, dirs_exist_ok=True)
        engine = open_database(f"sqlite:///{home / 'roadwarden.db'}")
        if is_new:
            fill(engine, options)
            add_officers(engine, options.officers)
        tokens = open_sessions(engine)[: options.officers]
        engine.dispose()
        if options.seconds == 0:
            return
        server, address = serve(home)
        try:
            print(f"{options.cases} cases, {options.officers} officers, {os.cpu_count()} cores; {describe_load()}")
            show(work(server.pid, address, tokens, options))
            if options.browser:
                show(work_with_browser(server.pid, address, tokens, options))
        finally:
            server.terminate()
            server.wait(timeout=20)


def show(figures: dict[str, list[float]]) -> None:
    """A line for each kind of request."""
    print(f"{'what':32}{'n':>7}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}")
    for what, times in sorted(figures.items()):
        found = [seconds * 1000 for seconds in sorted(times)]
        late = found[min(len(found) - 1, int(len(found) * 0.95))]
        print(f"{what:32}{len(found):>7}{statistics.median(found):>9.0f}{late:>9.0f}{found[-1]:>9.0f}")


def describe_load() -> str:
    """What the machine had to do in the last minute."""
    return f"load average {os.getloadavg()[0]:.1f}"


def processor_s(pid: int | str = "self") -> float:
    """Processor time of a process so far, s."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fill(engine: Engine, options: argparse.Namespace) -> None:
    """Cases by the thousand; the guards of states are off only here, where no officer has worked yet."""
    manifest = json.loads((options.package / "manifest.json").read_text(encoding="utf-8"))
    seen, load = manifest["pass"]["plate"], manifest["pass"]["load"]
    chance, now = random.Random(7), datetime.now(UTC)
    with write_session(engine) as session:
        session.execute(text("DROP TRIGGER guard_cases_insert"))
    for start in range(0, options.cases, AT_ONCE):
        cases, findings, evidence = [], [], []
        for number in range(start, min(start + AT_ONCE, options.cases)):
            case_id, confidence = f"RW-20261101-000000-{number:08X}", round(chance.uniform(0.8, 0.99), 4)
            camera, created = number % CAMERAS, now - timedelta(seconds=chance.uniform(0, 30 * 86400))
            cases.append({
                "case_id": case_id, "camera_id": f"cam-{camera:03}", "place": f"示例路 {camera} 号",
                "confidence": confidence, "district": f"d{camera % DISTRICTS:02}", "vehicle_type": "truck",
                "status": chance.choice(STATES), "grade": chance.choice(("lead", "evidence")), "grade_reasons": [],
                "captured_at": created, "time_source": "rtcp_sr", "uncertainty_ms": 40.0, "created_at": created,
                "updated_at": created, "plate_text": f"渝D{chance.randrange(100_000):05}",
                "plate_type": seen["plate_type"], "plate_colour": seen["colour"], "plate_confidence": 0.98,
                "plate_characters": seen["characters"], "plate_looks": seen["looks"], "load_label": "heaped",
                "load_cover": load["cover"], "load_cover_confidence": 0.98, "load_fill": load["fill"],
                "load_fill_confidence": confidence, "load_tipper_confidence": 0.98,
            })  # fmt: skip
            findings.append({
                "case_id": case_id, "rule": "heaped_load", "position": 0, "confidence": confidence,
                **{name: manifest["findings"][0][name] for name in ("measured", "limits", "deciding")},
            })  # fmt: skip
            evidence.append({
                "case_id": case_id, "folder": options.package.name, "manifest_sha256": manifest["digest"]["value"],
                "clip_start_s": 0.0, "clip_end_s": 12.0, "sealed_at": created,
            })  # fmt: skip
        with write_session(engine) as session:
            for table, rows in ((CaseRow, cases), (FindingRow, findings), (EvidenceRow, evidence)):
                session.execute(insert(table), rows)


def add_officers(engine: Engine, count: int) -> None:
    """So many reviewers, who are let in by their sessions alone."""
    hashed, now = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("benchmark"), datetime.now(UTC)
    with write_session(engine) as session:
        for number in range(count):
            session.add(
                AccountRow(
                    account=f"officer{number}", name=f"审核员{number}", unit="", roles=["reviewer"], districts=["*"],
                    certificate=f"B{number}", password=hashed, must_change=False, is_disabled=False, failures=0,
                    created_by="benchmark", created_at=now,
                )
            )  # fmt: skip


def open_sessions(engine: Engine) -> list[tuple[str, str]]:
    """Session token and CSRF token of every officer."""
    accounts, sessions = AccountStore(engine), SessionStore(engine)
    tokens = [sessions.open(account) for account in accounts.list()]
    return [(token, visitor.csrf) for token in tokens if (visitor := sessions.find(token)) is not None]


def serve(home: Path) -> tuple[subprocess.Popen[str], str]:
    """The desk as people start it."""
    port = random.SystemRandom().randrange(20_000, 60_000)
    command = [sys.executable, "-m", "pipelines", "desk", "--listen", f"127.0.0.1:{port}"]
    environment = os.environ | {"ROADWARDEN_HOME": str(home)}
    environment.pop("ROADWARDEN_DATABASE", None)
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    line = next(line for line in server.stdout if line.startswith("desk: "))
    return server, line.removeprefix("desk: ").strip()


def work(pid: int, address: str, tokens: list[tuple[str, str]], options: argparse.Namespace) -> dict[str, list[float]]:
    """Every officer and every screen in a thread; seconds of each request by kind."""
    figures: dict[str, list[float]] = defaultdict(list)
    begun, desk_s, own_s = time.monotonic(), processor_s(pid), processor_s()
    for thread in start(address, tokens, options, figures):
        thread.join()
    took = time.monotonic() - begun
    desk_s, own_s = processor_s(pid) - desk_s, processor_s() - own_s
    print(
        f"{took:.0f} s, {options.think:.0f} s for a case on average; {describe_load()}; "
        f"the desk used {desk_s / took:.0%} of a core, the officers' side {own_s / took:.0%}"
    )
    return figures


def start(
    address: str, tokens: list[tuple[str, str]], options: argparse.Namespace, figures: dict[str, list[float]]
) -> list[threading.Thread]:
    """Begin the work of officers and screens."""
    until = time.monotonic() + options.seconds
    threads = [
        threading.Thread(target=officer, args=(address, token, (until, options.think, number), figures))
        for number, token in enumerate(tokens)
    ] + [
        threading.Thread(target=watcher, args=(address, tokens[number % len(tokens)], (until, number), figures))
        for number in range(options.watchers)
    ]
    for thread in threads:
        thread.start()
    return threads


def work_with_browser(
    pid: int, address: str, tokens: list[tuple[str, str]], options: argparse.Namespace
) -> dict[str, list[float]]:
    """The first officer sits in a browser, the others work on as before."""
    desk_s, begun = processor_s(pid), time.monotonic()
    threads = start(address, tokens[1:], options, defaultdict(list))
    figures = decide_in_browser(address, tokens[0], options.browser)
    took = time.monotonic() - begun
    print(f"{took:.0f} s with a browser; {describe_load()}; the desk used {(processor_s(pid) - desk_s) / took:.0%}")
    for thread in threads:
        thread.join()
    return figures


def officer(
    address: str, token: tuple[str, str], pace: tuple[float, float, int], figures: dict[str, list[float]]
) -> None:
    """Work through the queue until time is over."""
    until, think, number = pace
    chance = random.Random(number)
    cookies, headers = {COOKIE: token[0]}, {CSRF: token[1], "HX-Request": "true"}
    with httpx.Client(base_url=address, cookies=cookies, headers=headers, timeout=60.0) as client:

        def ask(what: str, method: str, path: str, **given: object) -> httpx.Response:
            begun = time.perf_counter()
            response = client.request(method, path, **given)  # type: ignore[arg-type]
            figures[what].append(time.perf_counter() - begun)
            if response.status_code >= 400:
                raise SystemExit(f"{method} {path}: {response.status_code}: {response.text[:300]}")
            return response

        time.sleep(chance.uniform(0, think))
        ask("queue page", "GET", "/queue")
        opened = ask("take the next case", "POST", "/queue/next").headers["HX-Redirect"]
        text_of_case = ask("case page", "GET", opened).text
        for turn in range(1_000_000):
            case_id = _find(r'data-case="([^"]+)"', text_of_case)
            for name in ("scene_1.jpg", "scene_2.jpg", "vehicle.jpg", "plate.png"):
                ask("picture", "GET", f"/cases/{case_id}/files/{name}")
            ask("clip", "GET", f"/cases/{case_id}/files/clip.mp4", headers={"Range": "bytes=0-"})
            ask("look ahead", "POST", f"/cases/{case_id}/ahead", data={"queue": ""})
            time.sleep(chance.uniform(0.5, 1.5) * think)
            if time.monotonic() > until:
                return
            if turn % 3 == 0:
                ask("queue page", "GET", "/queue?" + chance.choice(FILTERS))
                text_of_case = ask("case page", "GET", f"/cases/{case_id}").text
            data = {
                "action": chance.choice(("confirm", "reject")),
                "seen": _find(r'name="seen" value="(\d+)"', text_of_case),
            }
            data |= {"reason": "covered", "queue": ""}
            text_of_case = ask("decide, and the next case", "POST", f"/cases/{case_id}/steps", data=data).text


def watcher(address: str, token: tuple[str, str], pace: tuple[float, int], figures: dict[str, list[float]]) -> None:
    """A screen that shows the queue and asks for news."""
    until, number = pace
    with httpx.Client(base_url=address, cookies={COOKIE: token[0]}, timeout=60.0) as client:
        time.sleep(number * REFRESH_S / 5)
        refresh = _refresh(client.get("/queue").text)
        while time.monotonic() < until:
            time.sleep(REFRESH_S)
            begun = time.perf_counter()
            answer = client.get(refresh, headers={"HX-Request": "true"}).raise_for_status()
            figures["list looks for news"].append(time.perf_counter() - begun)
            refresh = _refresh(answer.text) if answer.text else refresh


FILTERS = ("", "group=all", "plate=D123", "rule=heaped_load", "camera=cam-007", "district=d07", "grade=evidence",
           "mine=1", "group=ended", "from=2026-11-01")  # fmt: skip


def decide_in_browser(address: str, token: tuple[str, str], browser_path: str) -> dict[str, list[float]]:
    """Seconds from pressing the key until the next case is on the screen: one key, a case."""
    from playwright.sync_api import sync_playwright

    figures: dict[str, list[float]] = defaultdict(list)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        context.add_cookies([{"name": COOKIE, "value": token[0], "url": address}])
        page = context.new_page()
        page.goto(f"{address}/queue")
        page.keyboard.press("n")
        page.wait_for_selector("#case[data-mine] video")
        for _ in range(KEYS_PRESSED):
            page.wait_for_timeout(2500)  # somebody looks at it
            for what, took_ms in page.evaluate(ONE_KEY).items():
                figures[f"key to {what}"].append(took_ms / 1000)
        browser.close()
    return figures


ONE_KEY = """() => new Promise(done => {
    const before = document.getElementById('case').dataset.case, found = {};
    let is_there = false;
    performance.clearResourceTimings();
    const begun = performance.now();
    const look = () => {
        const passed = performance.now() - begun, now = document.getElementById('case');
        if (is_there && !found['next case']) found['next case'] = passed;
        is_there = now && now.dataset.case !== before;
        const clip = is_there && now.querySelector('video');
        const answer = performance.getEntriesByType('resource').find(entry => entry.name.endsWith('/steps'));
        if (answer && found['next case'] && (!clip || clip.readyState >= 2)) {
            done({...found, 'answer of the desk': answer.responseEnd - begun, 'first picture of its clip': passed});
        } else {
            requestAnimationFrame(look);
        }
    };
    document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'y', bubbles: true}));
    requestAnimationFrame(look);
})"""
"""Presses the key that confirms; the next case counts as there once a frame has been drawn with it."""


def _find(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    if found is None:
        raise SystemExit(f"the page holds no {pattern}: {page[:500]}")
    return found.group(1)


def _refresh(page: str) -> str:
    return _find(r'hx-get="(/queue/rows[^"]+)"', page).replace("&amp;", "&")


if __name__ == "__main__":
    main()
