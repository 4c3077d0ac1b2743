"""Every text that officers read, in Chinese (default) and English: observed facts, never law, fines or weight.

One table per language with the same keys; a test holds them against each other and against the bundled font.
"""

from collections.abc import Sequence
from enum import StrEnum

from detector.entities import BEIJING, Camera, Observation, Plate, TimeBasis, VehicleType, Violation

TIPPER_CONFIDENCE = 0.5
"""From here on a truck is called a slag truck; below, only a truck."""


class Language(StrEnum):
    """Language of texts for people."""

    ZH = "zh"
    EN = "en"


CHINESE = {
    "title": "车辆通行事实记录",
    "tile.scene": "全景 {number}",
    "tile.vehicle": "车辆特写",
    "tile.plate": "号牌特写",
    "tile.no_plate": "未发现号牌",
    "tile.no_scene": "没有第二个时刻的图像",
    "label.time": "时间",
    "label.place": "地点",
    "label.direction": "方向",
    "label.camera": "设备编号",
    "label.acts": "行为",
    "label.plate": "号牌",
    "label.case": "案件编号",
    "label.code": "证据编码",
    "label.grade": "性质",
    "time.absolute": "{instant}（北京时间；来源：{source}；误差：{uncertainty}）",
    "time.instant": "{y}年{m}月{d}日 {clock}",
    "time.minute": "{y}年{m}月{d}日{hour}时{minute}分",
    "time.moment": "相对时间 {clock}",
    "time.relative": "{moment}（自录像开始计；绝对时间未知）",
    "time.uncertainty": "±{ms:g} 毫秒",
    "time.uncertainty_unknown": "未知",
    "time.source.rtcp_sr": "摄像机 RTCP 报告",
    "time.source.operator": "操作人员输入",
    "time.source.file_sidecar": "随附时间文件",
    "time.source.container": "录像文件内记录",
    "time.source.host_arrival": "服务器接收时刻",
    "time.source.relative": "无",
    "direction.approaching": "迎向摄像机",
    "direction.leaving": "背向摄像机",
    "act.uncovered_load": "运载散装物料未密闭覆盖",
    "act.heaped_load": "所载物料高出厢体上沿",
    "act.unreadable_plate": "号牌无法辨认",
    "act.no_permit": "登记中未见有效运输许可",
    "act.outside_hours": "在许可时间外行驶",
    "act.off_route": "不在许可路段行驶",
    "vehicle.slag_truck": "渣土车",
    "vehicle.car": "小型客车",
    "vehicle.bus": "客车",
    "vehicle.truck": "货车",
    "vehicle.motorcycle": "摩托车",
    "vehicle.person": "行人",
    "plate.value": "{text}（{colour}；最低字符置信度 {confidence:.0%}）",
    "plate.uncertain": "{text}（{colour}；“-”为不能确认的字符）",
    "plate.none": "未能识读",
    "colour.blue": "蓝底",
    "colour.yellow": "黄底",
    "colour.green": "绿底",
    "colour.yellow_green": "黄绿底",
    "colour.white": "白底",
    "colour.black": "黑底",
    "colour.unknown": "底色不明",
    "grade.lead": "线索（须经核实，不直接作为证据）",
    "grade.evidence": "证据材料（须经审核）",
    "reason.evidence_pending": "证据包尚未生成",
    "reason.legal_record_missing": "设备未登记审核信息",
    "reason.legal_record_incomplete": "设备审核信息不完整（技术审核、法制审核、公示、标志、有效期）",
    "reason.legal_record_expired": "设备审核信息已过有效期",
    "reason.authority_missing": "未登记该单位使用该设备取证的授权依据",
    "reason.authority_too_low": "登记的授权依据层级不足",
    "reason.authority_other_body": "登记的授权依据不适用于使用该设备的单位",
    "reason.authority_other_act": "登记的授权依据不适用于该行为",
    "reason.authority_not_in_force": "登记的授权依据在该日未施行",
    "reason.host_clock_unknown": "服务器时钟未经校时，偏差未知",
    "reason.time_relative": "没有绝对时间",
    "reason.time_uncertainty_unknown": "时间误差未知",
    "reason.time_uncertain": "时钟偏差与时间误差合计大于 1 秒",
    "reason.image_too_small": "图像小于 1280×720",
    "reason.scenes_too_few": "缺少两张位移可见的全景图像",
    "reason.plate_missing": "未识读到号牌",
    "reason.plate_uncertain": "号牌有不能确认的字符",
    "event": "{time}，{plate}的{vehicle}在通过{where}时，{acts}",
    "event.plate": "车牌号为{text}",
    "event.no_plate": "车牌号未能识读",
    "event.place_unknown": "设备 {camera_id} 所在路段",
    "event.towards": "{place}（{direction}）",
    "join.acts": "；",
    "trip.same_truck": "同一号牌在 {minutes} 分钟内先后经过两处，按同一趟次关联",
    "trip.gate": "设备 {camera} 位于该工地出入口",
    "trip.from_gate": "{minutes} 分钟前经过该工地出入口（设备 {camera}，案件 {case}）",
    "verify.altered": "{name}：内容已被改动",
    "verify.missing": "{name}：文件缺失",
    "verify.added": "{name}：不属于本证据包",
    "seal.genuine": "签名有效（密钥 {name}）",
    "seal.unchecked": "签名未核验：请用 --key 提供公钥（密钥 {name}）",
    "seal.missing": "没有封签（seal.json）",
    "seal.unreadable": "封签无法读取",
    "seal.other_manifest": "封签与清单不符",
    "seal.other_key": "封签由其他密钥签署（{name}）",
    "seal.forged": "签名无效：封签内容已被改动（密钥 {name}）",
    "timestamp.genuine": "可信时间戳有效：{at}",
    "timestamp.unchecked": "可信时间戳：{at}（签名未核验：请用 --tsa 提供证书）",
    "timestamp.unreadable": "可信时间戳无法读取",
    "timestamp.other_seal": "可信时间戳与封签不符（{at}）",
    "timestamp.forged": "可信时间戳签名无效（{at}）",
    "chain.gap": "序号 {name}：链中缺少该记录",
    "chain.gone": "{name}：证据包已不在（到期删除或被移走）",
    "chain.other_seal": "{name}：封签与链中记录不符",
    "chain.order": "{name}：次序与链不符",
    "chain.unlisted": "{name}：不在链中",
    "chain.whole": "链完整：{count} 个证据包",
    "verify.intact": "完整：{count} 个文件与清单一致",
}

ENGLISH = {
    "title": "Record of observed facts",
    "tile.scene": "Scene {number}",
    "tile.vehicle": "Vehicle",
    "tile.plate": "Plate",
    "tile.no_plate": "no plate found",
    "tile.no_scene": "no picture of a second moment",
    "label.time": "Time",
    "label.place": "Place",
    "label.direction": "Direction",
    "label.camera": "Camera",
    "label.acts": "Observed",
    "label.plate": "Plate",
    "label.case": "Case",
    "label.code": "Evidence code",
    "label.grade": "Grade",
    "time.absolute": "{instant} (Beijing time; source: {source}; uncertainty: {uncertainty})",
    "time.instant": "{y}-{m:02}-{d:02} {clock}",
    "time.minute": "{y}-{m:02}-{d:02} {hour:02}:{minute:02}",
    "time.moment": "relative time {clock}",
    "time.relative": "{moment} (from the start of the recording; absolute time unknown)",
    "time.uncertainty": "±{ms:g} ms",
    "time.uncertainty_unknown": "unknown",
    "time.source.rtcp_sr": "RTCP report of the camera",
    "time.source.operator": "given by the operator",
    "time.source.file_sidecar": "sidecar file",
    "time.source.container": "recorded in the video file",
    "time.source.host_arrival": "arrival at the server",
    "time.source.relative": "none",
    "direction.approaching": "toward the camera",
    "direction.leaving": "away from the camera",
    "act.uncovered_load": "carries bulk material without a closed cover",
    "act.heaped_load": "load rises above the upper edge of the bed",
    "act.unreadable_plate": "plate cannot be read",
    "act.no_permit": "no valid permit in the register",
    "act.outside_hours": "drives outside the permitted hours",
    "act.off_route": "drives off the permitted routes",
    "vehicle.slag_truck": "slag truck",
    "vehicle.car": "car",
    "vehicle.bus": "bus",
    "vehicle.truck": "truck",
    "vehicle.motorcycle": "motorcycle",
    "vehicle.person": "person",
    "plate.value": "{text} ({colour}; least sure character {confidence:.0%})",
    "plate.uncertain": '{text} ({colour}; "-" stands for a character that is not sure)',
    "plate.none": "not read",
    "colour.blue": "blue",
    "colour.yellow": "yellow",
    "colour.green": "green",
    "colour.yellow_green": "yellow-green",
    "colour.white": "white",
    "colour.black": "black",
    "colour.unknown": "colour unknown",
    "grade.lead": "lead (to be verified; not evidence by itself)",
    "grade.evidence": "evidence (to be reviewed)",
    "reason.evidence_pending": "the evidence package has not been made yet",
    "reason.legal_record_missing": "the camera has no legal record",
    "reason.legal_record_incomplete": "the camera's legal record is incomplete "
    "(technical review, legal review, publication, sign, validity)",
    "reason.legal_record_expired": "the camera's legal record had expired",
    "reason.authority_missing": "no law is on record that authorises this body to use the camera as proof",
    "reason.authority_too_low": "the authority on record is below a law or an administrative regulation",
    "reason.authority_other_body": "the authority on record is for another body",
    "reason.authority_other_act": "the authority on record is not for this act",
    "reason.authority_not_in_force": "the authority on record was not in force on that day",
    "reason.host_clock_unknown": "the server's clock is not synchronised, so its offset is unknown",
    "reason.time_relative": "no absolute time",
    "reason.time_uncertainty_unknown": "the uncertainty of the time is unknown",
    "reason.time_uncertain": "clock offset and uncertainty together exceed 1 s",
    "reason.image_too_small": "the picture is smaller than 1280×720",
    "reason.scenes_too_few": "there are no two scenes with visible displacement",
    "reason.plate_missing": "no plate was read",
    "reason.plate_uncertain": "the plate has characters that are not sure",
    "event": "{time}: {vehicle}, {plate}, passing {where}: {acts}",
    "event.plate": "plate {text}",
    "event.no_plate": "plate not read",
    "event.place_unknown": "camera {camera_id}",
    "event.towards": "{place} ({direction})",
    "join.acts": "; ",
    "trip.same_truck": "the same plate passed both places within {minutes} minutes: one trip",
    "trip.gate": "camera {camera} stands at the gate of that site",
    "trip.from_gate": "passed the gate of that site {minutes} minutes before (camera {camera}, case {case})",
    "verify.altered": "{name}: altered",
    "verify.missing": "{name}: missing",
    "verify.added": "{name}: does not belong to this package",
    "seal.genuine": "signature valid (key {name})",
    "seal.unchecked": "signature not checked: give the public key with --key (key {name})",
    "seal.missing": "no seal (seal.json)",
    "seal.unreadable": "the seal cannot be read",
    "seal.other_manifest": "the seal is not of this manifest",
    "seal.other_key": "signed with another key ({name})",
    "seal.forged": "signature invalid: the seal was altered (key {name})",
    "timestamp.genuine": "trusted timestamp valid: {at}",
    "timestamp.unchecked": "trusted timestamp: {at} (signature not checked: give the certificate with --tsa)",
    "timestamp.unreadable": "the trusted timestamp cannot be read",
    "timestamp.other_seal": "the trusted timestamp is of another seal ({at})",
    "timestamp.forged": "the trusted timestamp is not signed by the authority ({at})",
    "chain.gap": "line {name}: missing in the chain",
    "chain.gone": "{name}: the package is gone (deleted after its lifetime, or taken away)",
    "chain.other_seal": "{name}: its seal is not the one in the chain",
    "chain.order": "{name}: out of order in the chain",
    "chain.unlisted": "{name}: not in the chain",
    "chain.whole": "chain whole: {count} packages",
    "verify.intact": "intact: {count} files agree with the manifest",
}

TABLES = {Language.ZH: CHINESE, Language.EN: ENGLISH}


def text(key: str, language: Language, **values: object) -> str:
    """One text with its values put in."""
    return TABLES[language][key].format(**values)


def act(rule: str, language: Language) -> str:
    """The observed fact that a rule states; the rule's own name when the tables do not know it."""
    return TABLES[language].get(f"act.{rule}", rule)


def reason(key: str, language: Language) -> str:
    """Why a record is not evidence; the key itself when the tables do not know it."""
    return TABLES[language].get(f"reason.{key}", key)


def describe_moment(moment: Observation, time: TimeBasis, language: Language) -> str:
    """When a picture was taken, to 0.1 s: Beijing time, or the time since the recording began."""
    if not time.is_absolute:
        return text("time.moment", language, clock=_clock(moment.stream_s))
    local = moment.captured_at.astimezone(BEIJING)
    clock = f"{local:%H:%M:%S}.{local.microsecond // 100_000}"
    return text("time.instant", language, y=local.year, m=local.month, d=local.day, clock=clock)


def describe_time(moment: Observation, time: TimeBasis, language: Language) -> str:
    """When it happened, where that knowledge comes from, and how far it may be off."""
    instant = describe_moment(moment, time, language)
    if not time.is_absolute:
        return text("time.relative", language, moment=instant)
    uncertainty = (
        text("time.uncertainty_unknown", language)
        if time.uncertainty_ms is None
        else text("time.uncertainty", language, ms=round(time.uncertainty_ms, 1))
    )
    source = text(f"time.source.{time.source.value}", language)
    return text("time.absolute", language, instant=instant, source=source, uncertainty=uncertainty)


def describe_direction(violation: Violation, camera: Camera, language: Language) -> str:
    """The camera's configured direction, or which way the vehicle moved in the picture; "" when neither is known."""
    moved = violation.vehicle_pass.direction
    return camera.direction or TABLES[language].get(f"direction.{moved}", "")


def describe_acts(violation: Violation, language: Language) -> str:
    """All observed facts of a violation, joined."""
    return text("join.acts", language).join(act(finding.rule, language) for finding in violation.findings)


def describe_plate(plate: Plate | None, language: Language) -> str:
    """The voted plate with its colour and how sure it is."""
    if plate is None or not plate.text:
        return text("plate.none", language)
    key = "plate.value" if plate.is_certain else "plate.uncertain"
    colour = text(f"colour.{plate.colour.value}", language)
    return text(key, language, text=plate.text, colour=colour, confidence=plate.confidence)


def describe_event(violation: Violation, camera: Camera, time: TimeBasis, language: Language = Language.ZH) -> str:
    """The event in one sentence, as departments pass it on: time, plate, road and direction, observed facts."""
    vehicle_pass = violation.vehicle_pass
    first = (violation.deciding or vehicle_pass.observations)[0]
    when = describe_moment(first, time, language)
    if time.is_absolute:
        local = first.captured_at.astimezone(BEIJING)
        day = {"y": local.year, "m": local.month, "d": local.day}
        when = text("time.minute", language, **day, hour=local.hour, minute=local.minute)
    plate = vehicle_pass.plate
    named = text("event.plate", language, text=plate.text) if plate and plate.text else text("event.no_plate", language)
    return text(
        "event",
        language,
        time=when,
        plate=named,
        vehicle=_vehicle(violation, language),
        where=_where(violation, camera, language),
        acts=describe_acts(violation, language),
    )


def join_reasons(reasons: Sequence[str], language: Language) -> str:
    """All reasons against `evidence` in words."""
    return text("join.acts", language).join(reason(key, language) for key in reasons)


def _where(violation: Violation, camera: Camera, language: Language) -> str:
    place = camera.place or text("event.place_unknown", language, camera_id=camera.camera_id)
    direction = describe_direction(violation, camera, language)
    return text("event.towards", language, place=place, direction=direction) if direction else place


def _vehicle(violation: Violation, language: Language) -> str:
    vehicle_pass = violation.vehicle_pass
    load = vehicle_pass.load
    if vehicle_pass.vehicle_type is VehicleType.TRUCK and load and load.tipper_confidence >= TIPPER_CONFIDENCE:
        return text("vehicle.slag_truck", language)
    return text(f"vehicle.{vehicle_pass.vehicle_type.label}", language)


def _clock(seconds: float) -> str:
    """H:MM:SS.t, cut off (not rounded) to 0.1 s like a clock's display."""
    tenths = int(max(seconds, 0.0) * 10 + 1e-6)
    return f"{tenths // 36000:02}:{tenths // 600 % 60:02}:{tenths // 10 % 60:02}.{tenths % 10}"
