"""09, the trade-off: the front, a budget, and the best of many."""

from __future__ import annotations

from edgewb.courses.checks import NotYet, exercise, expect_close, number_in, text_in
from edgewb.lessons.architectures import list_architectures
from edgewb.lessons.choices import best_of_many
from edgewb.recommendations import recommend
from edgewb.records.listings import Records
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


@exercise("09.2")
def judge_budget(records: object, choice: object) -> str:
    """What to take when two points may be lost."""
    if not isinstance(records, tuple | list | Records) or not records:
        raise NotYet("the first answer is the study's records; leave it as it stands in the cell.")
    recipe = text_in(choice, "choice", tuple(record.recipe for record in records))
    wanted = recommend(records, 2.0).recipe
    if recipe == wanted:
        return "of those that stay within two points on the validation examples and map, it is the smallest compressed."
    record = next(one for one in records if one.recipe == recipe)
    if record.validated is None:
        raise NotYet(f"{recipe} is what the others are compared with. Which of its variants can replace it?")
    if not record.placement.ops_edgetpu:
        raise NotYet(f"{recipe} stays within the budget, but none of its ops would run on an Edge TPU.")
    raise NotYet(f"{recipe} is within two points and maps, but another variant is, too, and its compressed file is smaller.")


@exercise("09.3")
def judge_excess(excess_points: object) -> str:
    """How flattering it is to be the best of 20."""
    found = best_of_many(20, 200)
    right = found.excess_points
    value = number_in(excess_points, "excess_points")
    if abs(100 * value - right) <= 0.1:
        raise NotYet(f"excess_points is {value:g}: that is a share; the figure is in points, of which 100 make the whole.")
    expect_close(
        excess_points,
        right,
        "excess_points",
        relative=0.0,
        absolute=0.3,
        mistakes={
            "that is one variant alone, which on average looks as good as it is. Look at 20.": best_of_many(1, 200).excess_points,
            "that is nearer to the upper end of the bar; the mean is asked for, the dot on the line.": found.high_points,
            "that is nearer to the lower end of the bar; the mean is asked for, the dot on the line.": found.low_points,
            "that is what the best one seems to get right; by how much is this more than the 98 %?": found.true_percent + right,
            "the best of many looks better than it is, not worse: the sign.": -right,
        },
        hint="Read the curve above 20 variants; it is in points.",
    )
    return f"about {right:.1f} points, for nothing (computed): the budget of one point would be gone, and nobody would have noticed."
