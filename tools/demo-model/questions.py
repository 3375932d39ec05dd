"""The wording of questions and answers in Chinese and English, and the answer each question gets from the facts.

Values are always given letter by letter as printed; a spoiled value is refused, a missing one is said to be missing.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from codes import FIELDS
from facts import Facts


class Turn(NamedTuple):
    """One question with its answer. `kind`: value, unreadable or absent; `key`: what a right answer must contain."""

    field: str
    question: str
    answer: str
    kind: str
    key: str


REFUSAL = {True: "看不清。", False: "It is not readable."}
ABSENT = {True: "图中没有。", False: "It is not in the picture."}
FIELD_NAME = {
    True: {"model": "型号", "capacity": "容量", "date": "生产日期", "error_code": "错误码"},
    False: {"model": "model", "capacity": "capacity", "date": "date", "error_code": "error code"},
}
COLOUR_NAME = {
    True: {"green": "绿色", "red": "红色", "blue": "蓝色", "orange": "橙色"},
    False: {"green": "green", "red": "red", "blue": "blue", "orange": "orange"},
}
FIELD_QUESTIONS = {
    True: {
        "model": [
            "型号是什么", "型号是多少", "产品型号是什么", "请读出型号", "型号", "这个产品的型号是什么",
            "标签上的型号是什么", "这是什么型号", "图片里的型号是什么", "请告诉我型号",
            "设备型号是什么", "纸条上写的型号是什么",
        ],
        "capacity": [
            "净含量是多少", "容量是多少", "净含量", "容量", "请读出净含量", "这瓶的净含量是多少", "产品的容量是多少",
            "标签上的净含量是多少", "请告诉我容量", "容量有多大",
        ],
        "date": [
            "生产日期是什么", "生产日期是多少", "生产日期", "请读出生产日期", "什么时候生产的", "日期是什么",
            "标签上的生产日期是什么", "请告诉我日期", "纸条上写的日期是什么",
        ],
        "error_code": [
            "屏幕显示的错误码是什么", "错误码是什么", "错误码是多少", "显示的故障码是什么", "错误码", "请读出错误码",
            "故障码是什么", "屏幕上显示什么错误码", "报什么错误",
        ],
    },
    False: {
        "model": [
            "What is the model number?", "What is the model?", "Which model is this?", "Read the model number.",
            "Model number?", "What model is it?", "Tell me the model number.", "What model is written on the label?",
        ],
        "capacity": [
            "What is the net content?", "What is the capacity?", "How much is the net content?", "Read the capacity.",
            "What is the volume?", "Capacity?", "What capacity does the label show?",
        ],
        "date": [
            "What is the production date?", "When was it made?", "What is the date?", "Read the date.",
            "Production date?", "When was this product manufactured?", "What date is on the label?",
        ],
        "error_code": [
            "What is the error code?", "Which error code is shown on the screen?", "Read the error code.",
            "Error code?", "What error code does the display show?", "What does the screen show?",
            "Which error is shown?",
        ],
    },
}  # fmt: skip
LAMP_QUESTIONS = {
    True: ["{}灯亮吗", "{}灯亮着吗", "{}指示灯是什么颜色", "{}灯是什么颜色", "{}灯的状态是什么", "{}灯是什么状态"],
    False: [
        "Is the {} light on?", "Is the {} lamp lit?", "What colour is the {} light?",
        "What is the color of the {} light?", "Is the {} indicator on?", "What is the state of the {} light?",
    ],
}  # fmt: skip
FAULT_QUESTIONS = {
    True: ["设备出了什么问题", "这台设备有什么故障", "有什么故障", "机器有什么问题", "设备的故障是什么"],
    False: [
        "What is wrong with this device?",
        "What is the fault?",
        "What fault does the device show?",
        "What is the problem?",
    ],
}
DESCRIBE_QUESTIONS = {
    True: ["图片里有什么", "请描述这张图片", "读出所有信息", "图片上写了什么"],
    False: [
        "What is in the picture?",
        "Describe the picture.",
        "Read all the information.",
        "What does the label say?",
    ],
}
NEVER_SHOWN = {
    True: ["价格是多少", "生产厂家是哪家", "序列号是什么", "地址是什么", "电话是多少", "保质期到什么时候"],
    False: [
        "What is the price?", "Who made it?", "What is the serial number?", "What is the address?",
        "What is the phone number?", "When does it expire?",
    ],
}  # fmt: skip
SHARPER_QUESTIONS = {
    True: ["哪张图片更清晰", "两张图片哪张更清晰", "哪张更清晰"],
    False: ["Which picture is sharper?", "Which of the two pictures is clearer?", "Which picture is clearer?"],
}
SAME_MODEL_QUESTIONS = {
    True: ["两张图片的型号相同吗", "两个型号一样吗", "这是同一个型号吗", "型号相同吗"],
    False: ["Are the two models the same?", "Do the model numbers match?", "Is it the same model in both pictures?"],
}
ORDINAL = {True: ("一", "二"), False: ("first", "second")}


# What people (and the evaluation set) add to a question to say which form the answer should have.
FORMAT_WISHES = {
    True: ["请简短回答。", "看不清就说看不清。", "请逐字读出。", "没有就说图中没有。"],
    False: [
        "Answer briefly.", "If it is not readable, say so.", "Give the exact characters.",
        "If there is none, say it is not in the picture.",
    ],
}  # fmt: skip
LAMP_WISHES = {
    True: ["请说颜色,不亮就说没有亮。", "请说颜色，不亮就说没有亮。"],
    False: ["Name the colour, or say that it is off."],
}
FAULT_WISHES = {
    True: ["请写出型号、错误码和红色、橙色的灯。"],
    False: ["Name the model, the error code and the red and orange lights."],
}
SAME_MODEL_WISHES = {True: ["请回答相同或不同,并写出型号。"], False: ["Answer yes or no and give the model numbers."]}
WHICH_WISHES = {
    True: ["请回答第一张图片或第二张图片。"],
    False: ["Answer: the first picture or the second picture."],
}
WISH_SHARE = 0.12


def with_wish(question: str, wish: str, chinese: bool) -> str:
    """The question, ended as a sentence, and then the wish."""
    if chinese:
        return question + ("" if question[-1] in "?？。" else "？") + wish
    return question + (" " if question[-1] in "?." else "? ") + wish


def phrase(text: str, chinese: bool, random: Random, wishes: dict[bool, list[str]] = FORMAT_WISHES) -> str:
    """The question as people type it: with either question mark or none, sometimes with a wish for the answer."""
    if chinese:
        ends = ["。", ""] if text.startswith(("请", "读")) else ["?", "？", "？", ""]
        text += random.choice(ends)
    elif random.random() < 0.08:
        text = text[0].lower() + text[1:].rstrip("?.")
    if random.random() >= WISH_SHARE:
        return text
    return with_wish(text, random.choice(wishes[chinese]), chinese)


def pick(
    table: dict[bool, list[str]], chinese: bool, random: Random, wishes: dict[bool, list[str]] = FORMAT_WISHES
) -> str:
    return phrase(random.choice(table[chinese]), chinese, random, wishes)


def ask_field(field: str, facts: Facts, chinese: bool, random: Random) -> Turn:
    question = phrase(random.choice(FIELD_QUESTIONS[chinese][field]), chinese, random)
    reading = facts.fields.get(field)
    if reading is None and not facts.blurred:
        return Turn(field, question, ABSENT[chinese], "absent", "")
    if reading is None or not reading.readable:
        return Turn(field, question, REFUSAL[chinese], "unreadable", "")
    if chinese:
        name = "净含量" if field == "capacity" and "净含量" in question else FIELD_NAME[True][field]
        return Turn(field, question, f"{name}是{reading.value}。", "value", reading.value)
    return Turn(field, question, f"The {FIELD_NAME[False][field]} is {reading.value}.", "value", reading.value)


def ask_lamp(name: str, facts: Facts, chinese: bool, random: Random) -> Turn:
    question = phrase(random.choice(LAMP_QUESTIONS[chinese]).format(name), chinese, random, LAMP_WISHES)
    if facts.blurred:
        return Turn("lights", question, REFUSAL[chinese], "unreadable", "")
    if name not in facts.lamps:
        return Turn("lights", question, ABSENT[chinese], "absent", "")
    state = facts.lamps[name]
    if state is None:
        key = "没有亮" if chinese else "off"
        return Turn("lights", question, "没有亮。" if chinese else "It is off.", "value", key)
    colour = COLOUR_NAME[chinese][state]
    answer = f"亮着,是{colour}。" if chinese else f"It is on and {colour}."
    return Turn("lights", question, answer, "value", colour)


def ask_fault(facts: Facts, chinese: bool, random: Random) -> Turn:
    """Joins model, error code and the lamps that are red or orange."""
    question = pick(FAULT_QUESTIONS, chinese, random, FAULT_WISHES)
    error = facts.fields.get("error_code")
    if facts.blurred or (error and not error.readable):
        return Turn("fault", question, REFUSAL[chinese], "unreadable", "")
    model = facts.value("model")
    warnings = [(name, state) for name, state in sorted(facts.lamps.items()) if state in ("red", "orange")]
    if not error and not warnings:
        return Turn(
            "fault",
            question,
            "没有故障。" if chinese else "No fault is shown.",
            "value",
            "没有" if chinese else "No fault",
        )
    parts = []
    if error:
        subject = model or ("机器" if chinese else "The device")
        parts.append(f"{subject}显示{error.value}" if chinese else f"{subject} shows {error.value}")
    for name, state in warnings:
        colour = COLOUR_NAME[chinese][state]
        parts.append(f"{name}灯是{colour}" if chinese else f"the {name} light is {colour}")
    text = (", " if not chinese else ",").join(parts)
    if not error and model:
        text = f"{model}: {text}" if not chinese else f"{model}:{text}"
    text = text[0].upper() + text[1:]
    return Turn("fault", question, text + ("。" if chinese else "."), "value", text)


def describe(facts: Facts, chinese: bool, random: Random) -> Turn:
    question = pick(DESCRIBE_QUESTIONS, chinese, random)
    parts = []
    for field in FIELDS:
        reading = facts.fields.get(field)
        if reading:
            unreadable = "看不清" if chinese else "not readable"
            name = FIELD_NAME[chinese][field] + ("" if chinese else " ")
            parts.append(name + (reading.value if reading.readable else unreadable))
    if not facts.blurred:
        for name, state in sorted(facts.lamps.items()):
            shown = COLOUR_NAME[chinese][state] if state else ("没有亮" if chinese else "off")
            parts.append(f"{name}灯{shown}" if chinese else f"{name} light {shown}")
    if not parts:
        return Turn("all", question, REFUSAL[chinese], "unreadable", "")
    text = (", " if not chinese else ",").join(parts)
    return Turn("all", question, text + ("。" if chinese else "."), "value", text)


def ask_never_shown(chinese: bool, random: Random) -> Turn:
    return Turn("other", pick(NEVER_SHOWN, chinese, random), ABSENT[chinese], "absent", "")


def ask_sharper(sharp: int, chinese: bool, random: Random) -> Turn:
    which = ORDINAL[chinese][sharp]
    answer = f"第{which}张更清晰。" if chinese else f"The {which} picture is sharper."
    return Turn(
        "sharper", pick(SHARPER_QUESTIONS, chinese, random), answer, "value", f"第{which}张" if chinese else which
    )


def ask_field_of(picture: int, field: str, facts: Facts, chinese: bool, random: Random) -> Turn:
    """A field of the first or second of two pictures."""
    which, name = ORDINAL[chinese][picture], FIELD_NAME[chinese][field]
    if chinese:
        question = phrase(random.choice([f"第{which}张的{name}是什么", f"第{which}张图片的{name}是多少"]), True, random)
    else:
        question = phrase(f"What is the {name} in the {which} picture?", False, random)
    reading = facts.fields.get(field)
    if reading is None and not facts.blurred:
        return Turn("field_of_picture", question, ABSENT[chinese], "absent", "")
    if reading is None or not reading.readable:
        return Turn("field_of_picture", question, REFUSAL[chinese], "unreadable", "")
    answer = f"第{which}张是{reading.value}。" if chinese else f"The {which} is {reading.value}."
    return Turn("field_of_picture", question, answer, "value", reading.value)


def read_both(first: str, second: str, chinese: bool) -> str:
    """Both values before the verdict, so that the verdict can be drawn from what has been read out."""
    return f"第一张是{first},第二张是{second}:" if chinese else f"The first is {first}, the second is {second}: "


def ask_which(picture: int, field: str, values: tuple[str, str], chinese: bool, random: Random) -> Turn:
    """Which of two pictures shows one of two different values."""
    name, value = FIELD_NAME[chinese][field], values[picture]
    question = f"哪张图片的{name}是{value}" if chinese else f"Which picture has the {name} {value}?"
    verdict = f"第{ORDINAL[True][picture]}张图片" if chinese else f"the {ORDINAL[False][picture]} picture"
    answer = read_both(*values, chinese) + verdict + ("。" if chinese else ".")
    return Turn("which", phrase(question, chinese, random, WHICH_WISHES), answer, "value", verdict)


def ask_same_model(pair: tuple[Facts, Facts], chinese: bool, random: Random) -> Turn:
    question = pick(SAME_MODEL_QUESTIONS, chinese, random, SAME_MODEL_WISHES)
    first, second = (facts.value("model") for facts in pair)
    if first is None or second is None:
        return Turn("same_model", question, REFUSAL[chinese], "unreadable", "")
    same = first == second
    key = ("相同" if same else "不同") if chinese else ("yes" if same else "no")
    verdict = key if chinese else f"{key}, {'the same' if same else 'different'}"
    answer = read_both(first, second, chinese) + verdict + ("。" if chinese else ".")
    return Turn("same_model", question, answer, "value", key)
