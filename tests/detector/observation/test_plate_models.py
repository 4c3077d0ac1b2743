"""The shipped plate models on clean drawn plates: they are real, and wired as the program wires them."""

import cv2
import numpy as np
import pytest

from detector.entities import PlateColour
from detector.inference import Device, OnnxModel
from detector.observation.plate_detector import OnnxPlateDetector, PlateBox, PlateDetectorSettings
from detector.observation.plate_reader import OnnxPlateReader, PlateReaderSettings
from detector.observation.plate_vote import vote
from detector.weights import load_model_file
from scripts.synthesis.plates import STYLES, draw_plate

WIDTH_PX = 150


@pytest.fixture(scope="module")
def reader():
    """Both shipped models, on the CPU."""
    rows = {name: load_model_file(name) for name in ("plate_detector", "plate_reader")}
    networks = {name: OnnxModel(row.path, Device.CPU, threads=1) for name, row in rows.items()}
    detector = OnnxPlateDetector(
        networks["plate_detector"], PlateDetectorSettings.parse(rows["plate_detector"].settings)
    )
    return OnnxPlateReader(detector, networks["plate_reader"], PlateReaderSettings.parse(rows["plate_reader"].settings))


def park(plate_type, text, at=(170, 300)):
    """A dark lorry's front on a grey road with a plate; the picture and the plate's corners."""
    style = STYLES[plate_type]
    height_px = round(WIDTH_PX * style.height / style.width)
    plate = cv2.resize(draw_plate(text, plate_type)[..., ::-1], (WIDTH_PX, height_px), interpolation=cv2.INTER_AREA)
    picture = np.full((480, 500, 3), 120, np.uint8)
    picture[60:430, 60:440] = (60, 50, 40)
    picture[120:240, 90:410] = (30, 30, 30)
    x, y = at
    picture[y : y + height_px, x : x + WIDTH_PX] = plate
    picture = cv2.GaussianBlur(picture, (0, 0), 0.8)
    x2, y2 = x + WIDTH_PX, y + height_px
    return picture, ((x, y), (x2, y), (x2, y2), (x, y2))


@pytest.mark.parametrize(
    ("plate_type", "text", "colour"),
    [
        ("blue", "渝A12345", PlateColour.BLUE),
        ("yellow_single", "川B6C789", PlateColour.YELLOW),
        ("yellow_double", "渝D90K21", PlateColour.YELLOW),
        ("trailer", "鲁H5678挂", PlateColour.YELLOW),
        ("nev_small", "粤AD12345", PlateColour.GREEN),
        ("nev_large", "渝B34567D", PlateColour.YELLOW_GREEN),
        ("police", "京A0006警", PlateColour.WHITE),
        ("hk_macau", "粤ZK345港", PlateColour.BLACK),
    ],
)
def test_clean_plates_of_every_ground_are_read(reader, plate_type, text, colour):
    """Text, ground and certainty of a clean plate of 150 px, one row or two, with known corners."""
    picture, corners = park(plate_type, text)
    rows = 2 if STYLES[plate_type].height == 220 else 1
    plate = vote(reader.read_plates(picture, [PlateBox(corners, rows, 1.0)]))
    assert (plate.text, plate.colour) == (text, colour)


def test_a_plate_is_found_where_it_hangs(reader):
    """From the vehicle's box alone: the plate's place to a tenth of its width, and its text."""
    picture, corners = park("blue", "渝A12345")
    (reading,) = reader.read(picture, [(60.0, 60.0, 440.0, 430.0)])
    assert np.abs(np.array(reading.corners) - corners).max() < 0.1 * WIDTH_PX
    assert reading.text == "渝A12345"
    assert reading.rows == 1


def test_a_vehicle_without_plate_has_none(reader):
    """Bare metal is no plate."""
    picture, _ = park("blue", "渝A12345")
    picture[290:] = picture[289]
    assert reader.read(picture, [(60.0, 60.0, 440.0, 430.0)]) == [None]
