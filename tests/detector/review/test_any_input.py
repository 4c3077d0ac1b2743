"""Whatever is sent to any route of the desk's description, the answer is an answer and never a fault of the program."""

from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.entities import Action, CaseStatus
from detector.review.guard import CSRF_HEADER
from tests.detector.review.desk import BARE_CASE, OTHER_CASE, OWN_CASE, DeskClient, confirm

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
TELLING = st.sampled_from([
    OWN_CASE, OTHER_CASE, BARE_CASE, "0", "-1", "99999999999999999999", "1e9", "NaN",
    "../../etc/passwd", "' OR 1=1 --", "%",
    "<script>", "\x00", "渝D12345", "{{7*7}}", "{0.__class__}", *[action.value for action in Action], "audit", "zh",
    "2026-02-30", "9999-12-31", "0001-01-01", "9999-12-31T23:59Z", "0001-01-01T00:00", "[" * 5000, "9" * 400,
])  # fmt: skip
VALUE = st.one_of(TELLING, TEXT)


@st.composite
def requests(draw: Any, description: dict[str, Any]) -> tuple[str, str, dict[str, Any], dict[str, Any], dict[str, str]]:
    """Method, path, query, form and headers of some operation, with anything where it takes something."""
    path = draw(st.sampled_from(sorted(description["paths"])))
    method = draw(st.sampled_from(sorted(description["paths"][path])))
    operation = description["paths"][path][method]
    form_names: set[str] = {"action", "seen", "reason", "plate", "units", "basis", "parent", "account"}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        name = content["schema"]["$ref"].rsplit("/", 1)[1]
        form_names |= set(description["components"]["schemas"][name]["properties"])
    query = {
        p["name"]: draw(VALUE) for p in operation.get("parameters", []) if p["in"] == "query" and draw(st.booleans())
    }
    query |= draw(st.dictionaries(st.sampled_from(["plate", "from", "to", "show", "state", "grade", "seen"]), VALUE))
    filled = path
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            value = draw(st.sampled_from([OWN_CASE, BARE_CASE])) if parameter["name"] == "case_id" else draw(VALUE)
            filled = filled.replace("{" + parameter["name"] + "}", "".join(f"%{b:02X}" for b in value.encode()))
    form = {name: draw(VALUE) for name in sorted(form_names) if draw(st.booleans())}
    names, values = ["HX-Request", "Range", "X-Requested-With"], ["true", "bytes=0-5", "bytes=5-0,1-2", "bytes=-", "x"]
    headers = draw(st.dictionaries(st.sampled_from(names), st.sampled_from(values)))
    return method.upper(), filled, query, form, headers


@pytest.mark.parametrize("account", ["reviewer", "legal", "administrator"])
def test_no_input_is_a_fault(app: FastAPI, account: str) -> None:
    """No answer is 500, and each carries the headers that hold the browser back."""
    confirm(app.state.desk, OWN_CASE, CaseStatus.IN_REVIEW)
    app.state.desk.limits.is_over = lambda limit, sender: False
    client = DeskClient(app)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(requests(app.openapi()))
    def ask(request: tuple) -> None:
        method, path, query, form, headers = request
        client.cookies.clear()
        client.sign_in(account)
        sent = {"params": query, "headers": {CSRF_HEADER: client.csrf} | headers}
        answer = client.send(method, path, **sent | ({"data": form} if method != "GET" else {}))
        assert answer.status_code < 500, (method, path, query, form, answer.text[-500:])
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]

    ask()
