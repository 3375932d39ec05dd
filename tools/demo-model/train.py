"""Trains the demo model until a given time of day on one CPU core; see README.md for the commands.

The learning rate is a function of the share of the time that has passed, so the run always ends with its decay,
however slow the machine was. State is saved atomically every few minutes and can be taken up again.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import multiprocessing
import os
import time
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from transformers import Qwen3VLForConditionalGeneration

import dataset
import model as model_module
from codes import FIELDS
from dataset import Batch
from model import LeanModel, model_config, slot_loss, slot_targets
from optimiser import Optimiser

WARM_UP_STEPS = 100
LOWEST_FACTOR = 0.01


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for state.pt and log.txt")
    parser.add_argument("--until", required=True, help="time of day, HH:MM, by which the run has ended")
    parser.add_argument("--resume", type=Path, help="a state.pt to start from")
    parser.add_argument("--continue-run", action="store_true", help="also take the schedule's start from --resume")
    parser.add_argument("--muon-rate", type=float, default=0.010)
    parser.add_argument("--adam-rate", type=float, default=1.6e-3)
    parser.add_argument("--decay", type=float, default=0.5, help="share of the run in which the rates fall")
    parser.add_argument(
        "--curriculum", type=float, default=0.4, help="share of the run until full difficulty; 0: at once"
    )
    parser.add_argument("--first-level", type=float, default=0.2)
    parser.add_argument("--pairs", type=float, default=0.12, help="share of batches with two pictures")
    parser.add_argument("--pairs-from", type=float, default=0.25, help="share of the run after which pairs appear")
    parser.add_argument("--patches", type=int, default=3000, help="vision patches in a step, about")
    parser.add_argument("--asked", type=float, default=0.5, help="share of a batch's pictures that are questioned")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--niceness", type=int, default=0, help="added to the drawing process's niceness")
    parser.add_argument("--evaluate-every", type=float, default=300, help="seconds")
    parser.add_argument(
        "--compile", action="store_true", help="fuse the RMS norm with torch.compile (needs a C++ compiler)"
    )
    parser.add_argument("--stop-after-steps", type=int, default=0, help="for measuring")
    return parser.parse_args()


def end_time(clock: str) -> float:
    """The next moment, in seconds since the epoch, at which the clock shows `clock`."""
    hour, minute = map(int, clock.split(":"))
    now = datetime.datetime.now()
    end = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (end if end > now else end + datetime.timedelta(days=1)).timestamp()


def new_model() -> LeanModel:
    reference = Qwen3VLForConditionalGeneration(model_config())
    with torch.no_grad():  # the outputs of residual branches start small
        for name, parameter in reference.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight", "attn.proj.weight", "mlp.linear_fc2.weight")):
                parameter.mul_(0.3)
    return LeanModel(reference)


def named_once(model: torch.nn.Module) -> list[tuple[str, torch.nn.Parameter]]:
    """All parameters, tied ones once, in a fixed order: saved states depend on it."""
    return list(model.named_parameters(remove_duplicate=True))


def rate_factor(warm_step: int, share: float, decay: float) -> float:
    warm = min(1.0, (warm_step + 1) / WARM_UP_STEPS)
    return warm * (1.0 if share < 1 - decay else max(LOWEST_FACTOR, (1 - share) / decay))


def forward(model: LeanModel, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return model(
        torch.from_numpy(batch.pixels), torch.from_numpy(batch.ids), torch.from_numpy(batch.scored),
        batch.pictures_each, batch.opening,
    )  # fmt: skip


def held_out_batches(seed: int) -> list[Batch]:
    random = Random(seed)
    batches = []
    for width, height in [(160, 64), (160, 96), (192, 128), (256, 160)] * 2:
        examples = [dataset.dialogue.single(random, width, height, 1.0, True, 3) for _ in range(40)]
        batches.append(dataset.collate(examples, len(examples)))
    for width, height in [(160, 64), (160, 96)]:
        examples = [dataset.dialogue.pair(random, width, height, 1.0, True) for _ in range(40)]
        batches.append(dataset.collate(examples, len(examples)))
    return batches


@torch.no_grad()
def evaluate(model: LeanModel, batches: list[Batch]) -> dict[str, tuple[int, float]]:
    """Share of answers right in every token, by field and kind, with the true tokens before each (teacher-forced)."""
    counts: dict[str, list[int]] = {}
    for batch in batches:
        logits, _, _ = forward(model, batch)
        right = logits.argmax(-1) == torch.from_numpy(batch.targets)
        for span in batch.spans:
            count = counts.setdefault(f"{span.field}/{span.kind}", [0, 0])
            count[0] += 1
            count[1] += int(right[span.start : span.start + span.length].all())
    return {name: (asked, round(good / asked, 3)) for name, (asked, good) in sorted(counts.items())}


def text_field_share(result: dict[str, tuple[int, float]]) -> float:
    rows = [result[f"{field}/value"] for field in FIELDS if f"{field}/value" in result]
    return sum(asked * share for asked, share in rows) / max(1, sum(asked for asked, _ in rows))


class Log:
    def __init__(self, path: Path) -> None:
        self.file = path.open("a")

    def write(self, line: str) -> None:
        print(line, flush=True)
        self.file.write(line + "\n")
        self.file.flush()


def save(path: Path, optimiser: Optimiser, started: float, options: argparse.Namespace) -> None:
    """Written beside and renamed, so that a killed run never leaves half a file."""
    state = {"opt": optimiser.state(), "started": started, "args": {k: str(v) for k, v in vars(options).items()}}
    torch.save(state, path.with_suffix(".tmp"))
    os.replace(path.with_suffix(".tmp"), path)


def main() -> None:
    options = arguments()
    torch.set_num_threads(1)  # a second thread waits for the core it shares; one never does
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    if options.compile:
        model_module.rms_norm = torch.compile(model_module.rms_norm, dynamic=True)
    options.out.mkdir(parents=True, exist_ok=True)
    log = Log(options.out / "log.txt")
    model = new_model().to(torch.bfloat16)
    optimiser = Optimiser(named_once(model), options.muon_rate, options.adam_rate)
    end, started = end_time(options.until), time.time()
    if options.resume:
        state = torch.load(options.resume, weights_only=False)
        optimiser.load(state["opt"])
        started = state["started"] if options.continue_run else started
    context = multiprocessing.get_context("fork")
    queue = context.Queue(24)
    level = context.Value("d", options.first_level if options.curriculum else 1.0)
    pair_share = context.Value("d", 0.0)
    drawing = context.Process(
        target=dataset.drawing_process, daemon=True,
        args=(queue, level, pair_share, options.patches, options.asked, int(started), options.niceness),
    )  # fmt: skip
    drawing.start()
    held_out = held_out_batches(77)
    first_step = WARM_UP_STEPS if options.continue_run else 0  # the optimiser's averages are warm already
    step = pictures = answers = pictures_logged = 0
    waited = 0.0
    logged = evaluated = time.time()
    smooth: dict[str, float] = {}
    while True:
        before = time.time()
        batch = queue.get()
        now = time.time()
        waited += now - before
        share = (now - started) / (end - started)
        if share >= 1 or (options.stop_after_steps and step >= options.stop_after_steps):
            break
        if options.curriculum:
            level.value = min(1.0, options.first_level + (1 - options.first_level) * share / options.curriculum)
        pair_share.value = options.pairs if share >= options.pairs_from else 0.0
        logits, hidden, merged = forward(model, batch)
        answer_loss = F.cross_entropy(logits.float(), torch.from_numpy(batch.targets))
        patch_targets, token_targets = slot_targets(torch.from_numpy(batch.slots))
        patch_loss, patch_right = slot_loss(hidden, model.aux_p, patch_targets)
        token_loss, token_right = slot_loss(merged, model.aux_m, token_targets)
        slots_weight = 0.5 if share < 0.7 else 0.3
        loss = answer_loss + slots_weight * (patch_loss + token_loss)
        if not math.isfinite(loss.item()):
            log.write(f"step {step}: the loss is {loss.item()}; this batch is left out")
            continue
        loss.backward()
        optimiser.step(rate_factor(first_step + step, share, options.decay))
        step += 1
        pictures += len(batch.pixels)
        answers += len(batch.spans)
        for name, value in (
            ("answer", answer_loss.item()), ("patch", patch_loss.item()), ("token", token_loss.item()),
            ("patch_right", patch_right), ("token_right", token_right),
        ):  # fmt: skip
            smooth[name] = 0.97 * smooth.get(name, value) + 0.03 * value
        if now - logged > 30:
            rate = (pictures - pictures_logged) / (now - logged)
            figures = " ".join(f"{name} {value:.3f}" for name, value in smooth.items())
            log.write(
                f"{now - started:6.0f}s {share:.3f} step {step} pictures {pictures} answers {answers} "
                f"{rate:.1f}/s waited {waited:.0f}s {figures}"
            )
            logged, pictures_logged = now, pictures
        if now - evaluated > options.evaluate_every:
            result = evaluate(model, held_out)
            log.write(f"HELD OUT {now - started:.0f}s text fields {text_field_share(result):.3f} {json.dumps(result)}")
            save(options.out / "state.pt", optimiser, started, options)
            evaluated = time.time()
    save(options.out / "state.pt", optimiser, started, options)
    result = evaluate(model, held_out)
    log.write(f"END step {step} pictures {pictures} text fields {text_field_share(result):.3f} {json.dumps(result)}")
    drawing.terminate()


if __name__ == "__main__":
    main()
