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
# # 09 · The trade-off
#
# **Goal.** Choose one variant of a model for a budget, and defend the choice with figures that were not fitted to it.
#
# **Time.** 25 minutes of reading, half a minute of computing. **You need** nothing but this computer: the study comes with
# the repository.

# %%
from edgewb.bundles import bundled_studies
from edgewb.courses import check

study = bundled_studies()[0]
print(study.about)

# %% [markdown]
# ## What is on offer
#
# Nine variants of one small network that reads handwritten digits: the float original, four kinds of quantisation, QAT, two
# with pruned weights and one with clustered ones.
#
# **Question.** Which of them would nobody choose, whatever their priorities?

# %%
from edgewb.views.tradeoff_plots import plot_tradeoff

plot_tradeoff(study.records, cost="compressed")

# %% [markdown]
# **Reading.** Further up is more accurate, further left is smaller. A variant is *beaten* (orange cross) when another one is
# at least as good in both, and better in one. Those that nobody beats form the **Pareto front**, the blue line: to get
# more of one you must give up some of the other. Choosing means choosing on the front.
#
# But look at the intervals. With 500 test images one image is 0.2 points, and the intervals of all nine overlap. The front is
# drawn through points that this test can hardly tell apart. With other images it would run through others.

# %% [markdown]
# ## The same models, another cost
#
# **Question.** Is the front the same when the cost is the latency on an Edge TPU?

# %%
plot_tradeoff(study.records, cost="estimate")

# %% [markdown]
# **Reading.** The front has shrunk to a single point: pruned or not, each int8 variant has the
# same ops and the same number of weights, so the *estimated* latency is the same, 0.56 ms (80 % interval 0.43 to 0.80); no
# Edge TPU was measured here. `float32`, `float16` and `dynamic_range` are missing, because nothing of them would run there. A front
# belongs to a cost. Say which one you pay: bytes on the device, bytes over the network, milliseconds, or joules.

# %% [markdown]
# ## A front among architectures
#
# Variants of one small network lie close together. Whole architectures do not. Others ran these nets on 12,000 images of
# ImageNet, in float on a processor and compiled on a USB Accelerator, and published the figures. The time axis is logarithmic.
#
# **Question.** You have 20 ms per image. Which net do you take? And is the most accurate float net the most accurate on the chip?

# %%
from edgewb.views.tradeoff_plots import plot_architectures

plot_architectures()

# %% [markdown]
# **Reading.** Grey diamonds are the float nets, and the dotted lines lead down to what was left on the Edge TPU. Within 20 ms
# NASNetMobile is the most accurate, although it lost five points on the way. DenseNet121 and EfficientNetB0 lost some 12, ResNet50
# less than half a point: what integers cost depends on the net, and no rule of thumb replaces measuring. And no, the order does not
# stay: Xception leads in float, InceptionV3 on the chip. (Keras' published weights, quantised after training, no QAT.
# Source: `raphischer/edge-acc` on GitHub. Its times are longer than those others published for the same nets, 4.96 ms beside 2.3 to
# 2.9 for MobileNetV2, so they hold more than the call; compare them with each other.)

# %% [markdown]
# ## Exercise 1: walk along the front
#
# Which nets are on the front and take at most 30 ms? Hover over the points, or zoom in.

# %% tags=["exercise"]
# A list of names, as they stand in the figure.
front = ["MobileNet", "MobileNetV2", "NASNetMobile", "DenseNet169"]

# %%
check("09.1", front)

# %% [markdown]
# ## From a front to one variant
#
# A front leaves several. What decides between them is a budget: "we can afford to lose one point of accuracy". Then the rest
# can be left to a rule. This is ours: among the variants that stay within the budget **on the validation examples**, take those with
# the most ops on the Edge TPU, of these the fastest (within 15 % counts as equal), of these those whose interval rules out a larger
# loss, of these the smallest.
#
# **Question.** Budget one point: which variant will it be?

# %%
from edgewb.recommendations import recommend

chosen = recommend(study.records, budget_points=1.0)
print(chosen.why)

# %% [markdown]
# **Reading.** The reason names each figure with its interval, its n, and whether it was measured or predicted. The last
# sentence is about the *test* examples, which had no part in the choice: they may refute it, and here they do not. Yet n = 500
# is too small to prove that the loss is below one point, and the sentence says how many images that would take.

# %% [markdown]
# ## What each budget takes
#
# **Question.** A budget of nothing at all: what remains?

# %%
from edgewb.views.tradeoff_plots import plot_choices

plot_choices(study.records)

# %% [markdown]
# **Reading.** Where the bar says *nothing*, the rule found no variant that it could stand by: the one it chose on the validation
# examples lost more than the budget on the test examples. Then float32 stays, or you collect more data. From 1.5 points on
# the choice moves to the smaller file. No budget is right by itself: it is a fact about your application, to be
# fixed before you look at results.

# %% [markdown]
# ## Exercise 2: two points
#
# The product can afford to lose two points. Which variant does the rule take? (Guess from the figures first, then ask
# `recommend`.)

# %% tags=["exercise"]
# The name of a recipe, in quotes.
choice = "prune80_ptq_int8"

# %%
check("09.2", study.records, choice)

# %% [markdown]
# ## A second look
#
# Notebook 02 computed what choosing does: among many equally good variants the best on some images has been the luckiest, too. Is
# this to be seen in a real study? The rule chose by the 200 validation images. The 500 test images have had no say.
#
# **Question.** Three variants *gained* a point or more on the validation images. Where will they be on the test images?

# %%
from edgewb.views.tradeoff_plots import plot_second_looks

plot_second_looks(study.records)

# %% [markdown]
# **Reading.** The circles are what one chooses by, the best at the top; the squares are the second look. The three that shone,
# all pruned or clustered, fell below 0, each by more than 1.5 points. The others moved by less than one. On 200 images three more
# right are 1.5 points, and whoever stands at the top was also lucky. Luck has most to work on where a variant parts
# from float on many images: the pruned ones do, which is why their bars are the widest. (Notebook 02's curve is for variants that
# err independently. These err on much the same images, so the effect is smaller, not zero.)
#
# Hence the order in which the rule asks: a gain on the validation images wins nothing, only the *budget* is held against them. And
# what it takes has to stand a second look, on images that are opened once.

# %% [markdown]
# ## Exercise 3: the fall
#
# Which variant fell furthest from the first look to the second, and by how many points?

# %% tags=["exercise"]
# A name in quotes, and a number of points.
fallen = "prune80_ptq_int8"
points = 2.4

# %%
check("09.3", study.records, fallen, points)

# %% [markdown]
# ## Try it with a slider
#
# The trade-off explorer is the same choice as a page for people who never open a notebook. Move the budget, click on a variant,
# compare two. (`edgewb dashboard explorer` shows it without a notebook.)
#
# **Question.** At which budget does the recommendation change, and why does it say so?

# %%
from edgewb.views.widgets import Explorer

Explorer(study.records)

# %% [markdown]
# **Reading.** The filled points are the front, the dashed line is the budget below float, and the star marks what the rule takes.
# Below stand the images that the chosen variant reads otherwise than float does. Look at them: sometimes the integers are right.

# %% [markdown]
# ## Summary
#
# - A front belongs to a cost. Name the one you pay.
# - Intervals come first: points that overlap form no order.
# - A budget is fixed before the results are looked at. The rule does the rest, and says why.
# - What shone when choosing falls on a second look, and furthest where a variant differs most from float.
#
# ## Read next
#
# - [10 · Choosing hardware](10_choosing_hardware.ipynb), where the same question is asked of chips.
# - G. Cawley and N. Talbot, *On over-fitting in model selection and subsequent selection bias in performance evaluation*, Journal of
#   Machine Learning Research 11 (2010) 2079-2107: how much choosing flatters.
# - R. Fischer and others' repository `raphischer/edge-acc`: accuracy and energy of many nets on small accelerators.
