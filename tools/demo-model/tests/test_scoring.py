"""What counts as right."""

import evaluate


def test_a_code_inside_a_longer_code_does_not_count() -> None:
    assert evaluate.contains("The error code is E12.", "E12")
    assert not evaluate.contains("The error code is E123.", "E12")
    assert evaluate.contains("净含量是5L。", "5L")
    assert not evaluate.contains("净含量是1.5L。", "5L")
    assert not evaluate.contains("The date is 2024.03.05.", "2024.03")


def test_a_refusal_is_told_from_an_answer() -> None:
    assert evaluate.refuses("看不清。") and evaluate.refuses("It is not readable.")
    assert not evaluate.refuses("The model is AX73.")


def test_similarity_below_one_half_counts_nothing() -> None:
    assert evaluate.anls("AX73 shows E102.", "AX73 shows E102") == 1.0
    assert evaluate.anls("nothing alike", "AX73 shows E102") == 0.0
