"""Asks a checkpoint through transformers: the released layout, the real picture processor, greedy decoding.

This is the judge of everything the training code believes about itself; it shares nothing with `model.py`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from tokenizers import Tokenizer
from transformers import Qwen2VLImageProcessor, Qwen3VLForConditionalGeneration

END_OF_TURN = "<|im_end|>"


class Answerer:
    """One checkpoint directory, ready to answer questions about pictures."""

    def __init__(self, checkpoint: Path, dtype: torch.dtype = torch.float32) -> None:
        self.model = Qwen3VLForConditionalGeneration.from_pretrained(checkpoint, dtype=dtype).eval()
        self.tokenizer = Tokenizer.from_file(str(Path(checkpoint) / "tokenizer.json"))
        self.processor = Qwen2VLImageProcessor.from_pretrained(checkpoint)
        self.end_of_turn = self.tokenizer.token_to_id(END_OF_TURN)

    def prompt_ids(self, question: str, picture_tokens: list[int], system: str | None) -> list[int]:
        """The token ids of one round; `picture_tokens` holds how many tokens each picture takes."""
        pictures = "".join("<|vision_start|>" + "<|image_pad|>" * count + "<|vision_end|>" for count in picture_tokens)
        text = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
        text += f"<|im_start|>user\n{pictures}{question}<|im_end|>\n<|im_start|>assistant\n"
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    @torch.no_grad()
    def ask(
        self, pictures: list[Image.Image], question: str, max_new_tokens: int = 80, system: str | None = None
    ) -> str:
        """The greedy answer to one question about one or more pictures."""
        seen = self.processor(images=[picture.convert("RGB") for picture in pictures], return_tensors="pt")
        grids = seen["image_grid_thw"]
        ids = self.prompt_ids(question, [int(grid.prod()) // 4 for grid in grids], system)
        input_ids = torch.tensor([ids])
        picture_id = self.model.config.image_token_id
        output = self.model.generate(
            input_ids=input_ids,
            attention_mask=torch.ones_like(input_ids),
            mm_token_type_ids=(input_ids == picture_id).int(),
            pixel_values=seen["pixel_values"].to(self.model.dtype),
            image_grid_thw=grids,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            pad_token_id=self.model.config.text_config.bos_token_id,
        )[0, len(ids) :].tolist()
        if self.end_of_turn in output:
            output = output[: output.index(self.end_of_turn)]
        return self.tokenizer.decode(output, skip_special_tokens=True)
