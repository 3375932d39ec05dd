"""Builds demo/checkpoint/tokenizer.json: a byte-level BPE of 810 tokens in the form of Qwen's.

Each Chinese character and each word the questions use is one token; anything else is spelled in smaller pieces.
A trained model depends on the ids: rebuild this only together with the weights.
"""

from __future__ import annotations

import argparse

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIALS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip
CHINESE = (
    "型号净含量生产日期容错误码屏幕显示的是什么多少吗灯亮着不看清图中没有第一二张片哪更晰颜色绿红蓝橙黄,。?:、!在和与这个那上下左右里面产品名称规格编代"
    "故障指状态你能读出来吗请告诉我文字写了描述内几年月制造写吧呢为哪升克毫千两都相同比大小开关电源网络无线路由器饮用水矿泉智能保质有效期至"
    "于关已它只可以见到标签说明书机盒包装瓶器具体值数据信息任何问题答案并"
)
WORDS = (
    "system user assistant what is the model number which What Which Is Read Tell Please me read The It There no not "
    "readable in picture image net content capacity date production made manufactured when When manufacturing error "
    "code shown on screen display light lit color colour of green red blue orange yellow off Yes No second first "
    "sharper clearer Describe does label say does it you can see Can how much How volume size device indicator lamp "
    "name text here and this that product are value contents written printed from has have to with a an status turned "
    "state fault pictures images label"
).split()


def corpus() -> list[str]:
    """Words repeated often enough that each becomes one token."""
    lines = []
    for character in dict.fromkeys(CHINESE):
        lines += [character] * 50
    for word in dict.fromkeys(WORDS):
        lines += [word] * 10 if word[0].isupper() else [" " + word] * 10 + [word] * 3
    return lines + ["user", "assistant", "system"] * 20


def build() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(byte_fallback=False))
    tokenizer.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(SPLIT), behavior="isolated", invert=False)
    in_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, in_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=2000, min_frequency=5, special_tokens=[], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIALS])
    return tokenizer


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="where to write tokenizer.json")
    build().save(parser.parse_args().file)
