"""Lists that other systems export: good rows are taken, bad ones named, and a file that is none is refused in one line.

Plates with markup and file names that lead elsewhere come through as text or not at all.
"""

from pathlib import Path

from hypothesis import given

from detector.entities import VehicleType
from detector.observation.plate_grammar import is_complete
from detector.registers.reading import read_register, read_requests
from tests.fuzz.hostile import answer_or_one_line, bounded, nearly
from tests.sighting_files import make_importer, open_store

REGISTER = (
    "plate,category,company,valid_from,valid_to,hours,routes,sites\n"
    "渝A12345,c,co,2026-01-01,2026-12-31,22:00-06:00,r;s,t\n"
)
REQUESTS = "plate,reason,expires,plate_colour,vehicle_type\n渝A12345,r,2026-06-30T00:00:00+08:00,blue,truck\n"
SIGHTINGS = (
    "plate_text,camera_id,seen_at,direction,vehicle_type,plate_colour,confidence\n"
    '渝A12345,in,2026-05-08T12:00:00Z,n,car,blue,0.9\n"渝A12346",in,2026-05-08 12:00:00,n,car,蓝,\n'
)


def test_registers_and_requests(tmp_path: Path) -> None:
    vehicles = tuple(kind.label for kind in VehicleType)

    @bounded
    @given(nearly(REGISTER.encode(), REGISTER.encode("gb18030")), nearly(REQUESTS.encode()))
    def attack(register: bytes, requests: bytes) -> None:
        (tmp_path / "register.csv").write_bytes(register)
        (tmp_path / "requests.csv").write_bytes(requests)
        found = answer_or_one_line(lambda: read_register(tmp_path / "register.csv", is_complete))
        assert found is None or all(is_complete(entry.plate_text) for entry in found[0])
        asked = answer_or_one_line(lambda: read_requests(tmp_path / "requests.csv", is_complete, vehicles))
        assert asked is None or all(request.expires_at.tzinfo for _, request in asked[0])

    attack()


def test_sightings(tmp_path: Path) -> None:
    """Every row is kept, known already, or named; nothing half-staged stays."""
    store, engine = open_store(tmp_path)
    importer, with_ends = make_importer(store), SIGHTINGS.replace("\n", "\r\n")

    @bounded
    @given(nearly(SIGHTINGS.encode(), SIGHTINGS.encode("gb18030"), with_ends.encode("utf-8-sig")))
    def attack(content: bytes) -> None:
        (tmp_path / "a.csv").write_bytes(content)
        report = answer_or_one_line(lambda: importer.run(tmp_path / "a.csv"))
        assert report is None or report.kept + report.known + report.bad == report.rows
        assert list((tmp_path / "sightings").glob("import-*")) == []

    attack()
    engine.dispose()
