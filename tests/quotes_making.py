"""What notebooks 00 to 05 say of recorded data: how variants are made, and what that costs."""

from quoted_figures import (
    INT8,
    Quoted,
    change,
    channel_steps,
    chip_bytes,
    course,
    curve,
    ends,
    estimated,
    holds_zero,
    lost_points,
    overlap,
    paired_width,
    percent,
    reach,
    step_seconds,
    study,
    wobbles,
)

from edgewb.courses.recorded import debug_or_recall, recall
from edgewb.lessons.architectures import list_architectures
from edgewb.lessons.calibration_trials import spread_net
from edgewb.views.quantization_plots import channel_info
from edgewb.views.sparsity_plots import values_info

MAKING = (
    # 00: the estimate is far from any processor's time
    Quoted(
        "00",
        "For so small a network the stick is probably the slower of the two.",
        lambda: study()["ptq_int8"].latency[0].latency_ms.p50 / estimated(study()["ptq_int8"]).low,
        (0, 0.5),
    ),
    # 02
    Quoted("02", "38,000 parameters", lambda: recall("digits", "float32").context.float_parameters, (37_500, 38_500)),
    Quoted(
        "02",
        "has less than a third of the weights",
        lambda: course()["student_float32"].size_bytes / course()["float32"].size_bytes,
        (0.25, 1 / 3),
    ),
    Quoted("02", "It ends far below where it began", lambda: curve().losses[-1] / curve().losses[0], (0, 0.02)),
    Quoted("02", "It rises within a few epochs", lambda: min(curve().validation[3:]), (0.95, 1)),
    Quoted("02", "one in the middle had all 200 right", lambda: len(wobbles()), (1, 1)),
    Quoted("02", "lies further left, by a point or two", lambda: change(course()["student_float32"]).points, (-2.4, -0.6)),
    Quoted("02", "the bars overlap", lambda: overlap(course()["student_float32"], course()["float32"])),
    Quoted(
        "02",
        "Our interval reaches about one point to either side",
        lambda: 50 * (ends(course()["float32"])[1] - ends(course()["float32"])[0]),
        (0.7, 1.3),
    ),
    Quoted(
        "02",
        "the paired interval is narrower",
        lambda: paired_width() < 1,
    ),
    Quoted(
        "02",
        'when one says "just about" and the other "not quite"',
        lambda: change(course()["student_float32"]).ci95[1] < 0 and 0.05 < change(course()["student_float32"]).p_value < 0.1,
    ),
    # 03
    Quoted("03", "the intervals overlap", lambda: overlap(*(study()[name] for name in ("float32", "dynamic_range", "float16", *INT8[:2])))),
    Quoted("03", "one image reaches some two thirds as far as a hundred", lambda: reach("1 image"), (0.55, 0.78)),
    Quoted("03", "Even **noise** comes within a factor of about two of the right ranges", lambda: reach("random noise"), (0.45, 2.2)),
    Quoted("03", "the ranges become hundreds of times too wide", lambda: reach("pixels 0 to 255 (forgot / 255)"), (100, 1000)),
    Quoted("03", "The poorest channel still has a third", lambda: min(channel_info(5).levels) / 127, (0.28, 0.39)),
    Quoted("03", "some none: their weights all become 0", lambda: min(channel_info(5, spread_net(3)).levels), (0, 0)),
    # 04
    Quoted("04", "both intervals hold 0", lambda: all(holds_zero(change(course()[name])) for name in ("ptq_int8", "qat_int8"))),
    Quoted("04", "int8 was right on about one digit in five", lambda: percent(course("digits_hard")["ptq_int8"]), (17, 23)),
    Quoted(
        "04",
        "equalisation stayed within 0.2 points of float",
        lambda: abs(change(course("digits_hard")["equalize_ptq_int8"]).points),
        (0, 0.201),
    ),
    Quoted("04", "QAT 0.8, 1.6 and 3.0 points below it", lambda: round(change(course("digits_hard")["qat_int8"]).points, 1), (-0.8, -0.8)),
    Quoted("04", "even the narrowest channel has dozens of steps", lambda: min(channel_steps()["easy"]), (24, 255)),
    Quoted(
        "04",
        "two in five have ten or fewer",
        lambda: sum(s <= 10 for s in channel_steps()["hard"]) / len(channel_steps()["hard"]),
        (0.33, 0.47),
    ),
    Quoted("04", "a few have lost nearly everything", lambda: sum(s < 1 for s in channel_steps()["hard"]), (2, 6)),
    Quoted("04", "After equalisation the channels are of like size again", lambda: min(channel_steps()["equalised"]), (24, 255)),
    Quoted(
        "04",
        "the float file answers like the float network and that the fall comes with int8",
        lambda: str(debug_or_recall("digits_hard", recorded=True).first_fall),
        "int8 built-in kernels",
    ),
    Quoted("04", '"channels" is the cause', lambda: debug_or_recall("digits_hard", recorded=True).culprit.cause, "channels"),
    Quoted(
        "04",
        "it made two fifths as many steps",
        lambda: course()["qat_int8"].settings["training"]["fine_tune_steps"] / course()["qat_int8"].settings["training"]["steps"],
        (0.4, 0.4),
    ),
    Quoted("04", "each takes longer, since it computes the rounding", step_seconds, (1.05, 100)),
    Quoted(
        "04",
        '"Under 1 % lost" is true of about half of these networks',
        lambda: sum(lost_points(one.name) < 1 for one in list_architectures()) / len(list_architectures()),
        (0.4, 0.6),
    ),
    Quoted("04", "all but the same size", lambda: course()["qat_int8"].size_bytes / course()["ptq_int8"].size_bytes, (0.97, 1.03)),
    # 05
    Quoted(
        "05",
        "With half of the weights gone the intervals overlap by far",
        lambda: ends(course()["prune50_ptq_int8"])[0] <= ends(course()["ptq_int8"])[0] <= ends(course()["prune50_ptq_int8"])[1],
    ),
    Quoted(
        "05",
        "Then it costs a point or two",
        lambda: max(abs(change(course()[name]).points) for name in ("prune80_ptq_int8", "prune90_ptq_int8")),
        (0.6, 2.4),
    ),
    Quoted("05", "the network falls off a cliff", lambda: change(course()["prune95_ptq_int8"]).points, (-100, -10)),
    Quoted(
        "05", "about three weights in four are zero", lambda: course()["prune80_ptq_int8"].settings["file_zero_weights_percent"], (70, 79)
    ),
    Quoted(
        "05",
        "The file is as large as before, to the byte",
        lambda: len(
            {
                course()[name].size_bytes
                for name in ("ptq_int8", "prune50_ptq_int8", "prune80_ptq_int8", "prune90_ptq_int8", "prune95_ptq_int8")
            }
        ),
        (1, 1),
    ),
    Quoted(
        "05",
        "the Edge TPU stores every weight",
        lambda: chip_bytes(course()["prune80_ptq_int8"]) / chip_bytes(course()["ptq_int8"]),
        (1, 1),
    ),
    Quoted("05", "Plain int8 uses nearly all of them", lambda: values_info({"": course()["ptq_int8"].file})[0].distinct, (200, 256)),
    Quoted(
        "05",
        "Clustering was asked for 16 values and the file holds more",
        lambda: values_info({"": course()["cluster16_ptq_int8"].file})[0].distinct,
        (17, 199),
    ),
    Quoted(
        "05",
        "the same file, the same bytes on the chip, a smaller compressed file",
        lambda: (
            (course()["cluster16_ptq_int8"].size_bytes, chip_bytes(course()["cluster16_ptq_int8"]))
            == (course()["ptq_int8"].size_bytes, chip_bytes(course()["ptq_int8"]))
            and course()["cluster16_ptq_int8"].compressed_bytes < course()["ptq_int8"].compressed_bytes
        ),
    ),
    Quoted("05", "That of clustering holds 0", lambda: holds_zero(change(course()["cluster16_ptq_int8"]))),
    Quoted("05", "when this was written its interval just reached 0", lambda: change(course()["prune80_ptq_int8"]).ci95[1], (0, 0.3)),
    Quoted(
        "05",
        "It is more than a quarter",
        lambda: chip_bytes(course()["structured50_ptq_int8"]) / chip_bytes(course()["ptq_int8"]),
        (0.26, 0.45),
    ),
    Quoted(
        "05",
        "All three are the same",
        lambda: estimated(course()["structured50_ptq_int8"]).mid / estimated(course()["ptq_int8"]).mid,
        (0.99, 1.01),
    ),
    Quoted(
        "05",
        "Structured pruning costs about as much here as zeroing 80 % of the weights",
        lambda: abs(change(course()["structured50_ptq_int8"]).points - change(course()["prune80_ptq_int8"]).points),
        (0, 0.5),
    ),
    Quoted(
        "05",
        "this test could not say of either whether it keeps to it",
        lambda: all(
            change(course()[name]).ci95[0] < -1 < change(course()[name]).ci95[1] for name in ("structured50_ptq_int8", "prune80_ptq_int8")
        ),
    ),
    Quoted(
        "05",
        "It holds 0: this run does not show that the teacher brought anything",
        lambda: "95 % interval -" in next(note for note in recall("digits", "float32").context.notes if note.startswith("distill25")),
    ),
)
