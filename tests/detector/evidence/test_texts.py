import string
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from detector.entities import Camera, PlateColour, TimeBasis, TimeSource, VehicleType
from detector.evidence import texts
from detector.evidence.composite import load_font
from detector.evidence.texts import Language
from detector.rules.registry import RULES
from tests.detector.evidence.makers import CAMERA, OPERATOR, PLATE, RELATIVE, make_observation, make_violation


def placeholders(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


class TestTables:
    def test_both_languages_say_the_same_things(self):
        """Same keys, and the same values put into each text."""
        assert texts.CHINESE.keys() == texts.ENGLISH.keys()
        for key, template in texts.CHINESE.items():
            assert placeholders(template) == placeholders(texts.ENGLISH[key]), key

    @pytest.mark.parametrize("prefix_and_names", [
        ("act", RULES),
        ("colour", [colour.value for colour in PlateColour]),
        ("vehicle", [kind.label for kind in VehicleType]),
        ("time.source", [source.value for source in TimeSource]),
        ("grade", ["lead", "evidence"]),
    ])  # fmt: skip
    def test_everything_that_can_occur_has_a_text(self, prefix_and_names):
        """A new rule, colour, class or time source without a text for officers is noticed here."""
        prefix, names = prefix_and_names
        assert {f"{prefix}.{name}" for name in names} <= texts.CHINESE.keys()

    @pytest.mark.parametrize(
        "word", ["违法", "罚", "法律", "条例", "超载", "吨", "illegal", "offence", "fine", "overload"]
    )
    def test_no_text_names_law_fine_or_weight(self, word):
        """Texts state what was seen; what it means in law is for officers."""
        assert not [text for table in texts.TABLES.values() for text in table.values() if word in text]

    def test_the_bundled_font_has_every_character(self):
        """A missing glyph would be drawn as an empty box."""
        font = load_font(30)
        missing = bytes(font.getmask("\ue123"))
        characters = set("".join(text for table in texts.TABLES.values() for text in table.values()))
        characters |= set(
            "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼学警港澳挂使领应急" + string.printable[:95]
        )
        assert [c for c in sorted(characters - {" ", "\n"}) if bytes(font.getmask(c)) == missing] == []


class TestTime:
    def test_tenths_are_cut_off_in_beijing_time(self):
        """18:59:59.99 is not yet 19:00, and an evening in UTC is the next day in Beijing."""
        look = replace(make_observation(0, (0, 0, 9, 9)), captured_at=datetime(2024, 3, 5, 16, 59, 59, 990000, UTC))
        assert texts.describe_moment(look, OPERATOR, Language.ZH) == "2024年3月6日 00:59:59.9"
        assert texts.describe_moment(look, OPERATOR, Language.EN) == "2024-03-06 00:59:59.9"

    @pytest.mark.parametrize(
        ("stream_s", "clock"), [(0.0, "00:00:00.0"), (12.3, "00:00:12.3"), (3725.96, "01:02:05.9")]
    )
    def test_relative_time_counts_from_the_start_and_says_so(self, stream_s, clock):
        look = replace(make_observation(0, (0, 0, 9, 9)), stream_s=stream_s)
        said = texts.describe_time(look, RELATIVE, Language.ZH)
        assert said == f"相对时间 {clock}（自录像开始计；绝对时间未知）"

    def test_source_and_uncertainty_are_told(self):
        look = make_observation(0, (0, 0, 9, 9))
        said = texts.describe_time(look, TimeBasis(TimeSource.FILE_SIDECAR, 250.0), Language.ZH)
        assert said == "2024年3月5日 18:35:12.3（北京时间；来源：随附时间文件；误差：±250 毫秒）"
        assert "未知" in texts.describe_time(look, TimeBasis(TimeSource.CONTAINER, None), Language.ZH)


class TestEvent:
    def test_the_sentence_that_departments_pass_on(self):
        """Time, plate, vehicle, road with direction, observed facts (domain.md 6.1)."""
        assert texts.describe_event(make_violation(), CAMERA, OPERATOR) == (
            "2024年3月5日18时35分，车牌号为渝D12345的渣土车在通过巴南区渝南大道（朝前台路方向）时，"
            "运载散装物料未密闭覆盖；所载物料高出厢体上沿"
        )

    def test_what_is_not_known_is_not_made_up(self):
        """No plate, no place, no clock and no sight of the bed: the sentence says so, and calls the truck a truck."""
        violation = make_violation(plate=None, rules=("unreadable_plate",))
        violation = replace(violation, vehicle_pass=replace(violation.vehicle_pass, load=None, direction=None))
        assert texts.describe_event(violation, Camera("k-7"), RELATIVE) == (
            "相对时间 00:00:06.0，车牌号未能识读的货车在通过设备 k-7 所在路段时，号牌无法辨认"
        )

    def test_unsure_characters_stay_unsure(self):
        plate = replace(PLATE, text="渝D1-345")
        assert "车牌号为渝D1-345" in texts.describe_event(make_violation(plate=plate), CAMERA, OPERATOR)
        assert "不能确认" in texts.describe_plate(plate, Language.ZH)

    def test_unknown_rules_and_reasons_are_named_as_they_are(self):
        """A rule from a newer program still gives a sentence."""
        assert texts.act("new_rule", Language.ZH) == "new_rule"
        assert texts.join_reasons(["time_relative", "new_reason"], Language.ZH) == "没有绝对时间；new_reason"
