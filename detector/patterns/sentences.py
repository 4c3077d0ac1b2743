"""What officers read about a lead, in Chinese (default) and English: observed facts, never a verdict.

One table per language with the same keys; a test holds them against each other.
"""

from enum import StrEnum
from typing import Any

from detector.entities import BEIJING, Lead, Reason, TimelineEntry


class Tongue(StrEnum):
    """Language of sentences."""

    ZH = "zh"
    EN = "en"


CHINESE = {
    "visit_days": "{visit_days}天内到达枢纽{visits}次",
    "visits_per_day": "到访日平均每天{visits_per_day:.1f}次（共{visits}次、{visit_days}天）",
    "busy_days": "{busy_days:.0%}的到访日一天内往返两次以上",
    "loops_per_day": "送客后5至40分钟内又到接客区，共{loops}次（到访日平均每天{loops_per_day:.1f}次）",
    "waits_per_day": "进入后等候12分钟以上再到接客区，到访日平均每天{waits_per_day:.1f}次",
    "pickup_share": "{pickup_share:.0%}的到访经过接客区",
    "dwell_median_min": "每次停留时间的中位数为{dwell_median_min:.0f}分钟",
    "regularity": "每天到访次数相近（规律度{regularity:.2f}）",
    "night_share": "{night_share:.0%}的到访开始于22时至次日6时",
    "hour_spread": "到访时刻不固定（分散度{hour_spread:.1f}）",
    "weekend_share": "{weekend_share:.0%}的到访在周末",
    "gate_variety": "进出通道经常变换（变换度{gate_variety:.1f}）",
    "hubs": "往返于{hubs:.0f}个枢纽",
    "is_local": "外地号牌",
    "type_mismatch": "车型与号牌颜色不符",
    "outcome_confirmed": "此前曾被查实",
    "outcome_licensed_soliciting": "此前曾被查为持证车辆揽客",
    "impossible_travel": "{incidents}个时段内先后出现在两地，所需车速最高达{kmh}公里/小时，已计入时钟误差",
    "two_vehicles": "同一号牌出现在两种车辆上：{first}（{reads}次）、{second}（{other_reads}次）",
    "unchecked.licensed": "未载入出租车、网约车许可名册，未能排除持证车辆",
    "unchecked.exemptions": "未载入豁免名册，未能排除员工、班车、租赁等车辆",
    "unchecked.home_prefixes": "未配置本地号牌前缀，未判断是否外地号牌",
    "unchecked.roads": "未配置摄像机之间的道路，未判断两地行程",
    "timeline.loop": "送客后接客，停留{value}分钟",
    "timeline.wait": "等候后接客，停留{value}分钟",
    "timeline.set_down": "送客，停留{value}分钟",
    "timeline.pick_up": "接客，停留{value}分钟",
    "timeline.through": "进出，停留{value}分钟",
    "timeline.seen": "经过，停留{value}分钟",
    "timeline.clone_from": "出现于此",
    "timeline.clone_to": "随即出现于此，路程至少{value}公里",
    "kind.ride_hailing": "疑似非法网约车",
    "kind.cloned_plate": "疑似套牌",
    "caution": "本线索仅供核查，不作为认定依据",
    "score": "评分",
    "window": "时段",
    "outcome.confirmed": "查实",
    "outcome.licensed_soliciting": "持证揽客",
    "outcome.lawful": "合法",
    "outcome.not_found": "未发现",
    "outcome.wrong_plate": "号牌有误",
    "open": "待核查",
}

ENGLISH = {
    "visit_days": "came to hubs {visits} times on {visit_days} days",
    "visits_per_day": "{visits_per_day:.1f} visits on each day that it came ({visits} visits, {visit_days} days)",
    "busy_days": "came twice or more on {busy_days:.0%} of those days",
    "loops_per_day": "set down, then at the pick-up kerb within 5 to 40 minutes: {loops} times "
    "({loops_per_day:.1f} a day that it came)",
    "waits_per_day": "waited 12 minutes or more before the pick-up kerb: {waits_per_day:.1f} times a day that it came",
    "pickup_share": "{pickup_share:.0%} of its visits passed the pick-up kerb",
    "dwell_median_min": "stayed {dwell_median_min:.0f} minutes in the median",
    "regularity": "came about equally often on each day that it came (regularity {regularity:.2f})",
    "night_share": "{night_share:.0%} of its visits began between 22:00 and 06:00",
    "hour_spread": "visits at no fixed hour (spread {hour_spread:.1f})",
    "weekend_share": "{weekend_share:.0%} of its visits were on weekends",
    "gate_variety": "entries and exits change often (variety {gate_variety:.1f})",
    "hubs": "moves between {hubs:.0f} hubs",
    "is_local": "plate from elsewhere",
    "type_mismatch": "vehicle type and colour of the plate do not agree",
    "outcome_confirmed": "was confirmed before",
    "outcome_licensed_soliciting": "was found licensed and soliciting before",
    "impossible_travel": "in two places one after the other in {incidents} hours, at up to {kmh} km/h, clock errors "
    "allowed for",
    "two_vehicles": "one plate on two vehicles: {first} ({reads} times), {second} ({other_reads} times)",
    "unchecked.licensed": "no register of licensed taxis and ride-hailing cars is loaded: they could not be excluded",
    "unchecked.exemptions": "no register of exemptions is loaded: staff, shuttles, rentals could not be excluded",
    "unchecked.home_prefixes": "no home prefixes are configured: plates from elsewhere could not be told",
    "unchecked.roads": "no roads between cameras are configured: impossible travel could not be told",
    "timeline.loop": "set down, then picked up, stayed {value} min",
    "timeline.wait": "waited, then picked up, stayed {value} min",
    "timeline.set_down": "set down, stayed {value} min",
    "timeline.pick_up": "picked up, stayed {value} min",
    "timeline.through": "in and out, stayed {value} min",
    "timeline.seen": "seen, stayed {value} min",
    "timeline.clone_from": "seen here",
    "timeline.clone_to": "and then here, at least {value} km away",
    "kind.ride_hailing": "suspected illegal ride-hailing",
    "kind.cloned_plate": "suspected cloned plate",
    "caution": "a lead to be verified, not a finding",
    "score": "score",
    "window": "window",
    "outcome.confirmed": "confirmed",
    "outcome.licensed_soliciting": "licensed, soliciting",
    "outcome.lawful": "lawful",
    "outcome.not_found": "not found",
    "outcome.wrong_plate": "wrong plate",
    "open": "open",
}

TABLES = {Tongue.ZH: CHINESE, Tongue.EN: ENGLISH}
MOST_REASONS = 6


def say(key: str, tongue: Tongue, **values: Any) -> str:
    """One text of the table."""
    return TABLES[tongue][key].format(**values)


def say_reason(reason: Reason, tongue: Tongue) -> str:
    """The sentence of a reason."""
    return say(reason.code, tongue, **reason.values)


def say_entry(entry: TimelineEntry, tongue: Tongue) -> str:
    """One line of the timeline, in Beijing time."""
    what, _, value = entry.note.partition(" ")
    at = entry.seen_at.astimezone(BEIJING)
    where = " ".join(part for part in (entry.place, entry.camera_id) if part)
    return f"{at:%Y-%m-%d %H:%M:%S}  {where}  {say(f'timeline.{what}', tongue, value=value)}"


def say_lead(lead: Lead, tongue: Tongue) -> list[str]:
    """Everything about a lead, line by line."""
    window = f"{lead.window_from.astimezone(BEIJING):%Y-%m-%d} – {lead.window_to.astimezone(BEIJING):%Y-%m-%d}"
    state = say(f"outcome.{lead.outcome.value}", tongue) if lead.outcome else say("open", tongue)
    return [
        f"{lead.lead_id}  {lead.plate_text}  {say(f'kind.{lead.kind.value}', tongue)}  "
        f"{say('score', tongue)} {lead.score:.2f}  {state}",
        f"{say('window', tongue)} {window}; {say('caution', tongue)}",
        *(f"  - {say_reason(reason, tongue)}" for reason in lead.reasons[:MOST_REASONS]),
        *(f"  ! {say(f'unchecked.{code}', tongue)}" for code in lead.unchecked),
        *(f"  {say_entry(entry, tongue)}" for entry in lead.timeline),
    ]
