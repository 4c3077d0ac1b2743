"""The printed dossier of a case: A4 pages with pictures, facts, basis, reviews, hashes and a QR code of the manifest.

It tells of reviews that come after the package was sealed, and of the manifest's own hash: so it is made on demand, and
is no part of the package.
"""

import io
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import segno
from fontTools.ttLib import TTFont
from fpdf import FPDF, XPos, YPos
from fpdf.enums import WrapMode
from fpdf.fonts import FontFace
from PIL import Image

from detector.entities import BEIJING, Action, Case, CaseEvent
from detector.errors import EvidenceError
from detector.evidence import texts
from detector.evidence.composite import find_font
from detector.evidence.reviews import find_standing
from detector.evidence.texts import Language
from detector.evidence.verify import MANIFEST, read_manifest, verify_package

WORDS = Path(__file__).with_name("dossier.toml")
MARGIN_MM, WIDTH_MM = 15.0, 180.0
TEXT_PT, SMALL_PT, TITLE_PT, HEAD_PT = 9.0, 6.2, 16.0, 11.0
LINE_MM, SMALL_LINE_MM = 5.2, 3.4
QR_MM = 30.0
KEY_MM = 38.0
SHEET_MM, SCENE_MM, CLOSE_MM = 215.0, 102.0, 62.0
"""Largest heights of the composite, a scene and the close-ups."""

GAP_MM = 4.0
UNKNOWN = "〓"
"""What printers put where a character is missing in their type."""


@dataclass(frozen=True, slots=True)
class Printout:
    """What a dossier is made of.

    Attributes:
        folder: the sealed package.
        case: as it stands.
        history: everything that was done to it, oldest first.
        printed_at: aware.
        masked: whether pictures are the copies for publication; where the package has none, there are no pictures.
    """

    folder: Path
    case: Case
    history: Sequence[CaseEvent]
    printed_at: datetime
    masked: bool = True
    language: Language = Language.ZH


def print_dossier(printout: Printout) -> bytes:
    """The dossier as a PDF file; the same input gives the same bytes.

    Raises:
        EvidenceError: the package cannot be read, or it is not what was sealed, to the database's knowledge.
    """
    sealed = printout.case.evidence
    report = verify_package(printout.folder, sealed.manifest_sha256 if sealed else None)
    if not report.is_intact:
        raise EvidenceError(f"{printout.folder}: {report.lines(Language.EN)[0]}; `roadwarden verify` says more")
    content, digest = read_manifest(printout.folder / MANIFEST)
    sheet = _Sheet(printout, content, digest)
    return sheet.draw()


@cache
def load_words(language: Language) -> Mapping[str, Any]:
    """The words of a language."""
    words: Mapping[str, Any] = tomllib.loads(WORDS.read_text(encoding="utf-8"))[language.value]
    return words


@cache
def _known_characters() -> frozenset[int]:
    """Code points that the bundled font can show."""
    return frozenset(TTFont(find_font()).getBestCmap())


def _printable(value: object) -> str:
    """A text of which every character can be shown."""
    text = " ".join(str(value).replace("·", "•").split()) or "-"
    return "".join(c if ord(c) in _known_characters() else UNKNOWN for c in text)


class _Pdf(FPDF):
    """Pages with a footer; `footer` is called by the library."""

    def __init__(self, foot: str, page_of: str) -> None:
        super().__init__(format="A4")
        self._foot, self._page_of = foot, page_of
        self.set_margins(MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(True, MARGIN_MM + 5)
        self.add_font("cjk", fname=find_font())
        self.set_font("cjk", size=TEXT_PT)
        self.alias_nb_pages("{pages}")

    def footer(self) -> None:
        """Case, hash and number at the foot of every page."""
        self.set_y(-MARGIN_MM)
        self.set_font("cjk", size=SMALL_PT)
        self.cell(WIDTH_MM - 40, 5, self._foot)
        self.cell(40, 5, self._page_of.replace("{page}", str(self.page_no())), align="R")


class _Sheet:
    """One dossier in the making."""

    def __init__(self, printout: Printout, content: Mapping[str, Any], digest: str) -> None:
        self.printout, self.content, self.digest = printout, content, digest
        self.case, self.language = printout.case, printout.language
        self.words = load_words(printout.language)
        self.pdf = _Pdf(_printable(f"{self.case.case_id}   SHA-256 {digest}"), self.words["page"])
        self.pdf.set_creation_date(printout.printed_at)
        self.pdf.set_title(self.case.case_id)
        self.names = {row["name"] for row in content.get("files", [])}

    def draw(self) -> bytes:
        """All pages."""
        self.pdf.add_page()
        self._head()
        self._facts()
        self._pictures()
        self._basis()
        self._reviews()
        self._hashes()
        return bytes(self.pdf.output())

    def _head(self) -> None:
        pdf = self.pdf
        code = io.BytesIO()
        segno.make(self.digest, error="m", micro=False).save(code, kind="png", scale=8, border=2)
        top = pdf.get_y()
        pdf.image(code, x=MARGIN_MM + WIDTH_MM - QR_MM, y=top, w=QR_MM)
        pdf.set_font("cjk", size=TITLE_PT)
        pdf.cell(WIDTH_MM - QR_MM, 10, self.words["title"], new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._line("case", self.case.case_id, WIDTH_MM - QR_MM)
        self._line("status", self.words["statuses"][self.case.status.value], WIDTH_MM - QR_MM)
        grade = texts.text(f"grade.{self.case.grade.value}", self.language)
        self._row(texts.text("label.grade", self.language), grade, WIDTH_MM - QR_MM)
        self._line("printed_at", _moment(self.printout.printed_at), WIDTH_MM - QR_MM)
        pdf.set_y(max(pdf.get_y(), top + QR_MM + 1))

    def _facts(self) -> None:
        self._section("facts")
        content, camera = self.content, self.content["camera"]
        time = content["time"]
        source = texts.text(f"time.source.{time['source']}", self.language)
        known = time["uncertainty_ms"]
        error = (
            texts.text("time.uncertainty_unknown", self.language)
            if known is None
            else texts.text("time.uncertainty", self.language, ms=round(known, 1))
        )
        first = time["first_deciding_at"]
        instant = _moment(datetime.fromisoformat(first)) if first else f"{time['first_deciding_s']:.1f} s"
        label = {key: texts.text(f"label.{key}", self.language) for key in ("time", "place", "direction", "plate")}
        self._row(label["time"], f"{instant}（{source}；{error}）")
        self._row(label["place"], camera["place"])
        self._row(label["direction"], camera["direction"] or "-")
        self._row(texts.text("label.camera", self.language), camera["camera_id"])
        self._row(label["plate"], texts.describe_plate(self.case.plate, self.language))
        if self.case.officer_plate:
            self._line("number_plate", self.case.officer_plate)
        self._line("vehicle", texts.text(f"vehicle.{content['pass']['vehicle_type']}", self.language))
        if self.case.source_site:
            self._line("site", self.case.source_site)
        for finding in content["findings"]:
            self._row(texts.text("label.acts", self.language), texts.act(finding["rule"], self.language))
            for key in ("measured", "limits"):
                self._row(f"    {self.words[key]}", self._describe(finding[key]))
        self._row(texts.text("label.code", self.language), content["evidence_code"])
        if self.case.grade_reasons:
            self._line("grade_reasons", texts.join_reasons(self.case.grade_reasons, self.language))

    def _describe(self, measures: Mapping[str, Any]) -> str:
        """Measured values or limits in words; names that the words do not know stay as they are."""
        names, values = self.words["measures"], self.words["values"]
        return "，".join(f"{names.get(name, name)} {values.get(value, value)}" for name, value in measures.items())

    def _pictures(self) -> None:
        self.pdf.add_page()
        self._section("pictures")
        note = "copies" if self.printout.masked else "originals"
        self.pdf.multi_cell(WIDTH_MM, LINE_MM, _printable(self.words[note]), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._flow(("composite.jpg",), SHEET_MM)
        self._flow(("scene_1.jpg",), SCENE_MM)
        self._flow(("scene_2.jpg",), SCENE_MM)
        self._flow(("vehicle.jpg", "plate.png"), CLOSE_MM)

    def _flow(self, names: Sequence[str], height_mm: float) -> None:
        """Pictures side by side, on the next page where this one has no room for them."""
        pdf = self.pdf
        if pdf.get_y() + height_mm + LINE_MM > pdf.h - MARGIN_MM - 5:
            pdf.add_page()
        top, width_mm = pdf.get_y(), (WIDTH_MM - GAP_MM * (len(names) - 1)) / len(names)
        pdf.set_font("cjk", size=SMALL_PT)
        used_mm = [
            self._picture(name, (MARGIN_MM + number * (width_mm + GAP_MM), top), (width_mm, height_mm))
            for number, name in enumerate(names)
        ]
        pdf.set_font("cjk", size=TEXT_PT)
        pdf.set_xy(MARGIN_MM, top + max(used_mm))

    def _picture(self, name: str, corner: tuple[float, float], frame_mm: tuple[float, float]) -> float:
        """A picture in its largest size within a frame, its name under it; gives the height that it took."""
        shown = name.replace(".jpg", ".masked.jpg") if self.printout.masked else name
        path = self.printout.folder / shown
        self.pdf.set_xy(*corner)
        if shown not in self.names or not path.is_file():
            self.pdf.cell(frame_mm[0], LINE_MM, f"{name}: {self.words['no_picture']}")
            return LINE_MM
        with Image.open(path) as image:
            scale = min(frame_mm[0] / image.width, frame_mm[1] / image.height)
            size = image.width * scale, image.height * scale
        self.pdf.image(path, corner[0], corner[1], *size)
        self.pdf.set_xy(corner[0], corner[1] + size[1])
        self.pdf.cell(frame_mm[0], LINE_MM, shown)
        return size[1] + LINE_MM

    def _basis(self) -> None:
        self._section("basis", room_mm=60)
        basis = self.case.basis
        if basis is None:
            self._line("basis_title", self.words["no_basis"])
        else:
            for name in ("title", "code", "body", "source", "version"):
                self._line(f"basis_{name}", basis.get(name) or "-")
        legal = self.content["camera"]["legal"] or {}
        authority = legal.get("authority")
        told = f"{authority['title']}（{authority['body']}；{authority['version']}）" if authority else None
        self._line("camera_authority", told or self.words["not_recorded"])
        names = ("technical_review", "legal_review", "sign", "published_at_url")
        reviews = [str(legal[name]) for name in names if legal.get(name)]
        if legal.get("valid_to"):
            reviews.append(f"{self.words['valid_to']} {_moment(datetime.fromisoformat(legal['valid_to']))}")
        self._line("camera_review", "；".join(reviews) or self.words["not_recorded"])

    def _reviews(self) -> None:
        self._section("reviews", room_mm=70)
        heads = ("step", "decision", "person", "unit", "certificate", "at", "signature")
        standing = find_standing(self.printout.history)
        with self._table((22, 20, 22, 26, 26, 37, 27)) as table:
            table.row([self.words[key] for key in heads])
            rows = (("technical", standing.technical), ("legal", standing.legal), ("verification", standing.end))
            for title, done in rows:
                table.row([self.words[title], *self._signed(done), "\n"])
        steps = [event for event in self.printout.history if event.action in self.words["steps"]]
        if steps:
            self.pdf.ln(3)
            with self._table((24, 24, 28, 37, 67)) as table:
                table.row([self.words[key] for key in ("step", "person", "unit", "at", "reason")])
                for event in steps:
                    told = "；".join(part for part in (self._taken_back(event), event.reason, event.note) if part)
                    cells = (self.words["steps"][event.action], event.name, event.unit, _moment(event.at), told)
                    table.row([_printable(cell) for cell in cells])

    def _taken_back(self, event: CaseEvent) -> str | None:
        """What a person took back; None for every other step."""
        if event.action != Action.UNDO:
            return None
        undone = next((e.action for e in self.printout.history if e.event_id == event.details.get("undone")), "-")
        return str(self.words["steps"].get(undone, undone))

    def _signed(self, event: CaseEvent | None) -> list[str]:
        """Decision, person, unit, certificate and time of a review."""
        if event is None:
            return [self.words["not_done"], "", "", "", ""]
        decision = self.words["steps"].get(event.action, event.action)
        cells = (decision, event.name, event.unit, event.certificate or "-", _moment(event.at))
        return [_printable(cell) for cell in cells]

    def _hashes(self) -> None:
        self._section("hashes", room_mm=60)
        provenance = {
            "version": self.content["software"]["version"],
            "engine": self.content["software"].get("engine") or "-",
            "configuration": self.content["configuration_sha256"][:16],
            "zone": self.content.get("zone_sha256", "-")[:16],
        }
        self._small(self.words["software"].format(**provenance))
        models = "，".join(f"{m['name']} {m['version']} ({m['sha256'][:16]})" for m in self.content["models"])
        self._small(f"{self.words['models']}: {models}")
        self._small(f"{self.words['manifest']}: {self.digest}")
        for line in self._seal_lines():
            self._small(line)
        self.pdf.ln(2)
        self.pdf.set_font("cjk", size=SMALL_PT)
        with self._table((40, 18, 122), SMALL_LINE_MM) as table:
            table.row([self.words["file"], self.words["size"], "SHA-256 / SM3"])
            for row in self.content["files"]:
                digests = f"{row['sha256']}\n{row.get('sm3', '-')}"
                table.row([_printable(row["name"]), f"{row['size']:,}", digests])
        self.pdf.set_font("cjk", size=TEXT_PT)

    def _seal_lines(self) -> list[str]:
        """What the seal says."""
        try:
            seal = json.loads((self.printout.folder / "seal.json").read_bytes())
            sealed_at = _moment(datetime.fromisoformat(seal["sealed_at"]))
            lines = [
                f"{self.words['key']} {seal['key_id']}；{self.words['sequence']} {seal['sequence']}；"
                f"{self.words['sealed_at']} {sealed_at}",
                f"{self.words['previous']}: {seal['previous']}",
                f"{self.words['seal']}: {seal['signature']}",
            ]
        except (OSError, ValueError, KeyError, TypeError):
            return [self.words["no_seal"]]
        if (self.printout.folder / "timestamp.tsr").is_file():
            lines.append(f"{self.words['timestamp']}: timestamp.tsr")
        return lines

    def _section(self, key: str, room_mm: float = 20.0) -> None:
        """A heading, on the next page when little room is left under it."""
        if self.pdf.get_y() + room_mm > self.pdf.h - MARGIN_MM - 5:
            self.pdf.add_page()
        self.pdf.ln(2)
        self.pdf.set_font("cjk", size=HEAD_PT)
        self.pdf.cell(WIDTH_MM, 7, self.words[key], border="B", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.pdf.set_font("cjk", size=TEXT_PT)
        self.pdf.ln(1)

    def _line(self, key: str, value: object, width_mm: float = WIDTH_MM) -> None:
        self._row(self.words[key], value, width_mm)

    def _row(self, label: str, value: object, width_mm: float = WIDTH_MM) -> None:
        """Label and value; long values wrap beside their label, and stay on a page with its first line."""
        self.pdf.set_font("cjk", size=TEXT_PT)
        if self.pdf.get_y() + LINE_MM > self.pdf.h - MARGIN_MM - 5:
            self.pdf.add_page()
        y = self.pdf.get_y()
        self.pdf.multi_cell(KEY_MM, LINE_MM, label, align="L", new_x=XPos.RIGHT, new_y=YPos.TOP)
        self.pdf.set_xy(MARGIN_MM + KEY_MM, y)
        self.pdf.multi_cell(
            width_mm - KEY_MM,
            LINE_MM,
            _printable(value),
            align="L",
            wrapmode=WrapMode.CHAR,
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
        )

    def _small(self, value: str) -> None:
        self.pdf.set_font("cjk", size=SMALL_PT)
        self.pdf.multi_cell(
            WIDTH_MM, SMALL_LINE_MM + 0.6, _printable(value), align="L", wrapmode=WrapMode.CHAR, new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
        )  # fmt: skip
        self.pdf.set_font("cjk", size=TEXT_PT)

    def _table(self, widths_mm: tuple[float, ...], line_mm: float = LINE_MM) -> Any:
        """A table with lines, whose first row is repeated on every page."""
        return self.pdf.table(
            col_widths=widths_mm, width=WIDTH_MM, line_height=line_mm, text_align="LEFT", wrapmode="CHAR", padding=0.8,
            headings_style=FontFace(emphasis="", fill_color=(235, 235, 235)),
        )  # fmt: skip


def _moment(at: datetime) -> str:
    """Beijing time to the second."""
    return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"
