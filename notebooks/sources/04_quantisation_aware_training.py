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
# # 04 · Quantisation-aware training against post-training quantisation
#
# **Goal.** You know when post-training quantisation (PTQ) breaks a network and why, what quantisation-aware training
# (QAT) does about it, what it costs, and when a free repair, or nothing at all, is the better answer.
#
# **Time.** 35 minutes of reading, about 1 minute of computing. **You need** TensorFlow to train (`make setup`
# installs it). Without it the notebook shows the study as it was recorded on another computer, and says so.

# %% tags=["parameters"]
FAST = False  # True: trains for a shorter time, and the figures in the text no longer fit

# %%
from edgewb.courses import check
from edgewb.courses.recorded import run_or_recall

# %% [markdown]
# ## Where nothing is visible
#
# The digits network of notebook 02, quantised in two ways: PTQ converts the trained network as it is, QAT trains it
# on for a while with the rounding switched on.
#
# **Question.** Which of the two loses less?

# %%
easy = run_or_recall("digits", "float32, ptq_int8, qat_int8", fast=FAST)

# %%
from edgewb.views.plots import plot_loss

plot_loss(easy.records)

# %% [markdown]
# **Reading.** Neither loses anything this test could see: both intervals hold 0. Had we compared the two accuracies to
# the last digit, we would have "found" that one of them is better. **Before you pay for QAT, look whether PTQ loses
# anything at all.** Here there is nothing to win back.

# %% [markdown]
# ## Where it matters
#
# `digits_hard` is the same network with one twist: after training, each channel is multiplied by some factor, and
# whatever reads that channel is divided by it. In float nothing changes. It stands for networks whose channels come
# out of training with very unlike sizes, as happens in many with depthwise convolutions. We made it so on purpose, to
# have a case small enough to train in seconds.
#
# **Question.** The float network answers exactly as before. What will be left of it in int8?

# %%
hard = run_or_recall(
    "digits",
    "float32, ptq_int8, equalize_float32, equalize_ptq_int8, qat_int8",
    model="digits_hard",
    fast=FAST,
)

# %%
from edgewb.views.baseline_plots import plot_shares

shown = [record for record in hard.records if record.recipe != "equalize_float32"]
plot_shares({record.recipe: record for record in shown}, "digits_hard, in float and in int8")

# %% [markdown]
# **Reading.** No interval is needed to see that PTQ breaks this network: when this was written, int8 was right on
# about one digit in five, where guessing gives one in ten. Two repairs bring it back, or nearly: `qat_int8` trains on
# with the rounding switched on, and `equalize_ptq_int8` multiplies the channels back to like sizes before it
# converts, and trains nothing. Over three seeds equalisation stayed within 0.2 points of float, QAT 0.8, 1.6 and 3.0
# points below it (measured, n = 500 test images each).
#
# A conversion that worked for the easy network ruined this one without an error, a warning or a larger file. Measure
# after each step.

# %% [markdown]
# ## Why: one ruler for all channels
#
# In int8 the result of a layer has *one* scale and one zero point for all of its channels (weights may have one scale
# per channel, results may not). The scale has to reach as far as the largest channel does. So the largest gets all
# 255 steps, and one a hundred times smaller gets two or three.
#
# **Question.** How many of its channels can a layer lose in this way?

# %%
from edgewb.views.fake_quantisation_plots import plot_channels

files = {
    "digits_cnn": easy.records[0].file,
    "digits_hard": hard.records[0].file,
    "digits_hard, equalised": hard.records[2].file,
}
plot_channels(files)

# %% [markdown]
# **Reading.** One mark per channel of one layer, the widest on the left: how many of the 255 steps the channel spans,
# on calibration images in the float network. Below the dashed line it spans less than one step: int8 has one value
# left for all it says, or two. In `digits_cnn` even the narrowest channel has dozens of steps. In `digits_hard` about
# two in five have ten or fewer, and a few have lost nearly everything. After equalisation the channels are of like
# size again. And this is one layer; the next ones have to make do with what it lets through, and round that again.

# %% [markdown]
# ## Ask the debugger
#
# `edgewb.debug_model` (on the command line `edgewb debug`) climbs from the float network to the int8 file, finds the
# step where accuracy falls, and then ranks the layers by what their own rounding costs at the outputs. Here it has to
# train and convert nothing new.

# %%
from edgewb.courses.recorded import debug_or_recall

diagnosis = debug_or_recall("digits_hard", fast=FAST)
diagnosis

# %% [markdown]
# **Reading.** The first line is the answer: a layer, a cause, and below it what helps. "channels" is the cause of the
# figure above. The table of rungs shows that the float file answers like the float network and that the fall comes
# with int8 (XNNPACK computes the same file with other, faster code). The next one has the costliest layers first; its
# first two columns and the last say most. Low decibels are bad: at 0 dB a layer's rounding is as loud as what it says.
# A warning at the end, if there is one, is about something smaller.

# %% [markdown]
# ## Exercise 1: steps for a small channel
#
# A layer ends in ReLU, so its values run from 0 up. Its largest channel reaches 20, another one only 0.4. How many
# steps of the int8 scale does the small one span?

# %% tags=["exercise"]
# All channels share one scale: 255 steps from 0 to 20.
scale = 20 / 255
steps = 0.4 / scale

# %%
check("04.1", scale, steps)

# %% [markdown]
# ## What QAT does: round on the way forward
#
# While QAT trains, each weight and each result is quantised and dequantised on the spot: *fake quantisation*. The
# network computes in float still, but only with values that int8 could hold, so the loss it lowers is that of the
# int8 network.
#
# **Question.** Training needs gradients. What is the gradient of a staircase?

# %%
from edgewb.views.fake_quantisation_plots import plot_staircase

plot_staircase()

# %% [markdown]
# **Reading.** The blue staircase is what the network computes with; on the right it ends, since int8 ends at 127:
# what is larger is cut. The true gradient of a staircase is 0 on every step, and nothing could be learnt from it. So
# one pretends: backwards the rounding is passed through as if it were not there (1), except beyond the range (0).
# This is the *straight-through estimator*. It is wrong, and it works.

# %%
from edgewb.views.fake_quantisation_plots import plot_descent

plot_descent()

# %% [markdown]
# **Reading.** A single weight that should become 0.9, with steps of 0.25. The orange weight is what training moves;
# the blue one is what the network uses. The orange one moves a little each time, until it crosses the middle between
# two steps and the blue one jumps. The grey one, with the staircase's own gradient, never moves. Note the end: 0.9
# cannot be had, the nearest steps are 0.75 and 1.0, and the weight hops to and fro between them. That is one reason
# to run QAT with a small learning rate that falls towards 0.
#
# The *ranges*, too, are learnt: QAT follows the least and largest value of each result with a moving average. Take
# this seriously with little data: ranges that saw too few batches cut values off.
#
# For `digits_hard` cutting does not seem to be the trouble. We tried two ways to wider ranges: those of the float
# network, and a faster average. On the validation images of three seeds they lost 2.3 and 3.8 points on average, QAT as
# it is 1.0 (measured, 200 images a seed; standard errors 0.9, 1.2 and 0.6). One scale holds channels of such unlike
# sizes badly: QAT learns around that, equalisation takes it away.

# %% [markdown]
# ## Exercise 2: through the rounding and back
#
# The scale is 0.5 and the zero point 0, so int8 holds −64 to 63.5. What does the network compute with where the real
# value is 3.3? And by what is the gradient multiplied on its way back where the real value is 3.3 (`gradient_inside`),
# and where it is 70 (`gradient_outside`)?

# %% tags=["exercise"]
# scale 0.5, zero point 0
used = 3.5
gradient_inside, gradient_outside = 1, 0

# %%
check("04.2", used, gradient_inside, gradient_outside)

# %% [markdown]
# ## What QAT costs
#
# **Question.** PTQ converts, QAT trains. How many times longer does it take?

# %%
from edgewb.views.fake_quantisation_plots import plot_making

plot_making(shown[1:], hard.context.learning_curve)

# %% [markdown]
# **Reading.** The first bar is the float training that all variants begin with, the others what each took on top. PTQ
# and equalisation train nothing; they calibrate and convert. QAT trains: it made two fifths as many steps as the
# float training, and each takes longer, since it computes the rounding, too. For a network that took a week this is
# days. Beside time QAT asks for what PTQ does not: the training data with labels, the training code, and a network
# built of layers that can be wrapped (`tfmot` takes Keras 2 models only).
#
# It also is *more training*: part of what QAT gains may be the extra epochs, which the float network did not get.
#
# What does a text say of the time, and what do texts say of what one gets for it?

# %%
from edgewb.lessons.claims import show_claims

show_claims("ptq_work", "quantisation_speed")

# %% [markdown]
# **Reading.** Seconds of computing and minutes of work are two things, and only the first was measured here. How much
# faster int8 is depends on the network and on what runs it: there is no factor to plan with. Measure both files, in
# turns (notebook 07).

# %% [markdown]
# ## Which one to take
#
# | you see | take |
# |---|---|
# | PTQ loses nothing you could measure | PTQ, and stop |
# | PTQ loses, the debugger says "channels" | equalisation: nothing is trained |
# | PTQ loses, calibration is to blame (notebook 03) | better calibration images |
# | still too much lost, you have data, labels and time | QAT |
# | QAT does not bring it back either | another architecture: fewer depthwise layers, ReLU6, another activation |
#
# How often is PTQ enough? Here is what texts on edge AI claim, and what others measured on a real Edge TPU:

# %%
show_claims("ptq_accuracy")

# %% [markdown]
# **Reading.** "Under 1 % lost" is true of about half of these networks, and a long way off for the other half. The
# name of a network does not tell on which side it is; that is why one measures.
#
# ## Exercise 3: choose
#
# For `digits_hard` you may lose at most 1 point. Look at the figures above: which recipe do you ship, if training
# time counts?

# %% tags=["exercise"]
# one of the recipes of the study: "ptq_int8", "equalize_ptq_int8" or "qat_int8"
choice = "equalize_ptq_int8"

# %%
check("04.3", choice, hard.records)

# %% [markdown]
# ## Summary
#
# - Some networks lose nothing visible by PTQ, others a lot. Measure first; QAT is a remedy, not a habit.
# - PTQ breaks where channels of unlike size share one scale: small ones get a handful of steps, or none.
# - Equalisation brings channels to like sizes in float, for free. `edgewb debug` tells whether that is the trouble.
# - QAT rounds forward, and passes gradients through as if it had not rounded. It needs data, labels, code and time.
# - All of them give the same kind of file: int8 throughout, the same ops, all but the same size. The chip has the
#   same work to do.
#
# ## Read next
#
# - Notebook 05: pruning and clustering.
# - B. Jacob et al., arXiv 1712.05877, sections 2 and 3: the arithmetic of TensorFlow Lite, and training with
#   simulated quantisation.
# - M. Nagel et al., arXiv 1906.04721, section 4.1: cross-layer equalisation, with MobileNetV2's channels as the
#   example.
# - Y. Bengio et al., arXiv 1308.3432: the straight-through estimator. M. Nagel et al., arXiv 2203.11086: why weights
#   hop to and fro.
# - T. Sheng et al., arXiv 1803.08607: why separable convolutions are hard to quantise.
