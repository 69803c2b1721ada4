"""09, the trade-off: the front, a budget, and a second look."""

from __future__ import annotations

from edgewb.courses.checks import NotYet, exercise, expect_close, text_in
from edgewb.lessons.architectures import list_architectures
from edgewb.lessons.choices import look_twice
from edgewb.recommendations import recommend
from edgewb.records.listings import Records
from edgewb.types import Record
from edgewb.views.tradeoff_plots import architectures_info


@exercise("09.1")
def judge_front(front: object) -> str:
    """The names on the front within 30 ms."""
    if isinstance(front, str) or not hasattr(front, "__iter__"):
        raise NotYet('front is not a list: write the names in brackets, such as ["MobileNet", "ResNet50"].')
    given = {str(name).strip().lower() for name in front}
    nets = {net.name.lower(): (net, best) for net, best in architectures_info()}
    unknown = sorted(given - set(nets))
    if unknown:
        raise NotYet(f"{unknown[0]!r} is not in the figure; it has {', '.join(net.name for net in list_architectures())}.")
    slow = [nets[name][0] for name in sorted(given) if nets[name][0].edgetpu_ms > 30]
    if slow:
        raise NotYet(f"{slow[0].name} takes more than 30 ms.")
    beaten = [nets[name][0] for name in sorted(given) if not nets[name][1]]
    if beaten:
        better = next(
            other
            for other, _ in nets.values()
            if other.edgetpu_ms <= beaten[0].edgetpu_ms and other.edgetpu_percent > beaten[0].edgetpu_percent
        )
        raise NotYet(f"{beaten[0].name} is beaten: {better.name} is faster and more accurate.")
    missing = [net for name, (net, best) in nets.items() if best and net.edgetpu_ms <= 30 and name not in given]
    if missing:
        raise NotYet(
            f"{len(missing)} more belong{'s' * (len(missing) == 1)} to it. Start at the fastest net of all and go to the right: which is "
            "the next that is more accurate than all before it?"
        )
    return "each of these is the most accurate of those that are as fast."


def _records_in(records: object) -> tuple[Record, ...]:
    if not isinstance(records, tuple | list | Records) or not records:
        raise NotYet("the first answer is the study's records; leave it as it stands in the cell.")
    return tuple(records)


@exercise("09.2")
def judge_budget(records: object, choice: object) -> str:
    """What to take when two points may be lost."""
    known = _records_in(records)
    recipe = text_in(choice, "choice", tuple(record.recipe for record in known))
    wanted = recommend(known, 2.0).recipe
    if recipe == wanted:
        return "of those that stay within two points on the validation examples and map, it is the smallest compressed."
    record = next(one for one in known if one.recipe == recipe)
    if record.validated is None:
        raise NotYet(f"{recipe} is what the others are compared with. Which of its variants can replace it?")
    if not record.placement.ops_edgetpu:
        raise NotYet(f"{recipe} stays within the budget, but none of its ops would run on an Edge TPU.")
    raise NotYet(f"{recipe} is within two points and maps, but another variant is, too, and its compressed file is smaller.")


@exercise("09.3")
def judge_fall(records: object, fallen: object, points: object) -> str:
    """Which variant fell the most between the two looks, and by how much."""
    looks = {one.recipe: one for one in look_twice(_records_in(records))}
    name = text_in(fallen, "fallen", tuple(looks))
    right = max(looks.values(), key=lambda one: one.fall_points)
    worst = min(looks.values(), key=lambda one: one.test_points)
    best = max(looks.values(), key=lambda one: one.chosen_points)
    if name != right.recipe:
        if name == best.recipe:
            raise NotYet(f"{name} looked best, and fell; another one fell further.")
        if name == worst.recipe:
            raise NotYet(f"{name} is the worst on the test images; which one has the longest way from circle to square?")
        moved = f"{name} moved by {-looks[name].fall_points:+.1f} points"
        raise NotYet(f"{moved}; another one fell further. Compare circle and square, row by row.")
    expect_close(
        points,
        right.fall_points,
        "points",
        relative=0.0,
        absolute=0.15,
        mistakes={
            "it fell: give the length of the way, without a sign.": -right.fall_points,
            "that is what it lost on the test images against float; it came from above 0.": -right.test_points,
            "that is the figure on the test images; how far is it from the one on the validation images?": right.test_points,
            "that is the figure on the validation images; how far is it from the one on the test images?": right.chosen_points,
            "that is a share; the axis is in points, of which 100 make the whole.": right.fall_points / 100,
        },
        hint="Hover over circle and square: the way is the one less the other.",
    )
    return f"{right.recipe} fell by {right.fall_points:.1f} points on images that had no part in any choice (measured)."
