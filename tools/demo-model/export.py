"""Writes a training state as a checkpoint in the released layout: bf16 safetensors and the three config files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen3VLForConditionalGeneration

from model import model_config
from optimiser import Optimiser
from train import named_once, new_model

SMALLEST_PIXELS = 64 * 64
LARGEST_PIXELS = 256 * 160
TURN_END, END_OF_TEXT = 798, 796


def released_config() -> dict:
    """config.json in the form the released Qwen3-VL checkpoints have."""
    config = model_config()
    text, vision = config.text_config, config.vision_config
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "image_token_id": config.image_token_id,
        "model_type": "qwen3_vl",
        "text_config": {
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": END_OF_TEXT,
            "dtype": "bfloat16",
            "eos_token_id": TURN_END,
            "head_dim": text.head_dim,
            "hidden_act": "silu",
            "hidden_size": text.hidden_size,
            "initializer_range": 0.02,
            "intermediate_size": text.intermediate_size,
            "max_position_embeddings": text.max_position_embeddings,
            "model_type": "qwen3_vl_text",
            "num_attention_heads": text.num_attention_heads,
            "num_hidden_layers": text.num_hidden_layers,
            "num_key_value_heads": text.num_key_value_heads,
            "rms_norm_eps": 1e-06,
            "rope_scaling": {
                "mrope_interleaved": True,
                "mrope_section": text.rope_parameters["mrope_section"],
                "rope_type": "default",
            },
            "rope_theta": text.rope_parameters["rope_theta"],
            "tie_word_embeddings": True,
            "use_cache": True,
            "vocab_size": text.vocab_size,
        },
        "tie_word_embeddings": True,
        "transformers_version": "4.57.0.dev0",
        "video_token_id": config.video_token_id,
        "vision_config": {
            "deepstack_visual_indexes": list(vision.deepstack_visual_indexes),
            "depth": vision.depth,
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_size": vision.hidden_size,
            "in_channels": 3,
            "initializer_range": 0.02,
            "intermediate_size": vision.intermediate_size,
            "model_type": "qwen3_vl",
            "num_heads": vision.num_heads,
            "num_position_embeddings": vision.num_position_embeddings,
            "out_hidden_size": vision.out_hidden_size,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
        "vision_end_token_id": config.vision_end_token_id,
        "vision_start_token_id": config.vision_start_token_id,
    }


def generation_config() -> dict:
    return {
        "bos_token_id": END_OF_TEXT,
        "pad_token_id": END_OF_TEXT,
        "do_sample": False,
        "eos_token_id": [TURN_END, END_OF_TEXT],
        "transformers_version": "4.57.0.dev0",
    }


def preprocessor_config() -> dict:
    return {
        "size": {"longest_edge": LARGEST_PIXELS, "shortest_edge": SMALLEST_PIXELS},
        "patch_size": 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "processor_class": "Qwen3VLProcessor",
        "image_processor_type": "Qwen2VLImageProcessorFast",
    }


def load_state(path: Path) -> Qwen3VLForConditionalGeneration:
    """The model of a training state, in f32 masters rounded to bf16; the auxiliary heads stay behind."""
    model = new_model().to(torch.bfloat16)
    Optimiser(named_once(model), 0.0, 0.0).load(torch.load(path, weights_only=False)["opt"])
    return model.hf


def export(state: Path, folder: Path) -> None:
    """Fills `folder`; tokenizer.json is made by make_tokenizer.py and left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: weight.detach().contiguous().clone()
        for name, weight in load_state(state).state_dict().items()
        if name != "lm_head.weight"  # tied to the embedding
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # safetensors writes it for its owner alone
    for name, content in (
        ("config.json", released_config()),
        ("generation_config.json", generation_config()),
        ("preprocessor_config.json", preprocessor_config()),
    ):
        (folder / name).write_text(json.dumps(content, indent=2))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path, help="state.pt of a training run")
    parser.add_argument("folder", type=Path, help="where the checkpoint goes, demo/checkpoint for the one we ship")
    options = parser.parse_args()
    export(options.state, options.folder)
