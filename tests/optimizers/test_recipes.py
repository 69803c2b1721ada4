"""Recipe names: every known one, the grammar, and what is said of the others."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.errors import InputError
from edgewb.optimizers.choices import Conversion
from edgewb.optimizers.recipes import ALL_RECIPES, DEMO_RECIPES, REFERENCE, Recipe, Step, decode_recipe, decode_recipes

CONVERSIONS = [c.value for c in Conversion]


@pytest.mark.parametrize("name", DEMO_RECIPES)
def test_every_recipe_of_the_demo_is_decoded_and_described(name: str) -> None:
    recipe = decode_recipe(name)
    assert recipe.name == name
    assert name.endswith(recipe.conversion)
    assert recipe.description
    assert "\n" not in recipe.description


def test_the_names_others_rely_on() -> None:
    assert decode_recipe("float32") == Recipe("float32", Conversion.FLOAT32)
    assert decode_recipe("ptq_int8_per_tensor") == Recipe("ptq_int8_per_tensor", Conversion.PTQ_INT8_PER_TENSOR)
    assert decode_recipe("prune80_ptq_int8") == Recipe("prune80_ptq_int8", Conversion.PTQ_INT8, (Step("prune", 80),))
    assert decode_recipe("cluster16_ptq_int8") == Recipe("cluster16_ptq_int8", Conversion.PTQ_INT8, (Step("cluster", 16),))
    assert DEMO_RECIPES[0] == REFERENCE
    assert len(set(DEMO_RECIPES)) == 9


def test_all_recipes_can_be_decoded_and_begin_with_the_demo() -> None:
    assert ALL_RECIPES[: len(DEMO_RECIPES)] == DEMO_RECIPES
    assert len(set(ALL_RECIPES)) == len(ALL_RECIPES) >= 22
    assert [r.name for r in decode_recipes(ALL_RECIPES)] == list(ALL_RECIPES)


def test_what_is_integer_and_what_trains() -> None:
    integer = {name for name in DEMO_RECIPES if decode_recipe(name).conversion.is_int8}
    assert integer == {"ptq_int8", "ptq_int8_per_tensor", "qat_int8", "prune50_ptq_int8", "prune80_ptq_int8", "cluster16_ptq_int8"}
    training = {name for name in DEMO_RECIPES if decode_recipe(name).fine_tunes}
    assert training == {"qat_int8", "prune50_ptq_int8", "prune80_ptq_int8", "cluster16_ptq_int8"}


@given(st.integers(0, 2000), st.sampled_from(CONVERSIONS))
def test_any_percentage_from_1_to_99_before_any_conversion(percent: int, conversion: str) -> None:
    name = f"prune{percent}_{conversion}"
    if 1 <= percent <= 99:
        recipe = decode_recipe(name)
        assert (recipe.name, recipe.steps, str(recipe.conversion)) == (name, (Step("prune", percent),), conversion)
    else:
        with pytest.raises(InputError, match="prune"):
            decode_recipe(name)


@given(st.integers(0, 20_000), st.sampled_from(CONVERSIONS))
def test_any_number_of_clusters_from_2_to_256(clusters: int, conversion: str) -> None:
    name = f"cluster{clusters}_{conversion}"
    if 2 <= clusters <= 256:
        recipe = decode_recipe(name)
        assert recipe.steps == (Step("cluster", clusters),)
    else:
        with pytest.raises(InputError, match="cluster"):
            decode_recipe(name)


@given(st.text(max_size=40))
def test_any_text_is_a_recipe_of_that_name_or_one_line(text: str) -> None:
    try:
        name, message = decode_recipe(text).name, ""
    except InputError as error:
        name, message = text, str(error)
    assert name == text
    assert len(message.splitlines()) <= 1


@given(
    st.lists(
        st.sampled_from(["prune50", "cluster16", "prune0", "prune100", "cluster1", "int8", "uint8_io", "calib20", "first", *CONVERSIONS]),
        min_size=1,
        max_size=4,
    )
)
def test_pieces_in_any_order_decode_to_what_they_say_or_are_refused(pieces: list[str]) -> None:
    name = "_".join(pieces)
    try:
        recipe = decode_recipe(name)
    except InputError:
        return
    assert name == "_".join([*(step.name for step in recipe.steps), str(recipe.conversion)]) + recipe.choices.suffix


@pytest.mark.parametrize("name", ["prune050_ptq_int8", "prune5٠_ptq_int8", "cluster016_ptq_int8"])
def test_one_recipe_has_one_spelling(name: str) -> None:
    with pytest.raises(InputError, match="unknown recipe"):
        decode_recipe(name)


@pytest.mark.parametrize(
    ("given_name", "meant"),
    [
        ("equalise_ptq_int8", "equalize_ptq_int8"),
        ("distil_ptq_int8", "distill_ptq_int8"),
        ("ptq_int9", "ptq_int8"),
        ("float_32", "float32"),
        ("prune50ptq_int8", "prune50_ptq_int8"),
        ("quantum", None),
    ],
)
def test_an_unknown_recipe_says_what_was_meant(given_name: str, meant: str | None) -> None:
    with pytest.raises(InputError) as caught:
        decode_recipe(given_name)
    text = str(caught.value)
    assert repr(given_name) in text
    assert (f"did you mean {meant!r}?" in text) == (meant is not None)
    assert all(name in text for name in DEMO_RECIPES)
    assert "`edgewb recipes`" in text


@pytest.mark.parametrize(
    ("given_name", "says"),
    [
        ("PTQ_INT8", "names are in lower case, their words joined by underscores: write 'ptq_int8'"),
        ("ptq-int8", "write 'ptq_int8'"),
        ("Prune50 PTQ int8", "write 'prune50_ptq_int8'"),
        ("ptq_int8_prune50", "techniques stand before the conversion: write 'prune50_ptq_int8'"),
        ("PTQ_INT8_PRUNE50", "write 'prune50_ptq_int8'"),
        ("cluster16_qat_int8_prune50", "write 'prune50_cluster16_qat_int8'"),
        ("ptq_int8_uint8_io_prune50", "write 'prune50_ptq_int8_uint8_io'"),
        ("prune50", "a conversion has to follow: write 'prune50_ptq_int8' or 'prune50_qat_int8' or 'prune50_float32'"),
        ("prune50_", "write 'prune50_ptq_int8'"),
        ("cluster16_prune50", "write 'prune50_cluster16_ptq_int8'"),
        (
            "ptq_int8_calib0",
            "no more than there are, without a zero in front: write 'ptq_int8_calib20', or 'ptq_int8' for all",
        ),
        ("ptq_int8_calib007_balanced", "write 'ptq_int8_calib20_balanced', or 'ptq_int8' for all of them"),
        ("ptq_int8_calib100000", "1 to 99999"),
        ("ptq_int8_calib", "write 'ptq_int8_calib20'"),
    ],
)
def test_a_recipe_spelled_in_another_way_says_how_it_is_meant(given_name: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_recipe(given_name)
    assert str(caught.value).startswith(f"recipe {given_name!r}: ")
    assert says in str(caught.value)
    for offered in re.findall(r"'(\w+)'", str(caught.value))[1:]:
        assert decode_recipe(offered).name == offered


@pytest.mark.parametrize("given_name", ["prune150", "ptq_int8_prune0", "calib0", "prune50_calib0", "prune50_prune50", "_", "-- --"])
def test_where_what_is_meant_cannot_be_told_nothing_is_made_up(given_name: str) -> None:
    with pytest.raises(InputError, match="unknown recipe"):
        decode_recipe(given_name)


@pytest.mark.parametrize(
    ("given_name", "right"),
    [
        ("ptq_int8_calib20_uint8_io", "ptq_int8_uint8_io_calib20"),
        ("prune50_ptq_int8_calib20_first_float_io", "ptq_int8_float_io_calib20_first"),
        ("ptq_int8_int8_io", "ptq_int8"),
        ("ptq_int8_int8_io_calib7", "ptq_int8_calib7"),
    ],
)
def test_choices_spelled_in_another_way_say_which_is_right(given_name: str, right: str) -> None:
    with pytest.raises(InputError, match=f"write {right} ") as caught:
        decode_recipe(given_name)
    assert "did you mean" not in str(caught.value)
    assert decode_recipe(right).name == right


def test_what_a_recipe_says_of_itself_is_true_of_it() -> None:
    assert decode_recipe("float32").description == "float weights and arithmetic, the reference"
    assert decode_recipe("structured50_float32").description.endswith("then float weights and arithmetic")
    plain, bytes_, floats = (" ".join(decode_recipe(f"ptq_int8{end}").buys) for end in ("", "_uint8_io", "_float_io"))
    assert "QUANTIZE" not in plain
    assert "which the Edge TPU runs" in bytes_
    assert "DEQUANTIZE op stay on the CPU" in floats


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("prune50_prune60_ptq_int8", "names 'prune' twice.*prune50_ptq_int8"),
        ("cluster16_cluster8_ptq_int8", "names 'cluster' twice"),
        ("cluster16_prune50_qat_int8", "write it 'prune50_cluster16_qat_int8'"),
        ("prune_ptq_int8", "allowed are prune1 to prune99"),
    ],
)
def test_combinations_that_are_no_recipe_say_what_to_write(name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        decode_recipe(name)


def test_lists_of_recipes() -> None:
    names = [recipe.name for recipe in decode_recipes(" ptq_int8 , float16,,ptq_int8")]
    assert names == ["ptq_int8", "float16"]
    assert decode_recipes(["float16"]) == decode_recipes(("float16",)) == decode_recipes("float16")
    for nothing in ("", " , ", []):
        with pytest.raises(InputError, match="no recipe given"):
            decode_recipes(nothing)
