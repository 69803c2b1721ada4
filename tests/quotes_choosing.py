"""What notebooks 07 to 11 say of recorded data: times, the choice among variants, the field."""

from quoted_figures import (
    INT8,
    SHIFTS,
    Quoted,
    apart_under,
    between_under,
    change,
    estimated,
    front_within,
    lost_points,
    net,
    overlap,
    percent,
    percents_under,
    shifted,
    shone,
    shown_estimate,
    study,
    worse_under,
)

from edgewb.lessons.architectures import list_architectures
from edgewb.lessons.choices import choices_by_budget, look_twice
from edgewb.recommendations import recommend
from edgewb.views.live_plots import recorded_info
from edgewb.views.tradeoff_plots import tradeoff_of

CHOOSING = (
    Quoted("07", "0.56 ms [0.43, 0.80]", lambda: shown_estimate(), "0.56 [0.43, 0.80]"),
    Quoted("08", "tens of thousands on a desktop", lambda: 1000 / study()["ptq_int8"].latency[0].latency_ms.p50, (10_000, 200_000)),
    Quoted("08", "median_ms = 0.012", lambda: 0.012 / recorded_info("prune80_ptq_int8").summary.p50, (0.86, 1.14)),
    Quoted("08", "0.6 ms per inference", lambda: estimated(study()["ptq_int8"]).mid, (0.55, 0.65)),
    # 09
    Quoted("09", "Nine variants of one small network", lambda: len(study()), (9, 9)),
    Quoted("09", "the intervals of all nine overlap", lambda: overlap(*study().values())),
    Quoted(
        "09",
        "The front has shrunk to a single point",
        lambda: sum(point.on_front for point in tradeoff_of(list(study().values()), "estimate").points),
        (1, 1),
    ),
    Quoted("09", "0.56 ms (80 % interval 0.43 to 0.80)", lambda: shown_estimate(), "0.56 [0.43, 0.80]"),
    Quoted(
        "09",
        "`float32`, `float16` and `dynamic_range` are missing",
        lambda: set(tradeoff_of(list(study().values()), "estimate").left_out),
        {"float32", "float16", "dynamic_range"},
    ),
    Quoted(
        "09",
        "NASNetMobile is the most accurate",
        lambda: max((one for one in list_architectures() if one.edgetpu_ms <= 20), key=lambda one: one.edgetpu_percent).name,
        "NASNetMobile",
    ),
    Quoted("09", "although it lost five points on the way", lambda: lost_points("NASNetMobile"), (4.5, 5.5)),
    Quoted(
        "09",
        "DenseNet121 and EfficientNetB0 lost some 12",
        lambda: (lost_points("DenseNet121") + lost_points("EfficientNetB0")) / 2,
        (11, 13),
    ),
    Quoted("09", "ResNet50 less than half a point", lambda: lost_points("ResNet50"), (0, 0.5)),
    Quoted(
        "09",
        "Xception leads in float, InceptionV3 on the chip",
        lambda: [
            max(list_architectures(), key=lambda one: one.float_percent).name,
            max(list_architectures(), key=lambda one: one.edgetpu_percent).name,
        ],
        ["Xception", "InceptionV3"],
    ),
    Quoted("09", "4.96 ms beside", lambda: net("MobileNetV2").edgetpu_ms, (4.955, 4.965)),
    Quoted(
        "09",
        'front = ["MobileNet", "MobileNetV2", "NASNetMobile", "DenseNet169"]',
        lambda: set(front_within(30)),
        {"MobileNet", "MobileNetV2", "NASNetMobile", "DenseNet169"},
    ),
    Quoted("09", "they may refute it, and here they do not", lambda: recommend(list(study().values()), 1.0).recipe is not None),
    Quoted(
        "09",
        "n = 500 is too small to prove that the loss is below one point",
        lambda: "n = 500 is too small" in recommend(list(study().values()), 1.0).why,
    ),
    Quoted(
        "09",
        "From 1.5 points on the choice moves to the smaller file",
        lambda: choices_by_budget(list(study().values()))[-1].low_points,
        (1.45, 1.55),
    ),
    Quoted("09", 'choice = "prune80_ptq_int8"', lambda: recommend(list(study().values()), 2.0).recipe, "prune80_ptq_int8"),
    Quoted(
        "09", "Three variants *gained* a point or more on the validation images", lambda: {one.recipe for one in shone()}, set(INT8[3:])
    ),
    Quoted(
        "09", "fell below 0, each by more than 1.5 points", lambda: all(one.test_points < 0 and one.fall_points > 1.5 for one in shone())
    ),
    Quoted(
        "09",
        "The others moved by less than one",
        lambda: max(abs(one.fall_points) for one in look_twice(list(study().values())) if one not in shone()),
        (0, 0.99),
    ),
    Quoted(
        "09",
        "points = 2.4",
        lambda: next(one.fall_points for one in look_twice(list(study().values())) if one.recipe == "prune80_ptq_int8"),
        (2.35, 2.45),
    ),
    # 11
    Quoted("11", "float32 and int8 both answer 99 % rightly", lambda: {percent(study()[name]) for name in ("float32", "ptq_int8")}, {99.0}),
    Quoted("11", "something between 41 and 81 %", lambda: min(percents_under("float32", "ptq_int8")), (40.5, 41.5)),
    Quoted("11", "between 41 and 81 %", lambda: max(percents_under("float32", "ptq_int8")), (80.5, 81.5)),
    Quoted(
        "11",
        "its interval begins at zero, because int8 got four images right",
        lambda: [shifted()["ptq_int8", "blur3"].delta.gained, shifted()["ptq_int8", "blur3"].delta.lost],
        [4, 0],
    ),
    Quoted(
        "11", 'hardest = "rotation3"', lambda: min(SHIFTS, key=lambda shift: shifted()["ptq_int8", shift].accuracy.correct), "rotation3"
    ),
    Quoted("11", "loses 1.4 points on the test images", lambda: round(change(study()["prune80_ptq_int8"]).points, 1), (-1.4, -1.4)),
    Quoted(
        "11",
        "On three of the four shifts it does better than float32, with intervals far apart",
        lambda: apart_under("prune80_ptq_int8"),
        (3, 3),
    ),
    Quoted("11", "on three of the four it does worse than float32", lambda: worse_under("qat_int8"), (3, 3)),
    Quoted("11", "the version with 50 % zeros lies in between", between_under, (3, 4)),
    Quoted("11", "The file of the int8 network has 64 kB", lambda: study()["ptq_int8"].size_bytes / 1000, (63.5, 64.5)),
)
