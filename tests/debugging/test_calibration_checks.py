"""Each thing that can be wrong with calibration data is found, by its own name, and good data pass."""

from collections.abc import Callable

import numpy as np
import pytest
import quantisers
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from edgewb.debugging.calibration_checks import _classes, check_calibration
from edgewb.errors import InputError
from edgewb.types import Severity

NAMES = ("dark", "middle", "bright")
TRAIN = quantisers.data(600, 1)
GOOD = quantisers.data(100, 2)
rng = np.random.default_rng(0)


def answers(x: np.ndarray) -> np.ndarray:
    """A classifier by brightness: probabilities."""
    logits = -80 * (x.reshape(len(x), -1).mean(axis=1)[:, None] - np.array([0.45, 0.5, 0.55])) ** 2 * 10
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def found(calibration: np.ndarray) -> set[str]:
    held_out = quantisers.data(200, 3)
    result = check_calibration(calibration.astype(np.float32), TRAIN, answers(calibration), answers(held_out), NAMES)
    for finding in result:
        assert finding.severity in (Severity.ERROR, Severity.WARNING)
        assert finding.fix
        assert str(len(calibration)) in finding.message or finding.id == "calibration.constant"
    return {finding.id for finding in result}


DARKEST = GOOD[np.argsort(GOOD.mean(axis=(1, 2, 3)))]
BAD = {
    "calibration.range": [GOOD * 255, GOOD / 255, GOOD * 2 - 1],
    "calibration.constant": [np.zeros_like(GOOD)],
    "calibration.noise": [rng.random(GOOD.shape), rng.normal(0.5, 0.2, GOOD.shape)],
    "calibration.few": [GOOD[:1], GOOD[:5]],
    "calibration.duplicates": [np.repeat(GOOD[:25], 4, axis=0)],
    "calibration.one_class": [quantisers.data(900, 4)[answers(quantisers.data(900, 4)).argmax(1) == 0][:60]],
    "calibration.shift": [0.5 + 0.4 * (GOOD - 0.5), np.repeat(GOOD[:, :, ::2], 2, axis=2)[:, :, ::-1] * 0.7],
}


@pytest.mark.parametrize(("what", "calibration"), [(name, x) for name, xs in BAD.items() for x in xs])
def test_what_is_wrong_is_found(what: str, calibration: np.ndarray) -> None:
    assert what in found(calibration)


@given(st.integers(10, 10_000))
@settings(max_examples=60, deadline=None)
def test_examples_drawn_at_random_pass(seed: int) -> None:
    assert found(quantisers.data(100, seed)) == set()


def sure_of(classes: np.ndarray, of: int = 10) -> np.ndarray:
    """A float model's outputs that name these classes."""
    return np.eye(of, dtype=np.float32)[classes] * 0.9 + 0.1 / of


@pytest.mark.parametrize(("n", "others", "what"), [(8, 0, "one_class"), (20, 1, "one_class"), (50, 1, "one_class"), (100, 9, "one_class"),
                                                   (50, 25, "classes"), (100, 40, "classes")])  # fmt: skip
def test_few_examples_of_one_class_are_enough_to_see_it(n: int, others: int, what: str) -> None:
    classes = np.where(np.arange(n) < others, 8, 3)
    result = check_calibration(quantisers.data(n, 2), TRAIN, sure_of(classes), sure_of(np.arange(300) % 10), tuple("0123456789"))
    (message,) = (finding.message for finding in result if finding.id == f"calibration.{what}")
    assert f"n = {n}" in message
    assert (f"{n - others} 3" if what == "one_class" else "2 of 10 classes, none of 0") in message


def test_of_examples_drawn_at_random_hardly_any_lack_a_class() -> None:
    draw = np.random.default_rng(0)
    alarms = 0
    for _ in range(2000):
        shares = draw.dirichlet(np.full(10, draw.choice([0.05, 0.5, 5.0])))
        classes, usual = (draw.choice(10, size, p=shares) for size in (int(draw.choice([5, 20, 60, 200])), 300))
        alarms += _classes(sure_of(classes), sure_of(usual), tuple("0123456789")) is not None
    assert alarms <= 8


def photographs(n: int, seed: int) -> np.ndarray:
    """Smooth coloured pictures of any brightness, 0..1."""
    draw = np.random.default_rng([seed, 7])
    x = gaussian_filter(draw.normal(size=(n, 16, 16, 3)), (0, 3, 3, 0))
    x /= x.std(axis=(1, 2), keepdims=True)
    bright = draw.uniform(0.1, 0.9, (n, 1, 1, 1)) + draw.normal(0, 0.05, (n, 1, 1, 3)) + np.array([0.1, 0, -0.1])
    return np.clip(bright + draw.uniform(0.05, 0.3, (n, 1, 1, 1)) * x, 0, 1).astype(np.float32)


MEAN, SPREAD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
PREPARED = {
    "0..1": lambda x: x,
    "-1..1": lambda x: 2 * x - 1,
    "0..255": lambda x: 255 * x,
    "mean subtracted": lambda x: 255 * (x - MEAN),
    "standardised": lambda x: (x - MEAN) / SPREAD,
}


@pytest.mark.parametrize("given_as", PREPARED)
@pytest.mark.parametrize("wanted_as", PREPARED)
def test_each_usual_preparation_is_told_from_each_other(given_as: str, wanted_as: str) -> None:
    reference, calibration = PREPARED[wanted_as](photographs(400, 0)), PREPARED[given_as](photographs(60, 1))
    same = np.tile([[0.6, 0.4]], (60, 1))
    result = check_calibration(calibration.astype(np.float32), reference.astype(np.float32), same, same, NAMES[:2])
    # The one is the other with less contrast, which may be the pictures' own.
    what = "shift" if (given_as, wanted_as) == ("-1..1", "standardised") else "range"
    assert [finding.id for finding in result] == ([] if given_as == wanted_as else [f"calibration.{what}"])
    assert all(finding.fix.startswith("prepare") for finding in result)


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (2, 0, 1), (1, 0, 2)])
def test_channels_in_any_other_order_are_found(order: tuple[int, ...]) -> None:
    same = np.tile([[0.6, 0.4]], (60, 1))
    result = check_calibration(photographs(60, 1)[..., list(order)], photographs(400, 0), same, same, NAMES[:2])
    assert [finding.id for finding in result] == ["calibration.channels"]
    assert ("RGB and BGR" in result[0].fix) == (order == (2, 1, 0))


def test_channels_in_reverse_are_found() -> None:
    tint = np.array([0.3, 0.9], np.float32)
    train, good = TRAIN * tint, GOOD * tint
    here = good[..., ::-1]
    result = check_calibration(here, train, answers(here), answers(train), NAMES)
    assert "calibration.channels" in {finding.id for finding in result}
    assert check_calibration(good, train, answers(good), answers(train), NAMES) == ()


def test_tables_are_checked_by_their_correlations() -> None:
    mixing = rng.normal(size=(2, 8))
    train, good = (rng.normal(size=(n, 2)) @ mixing + 0.1 * rng.normal(size=(n, 8)) for n in (500, 100))
    train, good, noise = (x.astype(np.float32) for x in (train, good, train.std() * rng.normal(size=(100, 8))))
    same = np.tile([[0.6, 0.4]], (100, 1))
    assert check_calibration(good, train, same, same, NAMES[:2]) == ()
    assert "calibration.noise" in {f.id for f in check_calibration(noise, train, same, same, NAMES[:2])}


def table(n: int, seed: int) -> np.ndarray:
    """Eight features, of which the first four go together, and skewed ones among them."""
    draw = np.random.default_rng([seed, 8])
    common = draw.normal(size=(n, 1)) * [1, 1, 1, 1, 0.1, 0, 0, 0]
    x = common + 0.3 * draw.normal(size=(n, 8)) * [1, 1, 1, 1, 3, 3, 3, 3]
    x[:, 5] = np.exp(x[:, 5])
    return ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda x: x, None),
        (lambda x: x[:, ::-1], "features"),
        (lambda x: x[:, [4, 1, 2, 3, 0, 5, 6, 7]], "features"),
        (lambda x: np.where(np.arange(8) == 3, 15 * x, x), "range"),
        (lambda x: np.where(np.arange(8) == 6, x / 30, x), "range"),
        (lambda x: np.where(np.arange(8) == 2, x + 1.5, x), "shift"),
    ],
)
def test_features_of_tables_are_held_to_their_order_and_scale(change: Callable[[np.ndarray], np.ndarray], what: str | None) -> None:
    same = np.tile([[0.6, 0.4]], (100, 1))
    result = check_calibration(change(table(100, 1)).astype(np.float32), table(400, 0), same, same, NAMES[:2])
    assert [finding.id for finding in result] == ([f"calibration.{what}"] if what else [])
    assert what is None or "feature" in result[0].message


@pytest.mark.parametrize(("calibration", "said"), [(GOOD[:, :4], "are wanted"), (GOOD[:0], "are wanted"), (GOOD * np.nan, "NaN")])
def test_data_that_cannot_be_used_are_refused(calibration: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_calibration(calibration, TRAIN, answers(GOOD), answers(GOOD), NAMES)


def test_more_classes_than_a_float_can_count_the_choices_of() -> None:
    seen, usual = np.arange(550), np.arange(3300) % 1100
    names = tuple(str(i) for i in range(1100))
    assert _classes(sure_of(seen, 1100), sure_of(usual, 1100), names) is None
    assert _classes(sure_of(np.tile(seen, 20), 1100), sure_of(usual, 1100), names).id == "calibration.classes"
