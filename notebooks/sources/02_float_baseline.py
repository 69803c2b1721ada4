# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · A float baseline, and how sure we are of its accuracy
#
# **Goal.** You train a small float network, and can say how good it is with the doubt that belongs to the figure. You
# can tell whether one network is better than another, or whether this test cannot say.
#
# **Time.** 30 minutes of reading, about 1 minute of computing. **You need** TensorFlow to train (`make setup`
# installs it). Without it, as on Binder, the notebook shows the same trainings as they were recorded on another
# computer, and says so.

# %% tags=["parameters"]
FAST = False  # True: trains for a shorter time, and the figures in the text no longer fit

# %%
import edgewb
from edgewb.courses import check
from edgewb.courses.recorded import run_or_recall

# %% [markdown]
# ## Why a baseline
#
# An Edge TPU computes with 8-bit integers. All that the next notebooks do to a network costs accuracy, or might. To
# see how much, you need to know where you started: a network in ordinary 32-bit floats, and its accuracy.
#
# The data are 1,797 handwritten digits (UCI, as scikit-learn ships them), enlarged to 32×32 pixels. The network is a
# convolution and five depthwise separable blocks, 38,000 parameters: small, but of the kind that runs in many
# cameras.
#
# ## Four splits, and one that stays shut
#
# Before anything is trained the images are divided into four parts that share no image.

# %%
digits = edgewb.load_dataset("digits", seed=0)
digits

# %% [markdown]
# **Reading.** `train` is what the network learns from. `calibration` will give the integers their ranges, in notebook
# 03. `validation` is for every decision: how long to train, which variant to take. `test` answers one question at the
# very end: how good is what was chosen? `seed` fixes who goes where; the same seed gives the same splits on every
# computer. Equal images, if there are any, always land in the same part.
#
# **Question.** Suppose you try twenty variants that are all *equally good*, and keep the one with the best figure on
# some images. Is that figure too high, too low, or right?

# %%
from edgewb.views.baseline_plots import plot_best_of

plot_best_of(percent=98, sizes=(200, 500, 5000))

# %% [markdown]
# **Reading.** Too high. Each variant here is right on 98 % of all images there are; the height is by how much the
# winner's figure beats that on average, by luck alone. With 200 images and twenty variants it is more than a point.
# (Computed for variants that err independently. Variants of one network err alike, so theirs is less: take it as the
# most luck can add.) The best of many has also been the luckiest; this is known as the *winner's curse*. Notebook 09
# meets it in a real study.
#
# This is why the test split is opened once. A figure you chose by is not a fair figure any more, and you cannot make
# it fair again. In edgewb the split is behind a call, `open_test()`, so that every use of it can be found in the
# code.

# %% [markdown]
# ## Train it
#
# Two networks: `float32`, the baseline, and `student_float32`, the same architecture with half of each layer's
# channels, trained in the same way. The second has less than a third of the weights.
#
# `run_or_recall` is `edgewb.run`, which you will use for data of your own in notebook 12: it trains, converts,
# measures and writes a report to `runs/course`. Where TensorFlow is missing it recalls what was recorded; with
# `recorded=True` it does so in any case.
#
# **Question.** How many points will the small one lose?

# %%
study = run_or_recall("digits", "float32, student_float32", fast=FAST)

# %%
from edgewb.views.baseline_plots import plot_learning_curve

plot_learning_curve(study.context.learning_curve)

# %% [markdown]
# **Reading.** Each epoch shows every training image once. The *loss* (above) is what training lowers: how far off the
# scores were on the images being learnt. It ends far below where it began, with hops on the way. The share of right
# answers on the validation images (below) is what counts. It rises within a few epochs, then wobbles; the band is the
# 95 % interval with 200 images, and a step of one point is two images. A learning curve tells you whether to train
# longer. It does not tell you which epoch was the best: when this was written, one in the middle had all 200 right.
# Picking the highest point of a wobble is choosing by luck again, so edgewb takes the last.

# %% [markdown]
# ## Its accuracy, with an interval

# %%
from edgewb.views.baseline_plots import plot_shares

plot_shares({record.recipe: record for record in study.records}, "Accuracy on the test images")

# %% [markdown]
# **Reading.** A square is what we saw on 500 test images; the bar is where the true share may well lie. "True" means
# on all digits these people might ever write. If we drew 500 other images again and again, about 95 of 100 such bars
# would hold the true share. The small network's square lies further left, by a point or two; the bars overlap, and
# whether that is more than chance we shall see further down.
#
# The bars are not symmetric: near 100 % there is more room below than above. They are Wilson's intervals; the one
# from most textbooks, p ± 1.96 √(p(1 − p)/n), is too narrow near 100 %, and with all images right it would have no
# width at all.
#
# ## Exercise 1: how sure is 94 %?
#
# A colleague tells you: "94 % accuracy!" You ask; it was 47 of 50 images. `wilson_interval(correct, n)` takes two
# numbers of images, and gives the lower and the upper end as shares between 0 and 1.

# %% tags=["exercise"]
from edgewb.intervals import wilson_interval

# 47 of 50 were right: from where to where may the true share lie?
low, high = wilson_interval(47, 50)

# %%
check("02.1", low, high)

# %% [markdown]
# ## How many test images does one need?
#
# **Question.** Our interval reaches about one point to either side. How many images would it take to get down to a
# fifth of a point?

# %%
from edgewb.views.baseline_plots import plot_interval_widths

plot_interval_widths(percents=(80, 95, 99))

# %% [markdown]
# **Reading.** Both axes are logarithmic, and the lines are nearly straight: for half the width you need about four
# times the images. The better the network, the fewer are needed for the same width. To be sure of 99 % to within half
# a point takes some 1,600 images, and to within a fifth of a point some 9,600. As for "98.73 %", no 500 images can
# give that: one image is 0.2 points.
#
# ## Exercise 2: order the test set
#
# You expect about 97 % and want to know it to within one point to either side. `examples_for_half_width(share,
# half_width)` takes both as shares.

# %% tags=["exercise"]
from edgewb.intervals import examples_for_half_width

# How many labelled test images do you order?
images = examples_for_half_width(0.97, 0.01)

# %%
check("02.2", images)

# %% [markdown]
# ## And if the seed had been another?
#
# The interval speaks of the test images only. The seed also decides with which weights training begins, and which
# images it sees. So let us train the baseline twice more.

# %%
studies = [run_or_recall("digits", "float32", seed=seed, fast=FAST) for seed in (0, 1, 2)]
seeds = {f"seed {one.context.seed}": one.records[0] for one in studies}
plot_shares(seeds, "Three seeds: other splits, other start")

# %% [markdown]
# **Reading.** Three trainings, three figures, each on 500 test images of its own split. If the squares lie within
# each other's bars, chance is enough to explain the differences, and there is no best seed to be found. A paper that
# reports one seed without an interval leaves you to guess how much of its gain is this.

# %% [markdown]
# ## Is the small network worse?
#
# Both networks answered the *same* 500 images. That is worth a lot: images that both get right, or both wrong, say
# nothing about the difference. Only those on which they part count.
#
# **Question.** Will the interval of the difference be wider or narrower if we use that the images are the same?

# %%
from edgewb.views.baseline_plots import comparison_info, plot_comparison

plot_comparison(study.records, "student_float32")

# %% [markdown]
# **Reading.** The difference is the same, and the paired interval is narrower. The upper bar counts image by image
# where the two networks part (Tango's interval). The lower one is told the two shares only, as if each network had
# had 500 images of its own (Newcombe's). When variants of one network are compared, as in all that follows, pairing
# is a gift: never compare two accuracies with their two separate intervals when you could pair.

# %%
comparison_info(study.records, "student_float32")

# %% [markdown]
# **Reading.** *Lost* images were right with the large network alone, *gained* ones with the small one alone. If both
# were equally good, each image on which they part would be a coin toss. McNemar's test asks how odd the split is
# then: p is the probability of a split at least as uneven. With so few tosses the test is a little more careful than
# the interval: when one says "just about" and the other "not quite", say that it is close, and get more images.
#
# **Question.** Say you could afford to lose one point. Is the small network's loss below that, and if we cannot tell:
# how many test images would it take?

# %%
from edgewb.verdicts import judge_losses, verdict_note

print(verdict_note(judge_losses(study.records, budget_points=1.0)))

# %% [markdown]
# **Reading.** A verdict against a budget has three values: below, above, or too few examples to say. In brackets
# stands how many would do, if they go on parting as often as here. It is usually more than one thinks: a loss near
# the budget is dear to prove. ("95 % confidence each": where many variants are judged on the same images, one of them
# is judged wrongly more often than that. Notebook 09 has a whole study to choose from.)
#
# ## Exercise 3: is A better than B?
#
# On 400 shared test images A alone is right on 9, B alone on 2; on all others they agree. 9 against 2 looks clear.
# Compute the p-value with `mcnemar_p_value(gained, lost)` and decide at the usual 5 %: `"A"`, `"B"` or `"cannot
# tell"`.

# %% tags=["exercise"]
from edgewb.intervals import mcnemar_p_value

# A alone right: 9, B alone right: 2
p_value = mcnemar_p_value(9, 2)
better = "cannot tell"

# %%
check("02.3", p_value, better)

# %% [markdown]
# ## Look at the mistakes
#
# Numbers do not tell you *what* goes wrong. Look at it: on the validation images, since whoever mends what he saw in
# the test split has trained on it.

# %%
from edgewb.views.mistakes import show_mistakes

show_mistakes(study.records[0].file)

# %% [markdown]
# **Reading.** The bold digit is what the label says, then what the network took it for, and how sure it was. Some are
# hard for people, too. An image that is clearly labelled wrongly puts a ceiling on every accuracy; one that is clear
# to you and not to the network is worth more training images of its kind.

# %% [markdown]
# ## Summary
#
# - A baseline is a float network, its accuracy, the number of test images and the interval. Without the last two it
#   is hearsay.
# - Decide on validation images, open the test split once. The best of many looks better than it is.
# - With 500 images an accuracy near 98 % is known to about a point; half the width costs four times the images.
# - Two networks on the same images: pair them. Only the images on which they part count, and there are few.
# - "Cannot tell" is an answer. It comes with the number of images that would tell.
#
# ## Read next
#
# - Notebook 03: from this baseline to 8-bit integers.
# - E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209–212: the interval, in four pages.
# - R. G. Newcombe, Statist. Med. 17 (1998) 857–872: seven intervals for one share compared, and why the textbook's is
#   the worst.
# - Q. McNemar, Psychometrika 12 (1947) 153–157, and T. Tango, Statist. Med. 17 (1998) 891–908: the paired test, and
#   its interval.
# - C. Dwork et al., Science 349 (2015) 636–638: how looking at a test set again and again wears it out.
