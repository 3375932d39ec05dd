"""The model's shape, and a lean forward pass over batches of equal picture size.

The weights live in transformers' `Qwen3VLForConditionalGeneration`; only the computation is written again,
without its generality, because on one CPU core that generality costs half the time. `tests/test_model.py`
holds the two to each other.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration
from transformers.vision_utils import get_vision_interpolation_indices_and_weights

from marks import CHARACTER_CLASSES, CONFLICT, FIELD_CLASSES, NOTHING, PLACE_CLASSES

SLOT_CLASSES = CHARACTER_CLASSES + FIELD_CLASSES + PLACE_CLASSES
SLOTS_PER_PATCH, SLOTS_PER_TOKEN = 2, 8
HEAD_SIZE = 32
MASKED = -1e4


def model_config() -> Qwen3VLConfig:
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [6, 5, 5], "mrope_interleaved": True}
    text = {
        "vocab_size": 832,
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": HEAD_SIZE,
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True,
        "attention_bias": False,
        "initializer_range": 0.02,
        "bos_token_id": 796,
        "eos_token_id": 798,
        "rope_parameters": rope,
    }
    vision = {
        "depth": 6,
        "hidden_size": 160,
        "intermediate_size": 640,
        "num_heads": 5,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "out_hidden_size": 192,
        "num_position_embeddings": 256,
        "deepstack_visual_indexes": [1, 2, 4],
        "in_channels": 3,
    }
    return Qwen3VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=808,
        video_token_id=809,
        vision_start_token_id=805,
        vision_end_token_id=806,
        tie_word_embeddings=True,
    )


class VisionTables(NamedTuple):
    interpolation: Tensor  # [patches, table cells]: patch position embedding as a mixture of the table's
    cos: Tensor  # [patches, head size]
    sin: Tensor


class TextTables(NamedTuple):
    cos: Tensor  # [tokens, head size]
    sin: Tensor
    causal: Tensor  # [query heads per key head * tokens, tokens], added to the scores


def rotate_half(x: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return torch.cat((-second, first), -1)


def rms_norm(x: Tensor, weight: Tensor) -> Tensor:
    wide = x.float()
    return weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype)


def attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
    """Plain softmax attention: at these sizes faster on a CPU than the fused bf16 kernel and its backward."""
    scores = torch.matmul(query * HEAD_SIZE**-0.5, key.transpose(-1, -2))
    if bias is not None:
        scores = scores + bias
    return torch.matmul(torch.softmax(scores, -1), value)


@functools.cache
def causal_bias(tokens: int, groups: int, dtype: torch.dtype) -> Tensor:
    above = torch.ones(tokens, tokens).triu(1).bool()
    return torch.zeros(tokens, tokens).masked_fill(above, MASKED).repeat(groups, 1).to(dtype)


class LeanModel(nn.Module):
    """The reference module's weights with two auxiliary heads that read the slot maps."""

    def __init__(self, reference: Qwen3VLForConditionalGeneration) -> None:
        super().__init__()
        self.hf = reference
        vision = reference.config.vision_config
        self.hidden, self.heads = vision.hidden_size, vision.num_heads
        self.deepstack = list(vision.deepstack_visual_indexes)
        self.aux_p = nn.Linear(self.hidden, SLOTS_PER_PATCH * SLOT_CLASSES)
        self.aux_m = nn.Linear(vision.out_hidden_size, SLOTS_PER_TOKEN * SLOT_CLASSES)
        for head in (self.aux_p, self.aux_m):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        self.vision_cache: dict[tuple[int, int], VisionTables] = {}
        self.text_cache: dict[tuple[int, ...], TextTables] = {}

    @property
    def dtype(self) -> torch.dtype:
        return self.hf.model.visual.pos_embed.weight.dtype

    # ---- tables ----

    def vision_tables(self, rows: int, columns: int) -> VisionTables:
        """For a grid of `rows` x `columns` patches, in merge order (2x2 blocks, row by row)."""
        if (rows, columns) not in self.vision_cache:
            visual = self.hf.model.visual
            indices, weights = get_vision_interpolation_indices_and_weights(
                torch.tensor([[1, rows, columns]]),
                num_grid_per_side=visual.num_grid_per_side,
                mode=visual.interpolation_mode,
                align_corners=visual.interpolation_align_corners,
                spatial_merge_size=2,
            )
            mixture = torch.zeros(rows * columns, visual.num_grid_per_side**2).scatter_add_(1, indices, weights)
            order = torch.arange(rows * columns).view(rows // 2, 2, columns // 2, 2).permute(0, 2, 1, 3).reshape(-1)
            places = torch.stack([order // columns, order % columns], 1).float()
            half = HEAD_SIZE // 2
            inverse = 1.0 / (10000.0 ** (torch.arange(0, half, 2, dtype=torch.float) / half))
            angles = (places[:, :, None] * inverse).flatten(1)
            angles = torch.cat([angles, angles], -1)
            tables = VisionTables(mixture.to(self.dtype), angles.cos().to(self.dtype), angles.sin().to(self.dtype))
            self.vision_cache[rows, columns] = tables
        return self.vision_cache[rows, columns]

    def text_tables(self, rows: int, columns: int, pictures: int, tokens: int, opening: int) -> TextTables:
        """For [opening][picture]([2 tokens][picture])*[rest], `tokens` in all; pictures of rows x columns patches."""
        key = (rows, columns, pictures, tokens, opening)
        if key not in self.text_cache:
            if len(self.text_cache) > 400:
                self.text_cache.clear()
            high, wide = rows // 2, columns // 2
            positions: list[tuple[int, int, int]] = [(place,) * 3 for place in range(opening)]
            now = opening
            for picture in range(pictures):
                positions += [(now, now + cell // wide, now + cell % wide) for cell in range(high * wide)]
                now += max(high, wide)
                if picture < pictures - 1:
                    positions += [(now,) * 3, (now + 1,) * 3]
                    now += 2
            rest = tokens - len(positions)
            positions += [(now + place,) * 3 for place in range(rest)]
            rope = self.hf.config.text_config.rope_parameters
            inverse = 1.0 / (rope["rope_theta"] ** (torch.arange(0, HEAD_SIZE, 2, dtype=torch.float) / HEAD_SIZE))
            by_axis = torch.tensor(positions, dtype=torch.float).T[:, :, None] * inverse
            angles = by_axis[0].clone()
            for axis in (1, 2):
                interleaved = slice(axis, rope["mrope_section"][axis] * 3, 3)
                angles[:, interleaved] = by_axis[axis][:, interleaved]
            angles = torch.cat([angles, angles], -1)
            text = self.hf.config.text_config
            causal = causal_bias(tokens, text.num_attention_heads // text.num_key_value_heads, self.dtype)
            tables = TextTables(angles.cos().to(self.dtype), angles.sin().to(self.dtype), causal)
            self.text_cache[key] = tables
        return self.text_cache[key]

    # ---- vision ----

    def see(self, pixels: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """uint8 [pictures, height, width, 3] -> last hidden [.., patches, hidden], merged tokens, deepstack tokens."""
        visual = self.hf.model.visual
        count, height, width, _ = pixels.shape
        rows, columns = height // 16, width // 16
        patches = rows * columns
        tables = self.vision_tables(rows, columns)
        x = pixels.to(self.dtype) * (1 / 127.5) - 1.0
        x = x.view(count, rows // 2, 2, 16, columns // 2, 2, 16, 3).permute(0, 1, 4, 2, 5, 7, 3, 6)
        # A still picture fills both frames of the temporal patch, so the two kernels add up.
        kernel = visual.patch_embed.proj.weight.sum(2).view(self.hidden, 768)
        x = F.linear(x.reshape(count, patches, 768), kernel, visual.patch_embed.proj.bias)
        x = x + tables.interpolation @ visual.pos_embed.weight
        cos, sin = tables.cos[:, None], tables.sin[:, None]
        deepstack = []
        for number, block in enumerate(visual.blocks):
            h = F.layer_norm(x, (self.hidden,), block.norm1.weight, block.norm1.bias, 1e-6)
            query, key, value = block.attn.qkv(h).view(count, patches, 3, self.heads, HEAD_SIZE).unbind(2)
            query = query * cos + rotate_half(query) * sin
            key = key * cos + rotate_half(key) * sin
            seen = attention(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2))
            x = x + block.attn.proj(seen.transpose(1, 2).reshape(count, patches, self.hidden))
            h = F.layer_norm(x, (self.hidden,), block.norm2.weight, block.norm2.bias, 1e-6)
            x = x + block.mlp.linear_fc2(F.gelu(block.mlp.linear_fc1(h), approximate="tanh"))
            if number in self.deepstack:
                merger = visual.deepstack_merger_list[self.deepstack.index(number)]
                joined = x.view(count, patches // 4, self.hidden * 4)
                joined = F.layer_norm(joined, (self.hidden * 4,), merger.norm.weight, merger.norm.bias, 1e-6)
                deepstack.append(merger.linear_fc2(F.gelu(merger.linear_fc1(joined))))
        merger = visual.merger
        joined = F.layer_norm(x, (self.hidden,), merger.norm.weight, merger.norm.bias, 1e-6)
        joined = joined.view(count, patches // 4, self.hidden * 4)
        return x, merger.linear_fc2(F.gelu(merger.linear_fc1(joined))), deepstack

    # ---- text ----

    def read(
        self, ids: Tensor, seen: Tensor, deepstack: list[Tensor], grid: tuple[int, int], pictures: int, opening: int,
        scored: Tensor,
    ) -> Tensor:  # fmt: skip
        """Logits [scored, vocabulary]; ids [rows, text tokens], seen [rows * pictures, tokens, width]."""
        language = self.hf.model.language_model
        embedding = language.embed_tokens.weight
        rows, per_picture, width = ids.shape[0], seen.shape[1], seen.shape[2]
        words = F.embedding(ids, embedding)
        seen = seen.view(rows, pictures, per_picture, width)
        pieces, lengths, place = [words[:, :opening]], [], opening
        for picture in range(pictures):
            length = 2 if picture < pictures - 1 else ids.shape[1] - place
            pieces += [seen[:, picture], words[:, place : place + length]]
            lengths.append(length)
            place += length
        x = torch.cat(pieces, 1)
        tokens = x.shape[1]

        def spread(feature: Tensor) -> Tensor:
            """A deepstack feature at its pictures' places, zero elsewhere."""
            feature = feature.view(rows, pictures, per_picture, width)
            parts = [x.new_zeros(rows, opening, width)]
            for picture, length in enumerate(lengths):
                parts += [feature[:, picture], x.new_zeros(rows, length, width)]
            return torch.cat(parts, 1)

        tables = self.text_tables(*grid, pictures, tokens, opening)
        cos, sin = tables.cos[:, None], tables.sin[:, None]
        text = self.hf.config.text_config
        heads, key_heads = text.num_attention_heads, text.num_key_value_heads
        groups = heads // key_heads
        for number, layer in enumerate(language.layers):
            block = layer.self_attn
            h = rms_norm(x, layer.input_layernorm.weight)
            query = rms_norm(block.q_proj(h).view(rows, tokens, heads, HEAD_SIZE), block.q_norm.weight)
            key = rms_norm(block.k_proj(h).view(rows, tokens, key_heads, HEAD_SIZE), block.k_norm.weight)
            value = block.v_proj(h).view(rows, tokens, key_heads, HEAD_SIZE)
            query = query * cos + rotate_half(query) * sin
            key = key * cos + rotate_half(key) * sin
            query = query.view(rows, tokens, key_heads, groups, HEAD_SIZE).permute(0, 2, 3, 1, 4)
            query = query.reshape(rows, key_heads, groups * tokens, HEAD_SIZE)
            mixed = attention(query, key.transpose(1, 2), value.transpose(1, 2), tables.causal)
            mixed = mixed.view(rows, key_heads, groups, tokens, HEAD_SIZE).permute(0, 3, 1, 2, 4)
            mixed = mixed.reshape(rows, tokens, heads * HEAD_SIZE)
            if number == len(language.layers) - 1:  # nothing after this layer looks at unscored positions
                x = x.reshape(rows * tokens, width)[scored]
                mixed = mixed.reshape(rows * tokens, heads * HEAD_SIZE)[scored]
            x = x + block.o_proj(mixed)
            h = rms_norm(x, layer.post_attention_layernorm.weight)
            x = x + layer.mlp.down_proj(F.silu(layer.mlp.gate_proj(h)) * layer.mlp.up_proj(h))
            if number < len(deepstack):
                x = x + spread(deepstack[number])
        return rms_norm(x, language.norm.weight) @ embedding.T

    def forward(
        self, pixels: Tensor, ids: Tensor, scored: Tensor, pictures: int, opening: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """-> logits of the scored positions, last vision hidden, merged tokens (of all pictures)."""
        hidden, merged, deepstack = self.see(pixels)
        asked = ids.shape[0] * pictures
        grid = (pixels.shape[1] // 16, pixels.shape[2] // 16)
        logits = self.read(ids, merged[:asked], [f[:asked] for f in deepstack], grid, pictures, opening, scored)
        return logits, hidden, merged


def slot_targets(slots: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 [pictures, rows, 2 * columns, 3] -> [patches, 2, 3] and [merged tokens, 8, 3], both in merge order."""
    count, rows, double, _ = slots.shape
    x = slots.view(count, rows // 2, 2, double // 4, 2, 2, 3).permute(0, 1, 3, 2, 4, 5, 6)
    return x.reshape(-1, SLOTS_PER_PATCH, 3), x.reshape(-1, SLOTS_PER_TOKEN, 3)


def slot_loss(features: Tensor, head: nn.Linear, targets: Tensor) -> tuple[Tensor, float]:
    """Cross-entropy of character, field and place over the slots that hold something, and over as many empty ones.

    Logits are computed for those slots only. Returns the loss and the share of characters told right.
    """
    features = features.reshape(-1, features.shape[-1])
    characters = targets[..., 0]
    filled_logits, empty_logits, filled_targets = [], [], []
    for slot in range(targets.shape[1]):
        rows = slice(slot * SLOT_CLASSES, (slot + 1) * SLOT_CLASSES)
        filled = ((characters[:, slot] != NOTHING) & (characters[:, slot] != CONFLICT)).nonzero()[:, 0]
        empty = (characters[:, slot] == NOTHING).nonzero()[:, 0]
        if len(empty):
            empty = empty[torch.randint(0, len(empty), (len(filled) + 2,))]
        chosen = torch.cat([filled, empty])
        logits = F.linear(features[chosen], head.weight[rows], head.bias[rows]).float()
        filled_logits.append(logits[: len(filled)])
        empty_logits.append(logits[len(filled) :, :CHARACTER_CLASSES])
        filled_targets.append(targets[filled, slot].long())
    logits, empty, truth = torch.cat(filled_logits), torch.cat(empty_logits), torch.cat(filled_targets)
    characters_end = CHARACTER_CLASSES
    fields_end = CHARACTER_CLASSES + FIELD_CLASSES
    loss = F.cross_entropy(logits[:, :characters_end], truth[:, 0])
    loss = loss + 0.5 * F.cross_entropy(logits[:, characters_end:fields_end], truth[:, 1])
    loss = loss + 0.5 * F.cross_entropy(logits[:, fields_end:], truth[:, 2])
    loss = loss + 0.5 * F.cross_entropy(empty, empty.new_zeros(len(empty), dtype=torch.long))
    right = (logits[:, :characters_end].argmax(1) == truth[:, 0]).float().mean().item()
    return loss, right
