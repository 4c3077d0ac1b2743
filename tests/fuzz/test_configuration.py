"""Files that people write: whatever stands in them, they are read or refused with one line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.cases.clocks import PUBLISHED as CLOCKS
from detector.cases.clocks import load_clocks
from detector.cases.law import PUBLISHED as LAW
from detector.cases.law import load_law
from detector.evidence.authority import PUBLISHED as AUTHORITY
from detector.evidence.authority import load_authorities
from detector.weights import load_model_file
from pipelines.config import parse_cameras
from pipelines.desk import load_desk_table
from pipelines.dispatch_config import load_dispatch
from tests.fuzz.hostile import answer_or_one_line, bounded, nearly_toml

ROOT = Path(__file__).resolve().parents[2]
CAMERAS = (
    (ROOT / "cameras.toml").read_bytes(),
    """[[camera]]
id = "gate"
place = "三号门"
analysis_fps = 8
zone = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75]]
lines = {out = [[0.0, 0.9], [1.0, 0.9]]}
rules = {heaped_load = {enabled = true, min_looks = 3}}
legal = {technical_review = "a", legal_review = "b", published_at_url = "https://x", valid_to = 2027-01-01T00:00:00Z}
[camera.stream]
url = "rtsp://10.0.0.1/1"
username = "u"
password_env = "HOME"
[[hub]]
id = "north"
entry = ["gate"]
[[road]]
from = "gate"
to = "gate"
distance_m = 500
[privacy]
lifetime_days = 20
[leads]
window_days = 7
""".encode(),
    b'[gateway]\nurl = "http://10.0.0.2"\napi_key_env = "HOME"\n[[camera]]\nid = "c"\n'
    b'stream = {gb28181 = {device = "34020000001320000001", channel = "34020000001320000001"}}\n',
)
DISPATCH = b"""language = "zh"
[[destination]]
id = "urban"
kind = "webhook"
url = "https://example.org/in"
secret_env = "HOME"
units = ["jlp-cg"]
[[route]]
rules = ["heaped_load"]
units = ["jlp-cg"]
"""
DESK = b"""language = "zh"
idle_minutes = 30
[oidc]
issuer = "https://id.example.org"
client_id = "desk"
client_secret_env = "HOME"
"""


@bounded
@given(st.one_of(*map(nearly_toml, CAMERAS)))
def test_cameras(content: bytes) -> None:
    answer_or_one_line(lambda: parse_cameras(content, "cameras.toml"))


@pytest.mark.parametrize(
    ("read", "right"),
    [
        (load_dispatch, DISPATCH),
        (load_desk_table, DESK),
        (load_law, LAW.read_bytes()),
        (load_clocks, CLOCKS.read_bytes()),
        (load_authorities, AUTHORITY.read_bytes()),
    ],
    ids=["dispatch", "desk", "law", "clocks", "authorities"],
)
def test_tables(read, right: bytes, tmp_path: Path) -> None:
    @bounded
    @given(nearly_toml(right))
    def attack(content: bytes) -> None:
        path = tmp_path / "table.toml"
        path.write_bytes(content)
        answer_or_one_line(lambda: read(path))

    attack()


def test_manifest_of_weights(tmp_path: Path) -> None:
    right = b'[vehicle_detector]\nfile = "v.onnx"\nsha256 = "' + b"0" * 64 + b'"\nversion = "3"\nclasses = ["car"]\n'
    (tmp_path / "v.onnx").write_bytes(b"")

    @bounded
    @given(nearly_toml(right))
    def attack(content: bytes) -> None:
        (tmp_path / "manifest.toml").write_bytes(content)
        answer_or_one_line(lambda: load_model_file("vehicle_detector", tmp_path))

    attack()
