"""The plate reader's way from raw output to a reading, on hand-written arrays."""

import numpy as np
import pytest

from detector.entities import PlateColour
from detector.errors import ModelError
from detector.observation.plate_detector import PlateBox
from detector.observation.plate_reader import OnnxPlateReader, PlateReaderSettings, softmax

ALPHABET = "渝京AB01"
SETTINGS = PlateReaderSettings(ALPHABET, (PlateColour.BLUE, PlateColour.YELLOW), temperature=1.0, min_colour=0.6)
PLATE = PlateBox(((10.0, 10.0), (74.0, 10.0), (74.0, 30.0), (10.0, 30.0)), 1, 0.8)


def spell(text, score=8.0, slots=8):
    """Scores (slots, classes) that spell a text; "_" is a blank between characters."""
    scores = np.zeros((slots, 1 + len(ALPHABET)), np.float32)
    for slot, character in enumerate(text.ljust(slots, "_")):
        scores[slot, 0 if character == "_" else ALPHABET.index(character) + 1] = score
    return scores


class FixedNetwork:
    """Gives the same answer for every crop."""

    def __init__(self, characters, colours=(5.0, 0.0)):
        self.characters, self.colours = characters, np.array(colours, np.float32)

    def run(self, batch):
        assert batch.dtype == np.float32
        assert batch.shape[1:] == (3, 64, 192)
        assert 0 <= batch.min() <= batch.max() <= 1
        return [np.stack([self.characters] * len(batch)), np.stack([self.colours] * len(batch))]


class FixedDetector:
    """Finds prepared plates."""

    def __init__(self, *found):
        self.found = list(found)

    def find(self, image, boxes, hints=None):
        return self.found


IMAGE = np.full((100, 100, 3), 90, np.uint8)


def read(characters, colours=(5.0, 0.0), settings=SETTINGS):
    """The reading of one plate."""
    return OnnxPlateReader(FixedDetector([PLATE]), FixedNetwork(characters, colours), settings).read(
        IMAGE, [(0, 0, 99, 99)]
    )[0]


def test_characters_are_spelled_with_their_probabilities():
    """The text is the best class of each slot; blanks are left out; plate facts are those of the detector."""
    reading = read(spell("渝A01"))
    assert reading.text == "渝A01"
    assert reading.characters == pytest.approx([np.exp(8) / (np.exp(8) + 6)] * 4)
    assert (reading.colour, reading.rows, reading.detection_confidence) == (PlateColour.BLUE, 1, 0.8)
    assert reading.corners == PLATE.corners


def test_a_blank_between_characters_joins_the_rest():
    """An empty slot in the middle is skipped, and the lists stay parallel."""
    reading = read(spell("渝_A"))
    assert reading.text == "渝A"
    assert len(reading.characters) == len(reading.alternatives) == 2


def test_alternatives_are_the_next_best_characters():
    """Others are named best first, without the blank and without the chosen one."""
    scores = spell("渝A")
    scores[1, ALPHABET.index("B") + 1], scores[1, ALPHABET.index("0") + 1], scores[1, 0] = 6.0, 4.0, 7.0
    (b, p_b), (zero, p_zero), *_ = read(scores).alternatives[1]
    assert (b, zero) == ("B", "0")
    assert p_b > p_zero > 0
    assert all(name not in ("A", "") for name, _ in read(scores).alternatives[1])


def test_temperature_softens_without_changing_the_text():
    """A calibrated reader says the same, less surely."""
    soft = PlateReaderSettings(ALPHABET, SETTINGS.colours, temperature=4.0)
    assert read(spell("渝A01"), settings=soft).text == "渝A01"
    assert max(read(spell("渝A01"), settings=soft).characters) < min(read(spell("渝A01")).characters)


def test_a_doubtful_ground_is_unknown():
    """Colours that are nearly equal give UNKNOWN instead of a guess."""
    assert read(spell("渝A"), colours=(0.1, 0.0)).colour is PlateColour.UNKNOWN
    assert read(spell("渝A"), colours=(0.0, 3.0)).colour is PlateColour.YELLOW


def test_nothing_seen_is_an_empty_text_and_no_plate_is_none():
    """A plate without characters is a reading with text ""; a vehicle without plate is None."""
    assert read(spell("")).text == ""
    reader = OnnxPlateReader(FixedDetector([], [PLATE]), FixedNetwork(spell("渝A")), SETTINGS)
    none, reading = reader.read(IMAGE, [(0, 0, 9, 9), (0, 0, 99, 99)])
    assert none is None
    assert reading.text == "渝A"


def test_no_vehicle_runs_no_network():
    """Without boxes there is nothing to read."""
    assert OnnxPlateReader(FixedDetector(), None, SETTINGS).read(IMAGE, []) == []


@pytest.mark.parametrize(
    "row",
    [{}, {"alphabet": "AB"}, {"alphabet": "AB", "colours": ["pink"]}, {"alphabet": "AA", "colours": ["blue"]},
     {"alphabet": "AB", "colours": ["blue"], "temperature": 0}],
)  # fmt: skip
def test_unusable_rows_are_refused(row):
    """A manifest row without alphabet or colours, or with wrong values, is one clear error."""
    with pytest.raises(ModelError, match="plate_reader"):
        PlateReaderSettings.parse(row)


def test_softmax_survives_large_scores():
    """Probabilities sum to 1 without overflow."""
    assert softmax(np.array([1e4, 0.0, -1e4])).tolist() == [1, 0, 0]


def test_a_character_that_depends_on_the_cut_is_not_sure():
    """A plate is cut out three times; where the cuts disagree, the mean of their scores says so."""

    class FickleNetwork(FixedNetwork):
        def run(self, batch):
            characters, colours = super().run(batch)
            other = spell("京A01011")
            return np.stack([characters[0] if i % 3 else other for i in range(len(batch))]), colours

    network = FickleNetwork(spell("京A01010"))
    (reading,) = OnnxPlateReader(FixedDetector([PLATE]), network, SETTINGS).read(IMAGE, [(0, 0, 99, 99)])
    assert reading.text == "京A01010"
    assert reading.characters[-1] < 0.95 < reading.characters[0]
