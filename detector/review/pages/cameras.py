"""Cameras: what they show now, how they fare, what the law knows of them; zones and lines edited on the picture."""

import json
from typing import Annotated, Any

from fastapi import Form
from starlette.responses import Response

from detector.documents import read_json
from detector.entities import Camera, Role
from detector.errors import EvidenceError
from detector.review.access import allow, page_router
from detector.review.camera_desk import CameraConfiguration, Edit
from detector.review.queries.cameras import last_cases, last_package, missing_of_record, own_cameras
from detector.review.refusals import Refusal
from detector.review.view import CurrentView, Link, View

router = page_router()
LINKS = (Link("show_cameras", "cameras.title", 70),)
READERS = (Role.REVIEWER, Role.LEGAL, Role.DISPATCHER, Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR)
EDITORS = (Role.SUPERVISOR, Role.ADMINISTRATOR)
CORNERS_MOST, LINES_MOST = 40, 20


@router.get("/cameras")
@allow(*READERS)
def show_cameras(view: CurrentView) -> Response:
    """Every camera of the person's districts."""
    cameras = own_cameras(view.desk.cameras, view.visitor)
    health = view.desk.workers.health() if view.desk.workers else {}
    return view.page(
        "cameras.html", cameras=cameras, health=health, last=last_cases(view.desk.engine, view.visitor, cameras),
        missing={name: missing_of_record(camera, view.desk.now()) for name, camera in cameras.items()},
        is_watched=view.desk.workers is not None,
    )  # fmt: skip


@router.get("/cameras/{camera_id}")
@allow(*READERS)
def show_camera(view: CurrentView, camera_id: str) -> Response:
    """One camera with its geometry."""
    camera = _find(view, camera_id)
    configuration = view.desk.configuration
    health = view.desk.workers.health().get(camera_id) if view.desk.workers else None
    return view.page(
        "camera.html", camera=camera, health=health, missing=missing_of_record(camera, view.desk.now()),
        last=last_cases(view.desk.engine, view.visitor, [camera_id]).get(camera_id),
        may_edit=configuration is not None and bool(view.visitor.roles & set(EDITORS)),
        fingerprint=configuration.fingerprint() if configuration else None,
        versions=configuration.history() if configuration else (), place=configuration.place if configuration else "",
        geometry=json.dumps({"zone": camera.zone, "lines": camera.lines}), corners_most=CORNERS_MOST,
    )  # fmt: skip


@router.get("/cameras/{camera_id}/picture")
@allow(*READERS)
def show_picture(view: CurrentView, camera_id: str) -> Response:
    """What the camera shows now, else the masked scene of its last case."""
    _find(view, camera_id)
    shown = view.desk.workers.picture(camera_id) if view.desk.workers else None
    if shown is not None:
        return Response(shown.jpeg, media_type="image/jpeg")
    case_id = last_package(view.desk.engine, view.visitor, camera_id)
    evidence = view.desk.cases.get(case_id).evidence if case_id else None
    try:
        package = view.desk.shelf.find(evidence) if evidence else None
        names = [n for n, row in package.files.items() if row.get("role") == "masked"] if package else []
        scene = next((name for name in names if name.startswith("scene_")), None)
        if package is not None and scene is not None:
            return Response(view.desk.shelf.open(package, scene).read_bytes(), media_type="image/jpeg")
    except EvidenceError:
        pass  # a package that is gone shows nothing
    raise Refusal(404, "error.no_picture")


@router.post("/cameras/{camera_id}/geometry")
@allow(*EDITORS)
def save_geometry(
    view: CurrentView,
    camera_id: str,
    geometry: Annotated[str, Form(max_length=20_000)],
    note: Annotated[str, Form(min_length=2, max_length=200)],
    based_on: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Zone and lines as drawn become a new version of the configuration, checked like any other."""
    _find(view, camera_id)
    edit = Edit(camera_id, read_geometry(geometry), view.visitor.account.name, note, based_on or None)
    version = _configuration(view).save(edit)
    view.record("camera_geometry", note, camera=camera_id, version=version.number)
    return view.redirect(f"/cameras/{camera_id}", say="cameras.saved", number=version.number)


@router.post("/cameras/{camera_id}/restore")
@allow(Role.ADMINISTRATOR)
def restore_version(view: CurrentView, camera_id: str, number: Annotated[int, Form(ge=1)]) -> Response:
    """An older version of the whole configuration, in force again."""
    _find(view, camera_id)
    version = _configuration(view).restore(number, view.visitor.account.name)
    view.record("configuration_restore", f"version {number}", camera=camera_id, version=version.number)
    return view.redirect(f"/cameras/{camera_id}", say="cameras.restored", number=number)


def read_geometry(text: str) -> dict[str, Any]:
    """The keys `zone` and `lines` of a camera's table, from what the page sends.

    Raises:
        Refusal: it is no geometry. Whether its values make sense is for the configuration to say.
    """
    try:
        told = read_json(text)
        zone = None if told["zone"] is None else [_point(corner) for corner in told["zone"]]
        lines = {str(name)[:64]: [_point(end) for end in ends] for name, ends in told["lines"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise Refusal(400, "error.form", "geometry") from error
    if len(zone or ()) > CORNERS_MOST or len(lines) > LINES_MOST or any(len(ends) != 2 for ends in lines.values()):
        raise Refusal(400, "error.form", "geometry")
    return {"zone": zone, "lines": lines or None}


def _point(told: Any) -> list[float]:
    x, y = told
    return [round(float(x), 4), round(float(y), 4)]


def _find(view: View, camera_id: str) -> Camera:
    """A camera of the person's districts; whether another exists is not told."""
    found = own_cameras(view.desk.cameras, view.visitor).get(camera_id)
    if found is None:
        raise Refusal(404, "error.no_camera")
    return found


def _configuration(view: View) -> CameraConfiguration:
    if view.desk.configuration is None:
        raise Refusal(404, "error.no_camera")
    return view.desk.configuration
