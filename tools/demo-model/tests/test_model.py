"""The lean forward pass against transformers' own, and the optimiser's orthogonalisation."""

from random import Random

import pytest
import torch
from PIL import Image
from transformers import Qwen2VLImageProcessor

import dataset
import dialogue
from dataset import TOKENIZER_FILE
from optimiser import orthogonalise
from train import forward, new_model

PICTURE_TOKEN = 808


@pytest.mark.parametrize("make", [dialogue.single, dialogue.pair])
@torch.no_grad()
def test_the_lean_pass_gives_the_reference_logits(make) -> None:
    torch.manual_seed(0)
    model, random = new_model().eval(), Random(0)
    examples = [make(random, 192, 96, 1.0) for _ in range(2)]
    batch = dataset.collate(examples, 2, dataset.system_prompt(random))
    logits, _, _ = forward(model, batch)
    processor = Qwen2VLImageProcessor.from_pretrained(TOKENIZER_FILE.parent)
    picture_tokens = (192 // 32) * (96 // 32)
    all_tokens = batch.ids.shape[1] + picture_tokens * batch.pictures_each
    done = 0
    for row, example in enumerate(examples):
        words = batch.ids[row].tolist()
        sequence, place = words[: batch.opening], batch.opening
        for picture in range(batch.pictures_each):
            length = 2 if picture < batch.pictures_each - 1 else len(words) - place
            sequence += [PICTURE_TOKEN] * picture_tokens + words[place : place + length]
            place += length
        ids = torch.tensor([sequence])
        seen = processor(images=[Image.fromarray(pixels) for pixels in example.pictures], return_tensors="pt")
        expected = model.hf(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=(ids == PICTURE_TOKEN).int(),
            pixel_values=seen["pixel_values"],
            image_grid_thw=seen["image_grid_thw"],
        ).logits[0]
        scored = [p - row * all_tokens for p in batch.scored if row * all_tokens <= p < (row + 1) * all_tokens]
        mine = logits[done : done + len(scored)]
        done += len(scored)
        # f32 on both sides, only the order of sums differs
        assert (expected[scored] - mine).abs().max() < 1e-4


@pytest.mark.parametrize("shape", [(2, 24, 64), (2, 64, 24)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
    assert values.min() > 0.5 and values.max() < 1.3
