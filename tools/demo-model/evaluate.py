"""Asks a checkpoint every question of an evaluation set through transformers and prints a table.

`lookdesk eval` is the measure that counts; this is the same arithmetic without the product, for the time
between training and building.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from pathlib import Path

import torch
from PIL import Image

from answering import Answerer
from questions import REFUSAL

ANLS_FLOOR = 0.5
REFUSAL_MARKS = tuple(text.rstrip("。.").lower() for text in (*REFUSAL.values(), "not readable"))


def contains(answer: str, expected: str) -> bool:
    """Whether `expected` stands in `answer` as a whole: E12 is not in E123, nor 5L in 1.5L."""
    pattern = re.escape(expected)
    if expected[:1].isascii():
        pattern = r"(?<![A-Za-z0-9])(?<![0-9][.\-/])" + pattern
    if expected[-1:].isascii():
        pattern += r"(?![A-Za-z0-9])(?![.\-/][0-9])"
    return re.search(pattern, answer) is not None


def edit_distance(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def anls(answer: str, expected: str) -> float:
    """Normalised Levenshtein similarity, zero below one half."""
    a, b = answer.strip().rstrip("。.").lower(), expected.strip().rstrip("。.").lower()
    similarity = 1 - edit_distance(a, b) / max(len(a), len(b), 1)
    return similarity if similarity >= ANLS_FLOOR else 0.0


def refuses(answer: str) -> bool:
    return any(mark in answer.lower() for mark in REFUSAL_MARKS)


def score(answer: str, line: dict) -> float:
    if line["scoring"] == "refuse":
        return float(refuses(answer))
    if line["scoring"] == "anls":
        return anls(answer, line["expected"])
    if line["scoring"] == "exact":
        return float(answer.strip() == line["expected"])
    return float(contains(answer, line["expected"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("dataset", type=Path, help="a JSONL file of evaluation_set.py")
    parser.add_argument("--answers", type=Path, help="also write every line with its answer and score")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    answerer = Answerer(options.checkpoint)
    lines = [json.loads(text) for text in options.dataset.read_text(encoding="utf-8").splitlines()]
    rows: dict[tuple[str, str], list[tuple[float, bool]]] = defaultdict(list)
    false_refusals = readable = 0
    kept = []
    for line in lines:
        pictures = [Image.open(options.dataset.parent / name) for name in line["images"]]
        answer = answerer.ask(pictures, line["question"])
        points = score(answer, line)
        rows[line["kind"], line["field"]].append((points, answer == line["answer"]))
        if line["scoring"] != "refuse":
            readable += 1
            false_refusals += refuses(answer)
        kept.append({**line, "got": answer, "score": points})
    if options.answers:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept)
        options.answers.write_text(text, encoding="utf-8")
    print("| kind | field | questions | score | whole sentence right |")
    print("|---|---|---|---|---|")
    for (kind, field), results in rows.items():
        share = sum(points for points, _ in results) / len(results)
        whole = sum(exact for _, exact in results) / len(results)
        print(f"| {kind} | {field} | {len(results)} | {share:.1%} | {whole:.1%} |")
    everything = [result for results in rows.values() for result in results]
    print(f"\n{len(everything)} questions, mean score {sum(p for p, _ in everything) / len(everything):.1%}")
    print(f"false refusals: {false_refusals} of {readable} readable questions")


if __name__ == "__main__":
    main()
