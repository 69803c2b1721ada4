"""The generator of gaps, and the rules of form: each is broken once."""

from __future__ import annotations

from pathlib import Path

import course_notebooks as course
import pytest

HEAD = """# %% [markdown]
# # 03 · A title
#
# **Goal.** G. **Time.** T.

# %%
from edgewb.courses import check

# %% [markdown]
# ## Exercise 1
# **Question.** Q.

# %% tags=["exercise"]
# What is it?
answer = 1

# %%
check("03.1", answer)

# %% [markdown]
# **Reading.** R.
# ## Summary
# ## Read next
"""


def said(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "03_title.py"
    path.write_text(text)
    return list(course.complaints(path))


def test_with_gaps() -> None:
    code = "# Two numbers.\nfrom edgewb import x\na, b = 1, f(2)\nc: int = 3 if False else 4\n".replace("c: int", "c")
    assert course.generator().with_gaps(code) == "# Two numbers.\nfrom edgewb import x\na, b = ..., ...\nc = ..."


def test_with_gaps_of_a_function_keeps_head_and_docstring() -> None:
    code = 'def f(\n    x: int,\n) -> int:\n    """Twice x.\n\n    More."""\n    # secret\n    return 2 * x\n'
    assert course.generator().with_gaps(code) == 'def f(\n    x: int,\n) -> int:\n    """Twice x.\n\n    More."""\n    ...'
    assert course.generator().with_gaps("def f(x):\n    return 2 * x") == "def f(x):\n    ..."


def test_with_gaps_of_an_answer_over_several_lines() -> None:
    assert course.generator().with_gaps("a = [\n    1,\n    # secret\n    2,\n]\n# then\nb = 3") == "a = ...\n# then\nb = ..."


@pytest.mark.parametrize("code", ["print(3)", "a.b = 3", "for i in []:\n    pass", "a = b = 3"])
def test_with_gaps_refuses_what_would_show_the_answer(code: str) -> None:
    with pytest.raises(ValueError, match="assignments"):
        course.generator().with_gaps(code)


def test_a_good_source(tmp_path: Path) -> None:
    assert said(tmp_path, HEAD) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("# # 03 ·", "# # 04 ·", "does not begin with"),
        ("**Goal.**", "Goal", "no **Goal.**"),
        ("**Time.**", "Time", "no **Time.**"),
        ("## Summary", "Summary", "no '## Summary'"),
        ("## Read next", "Read next", "no '## Read next'"),
        ("**Reading.**", "Reading", "no **Reading.**"),
        ("**Question.**", "Question", "no **Question.**"),
        ("**Reading.** R.", "**Reading.** $x^2$", "LaTeX"),
        ("from edgewb.courses import check", "from edgewb.courses import check\nimport numpy as np", "imports numpy"),
        ('check("03.1", answer)', 'check("04.1", answer)', "another notebook"),
        ('check("03.1", answer)', "answer", "without a check"),
        ('check("03.1", answer)', 'check("03.1", answer)\n\n# %%\nprint(answer)', "used after its check"),
        ('check("03.1", answer)', 'check("03.1", answer)\n\n# %%\ncheck("03.1", answer)', "checked twice"),
        (' tags=["exercise"]', "", "no exercise"),
        (
            "from edgewb.courses import check",
            "\n".join(["from edgewb.courses import check", *(f"x{i} = {i}" for i in range(12))]),
            "13 lines",
        ),
    ],
)
def test_each_rule_is_broken(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert HEAD.count(old) >= 1
    assert any(complaint in one for one in said(tmp_path, HEAD.replace(old, new, 1)))


FIGURE = """# %%
from edgewb.views.plots import plot_x

plot_x(
    1
)

# %% [markdown]
# **Reading.** So it is.

# %% [markdown]
# ## Exercise 1
"""


def test_each_figure_has_a_reading_directly_after(tmp_path: Path) -> None:
    with_figure = HEAD.replace("# %% [markdown]\n# ## Exercise 1\n", FIGURE, 1)
    assert said(tmp_path, with_figure) == []
    for broken in (
        with_figure.replace("# **Reading.** So it is.", "# So it is."),
        with_figure.replace("# **Reading.** So it is.", "# So. **Reading.** It is."),
        with_figure.replace("# %% [markdown]\n# **Reading.** So it is.", "# %%\nother = 3"),
    ):
        assert any("directly after the figure" in one for one in said(tmp_path, broken))


@pytest.mark.parametrize(
    ("code", "drawn"),
    [("plot_x(1)", True), ("x = 1\ndraw_x(x)", True), ("x = plot_x(1)", False), ("show_x(1)", False), ("# nothing", False)],
)
def test_what_draws_a_figure(code: str, drawn: bool) -> None:
    assert course.draws(code) is drawn


def test_for_execution_asks_twice(tmp_path: Path) -> None:
    path = tmp_path / "03_title.py"
    path.write_text(HEAD)
    sources = [cell.source for cell in course.code_cells(course.for_execution(path, fast=True))]
    assert sources[1:] == ["# What is it?\nanswer = ...", 'check("03.1", answer)', "# What is it?\nanswer = 1", 'check("03.1", answer)']


def test_for_execution_sets_the_parameter(tmp_path: Path) -> None:
    path = tmp_path / "03_title.py"
    path.write_text(HEAD.replace("# %%\nfrom", '# %% tags=["parameters"]\nFAST = False  # quick\n\n# %%\nfrom'))
    assert course.code_cells(course.for_execution(path, fast=True))[0].source == "FAST = True  # quick"
    assert course.code_cells(course.for_execution(path, fast=False))[0].source == "FAST = False  # quick"
