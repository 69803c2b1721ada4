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
# # 03 · Post-training quantisation
#
# **Goal.** You know which of the files called "quantised" run on an Edge TPU, where the ranges in them come from, and what ruins them.
#
# **Time.** 35 minutes of reading, 10 seconds of computing. **You need** nothing but this computer: no device, no TensorFlow. The files
# were made by `edgewb demo` on another computer and come with the repository.
#
# Post-training quantisation (PTQ) takes a trained float network and makes an integer one of it. Nothing is trained. That makes it quick,
# and it makes everything depend on two things: on the ranges of values, and on how many scales one has.

# %%
from edgewb.courses import check
from edgewb.lessons.calibration_trials import list_kinds, spoilt_calibrations, spread_net, study_file

# %% [markdown]
# ## Four things called "quantised"
#
# **Question.** Below are five files of one network. Four of them are "quantised". How many of those run on an Edge TPU?

# %%
list_kinds()

# %% [markdown]
# **Reading.** Read the column *between layers*. **Dynamic range**: some weights are int8, but values between layers are float32, and the
# scale of such a layer's input is worked out while it runs. **float16**: weights take half the room; a DEQUANTIZE op in front turns each
# back into float32. **int8**: weights and everything between layers are integers, and so are input and output. The last column cannot
# tell these files apart: the intervals overlap.
#
# Two more kinds are not in the table. An **int8 file with float input and output** has a QUANTIZE op in front and a DEQUANTIZE op at the
# end. Both stay on the CPU, everything between them maps: it works, and every inference pays for two conversions. **16x8** has int8
# weights and int16 values between layers: more exact, and of no use here, since no op on 16 bits maps.

# %% [markdown]
# ## Exercise 1: what runs on the chip?
#
# Which of the five run on an Edge TPU from the first op to the last? Give their names from the table.

# %% tags=["exercise"]
on_chip = ["ptq_int8", "ptq_int8_per_tensor"]

# %%
check("03.1", on_chip)

# %% [markdown]
# Why does the compiler leave the dynamic-range file alone? Ask for each op:

# %%
import edgewb

edgewb.inspect(study_file("dynamic_range"))

# %% [markdown]
# **Reading.** The same reason nearly everywhere: float values go through the op. One op has another one besides: its version is newer than
# the compiler, which would refuse the whole file for it. Mending that alone would help nothing: 0 ops would still map. Notebook 06 reads
# such answers of the real compiler.

# %% [markdown]
# ## Calibration: where ranges come from
#
# A weight's range can be read from the file. The range of a value between layers depends on the input. So the converter runs the float
# net on some examples, the **representative data**, and keeps the least and the largest value of every tensor. This is all that
# calibration is.
#
# **Question.** How far do the ranges of one image, of 10 and of 100 lie apart?

# %%
from edgewb.views.quantization_plots import plot_ranges

calibrations = spoilt_calibrations()
few = ["1 image", "10 images", "100 images"]
plot_ranges({name: calibrations[name] for name in few})

# %% [markdown]
# **Reading.** Each row is a layer, each pair of marks the ends of its range. More images can only make a range wider. In most layers one
# image reaches some two thirds as far as a hundred, and from 10 to 100 many ranges still grow as much as from 1 to 10. What lies beyond the
# range of the calibration will be saturated later. The input needs one image only: black and white are in each.

# %% [markdown]
# ## 256 numbers for a range
#
# Here are the values that come out of one of these layers, and below them a tick for each number that int8 has there.
#
# **Question.** Are the ticks closer together where most of the values are?

# %%
from edgewb.lessons.recalibrations import layer_values
from edgewb.views.quantization_plots import plot_grid

values = layer_values(study_file("float32"), calibrations["100 images"], op=2)
plot_grid(values, what="value after layer 2")

# %% [markdown]
# **Reading.** Most values are small or exactly 0 (mind the log axis: each line of its grid is a factor of a hundred). The ticks are evenly
# spaced: int8 knows nothing of where values are frequent. A range of 0 to 6.7 makes steps of 0.026.

# %% [markdown]
# **Question.** One faulty image makes a single value of 150 in this layer. Where will the ticks be?

# %%
plot_grid(values, high=150, what="value after layer 2")

# %% [markdown]
# **Reading.** The same values, and a range that reaches to 150 for the sake of one. The ticks are now 0.6 apart, and a dozen of 256
# are left for everything else that occurs.

# %% [markdown]
# ## Exercise 2: the price of an outlier
#
# Values lie between 0 and 3, but calibration saw one value of 300. What is the scale? And how many of its steps fit between 0 and 3?

# %% tags=["exercise"]
scale = 300 / 255
steps = 3 / scale

# %%
check("03.2", scale, steps)

# %% [markdown]
# ## Good and bad calibration data
#
# The next cell quantises the digits net once for each set of calibration data, and asks each file for 200 validation images. The files
# are real int8 files; a function of the library works out their scales as the converter does, so that this takes a second and no
# TensorFlow.
#
# **Question.** Put them in order, the worst first: one image only; random noise; one image 50 times too bright; pixels of 0 to 255 where
# the net was trained with 0 to 1.

# %%
from edgewb.views.quantization_plots import plot_calibrations

plot_calibrations(calibrations)

# %% [markdown]
# **Reading.** The bars are 95 % intervals over 200 images. **Too few images** cost nothing that one could see here, although their ranges
# are narrower: the values beyond are so few that cutting them off changes hardly an answer. Do not rely on it; a hundred examples cost
# seconds. Even **noise** comes within a factor of about two of the right ranges of this net. **One outlier**, be it a single pixel, is
# worse than 99 missing images. And a **wrong preparation** is ruinous. With pixels of 0 to 255 the ranges become hundreds of times too
# wide, and in steps of that size hardly anything of a picture is left. Divided twice, or with black images only, the ranges are
# too narrow: whatever is brighter than nearly black is cut off. None of these files came with a word of warning.
#
# When a quantised net answers badly, look at the preparation first.

# %% [markdown]
# ## Exercise 3: what went wrong?
#
# A colleague sends you an int8 file that is right as often as somebody who guesses. Its input has the scale 1.0 and the zero point −128.
# The network was trained with pixels from 0 to 1. Choose: `"too few images"`, `"pixels 0 to 255"`, `"divided twice"` or `"random noise"`.

# %% tags=["exercise"]
cause = "pixels 0 to 255"

# %%
check("03.3", cause)

# %% [markdown]
# ## One scale per tensor, or one per channel
#
# Weights of one layer can differ in size from channel to channel. With **one scale per tensor** the largest weight of all decides on the
# step. With **one scale per channel** each output channel has a step of its own. It costs eight bytes or so per channel, and the chip
# takes it.
#
# **Question.** Layer 5 is a depthwise convolution: each channel has a filter of nine weights. With one scale for all 64 channels, how
# many of the 127 sizes of int8 does the poorest channel get?

# %%
from edgewb.views.quantization_plots import plot_channels

plot_channels(op=5)

# %% [markdown]
# **Reading.** Each bar is a channel; its height is how many sizes its weights reach if all share the scale of the largest. The line is
# what each has with a scale of its own. The poorest channel still has a third: this net is kind. Nets are not always. The next figure
# shows the same layer with every channel multiplied by a random factor and the following layer divided by it. The float net **answers as
# before** but for rounding; only its insides have changed. Batch normalisation does the like to depthwise nets while they are trained.

# %%
plot_channels(op=5, float_file=spread_net(octaves=3))

# %% [markdown]
# **Reading.** Most channels have a handful of sizes left, some none: their weights all become 0. A scale per channel gives each of them
# 127 again.

# %% [markdown]
# **Question.** The further the channels are spread, the worse. Which of the two kinds of scales breaks first, and does the other one hold?

# %%
from edgewb.views.quantization_plots import plot_spreads

plot_spreads()

# %% [markdown]
# **Reading.** The dotted line is the float net: it stays where it is. From a spread of 2 on, one scale per tensor begins to lose; at 3 it
# is down to guessing, while a scale per channel still holds. At 4 even that breaks: it helps the weights, but the **values between
# layers** always share one scale. That is where quantisation-aware training comes in (notebook 04).
#
# So PTQ does not "cost under one percent". It costs anything from nothing you can measure, on a kind net, to everything, on an unkind one.

# %% [markdown]
# ## What is said about it, and what holds
#
# The course rests on four texts about edge AI. Where they say something that can be checked, it stands here beside what was found.
#
# **Question.** Which of the sentences would you have signed before this notebook?

# %%
from edgewb.lessons.claims import show_claims

show_claims("quantised_kinds", "ptq_accuracy", "calibration")

# %% [markdown]
# **Reading.** Look at the first word in brackets before you look at the figure: measured, predicted and published are different things.
# Of these eleven sentences four hold as they stand, five under conditions: for some networks, or for good examples. For one no source
# was found, and one does not hold. A sentence with a percentage in it needs to say of what, on what, and over how many examples.

# %% [markdown]
# ## Exercise 4: scales per channel
#
# Write the function: for each channel (a list of weights) the scale of a symmetric int8 range, zero point 0. The largest size in the
# channel becomes 127.


# %% tags=["exercise"]
def scales(channels):
    """One scale for each list of weights."""
    return [max(abs(weight) for weight in channel) / 127 for channel in channels]


# %%
check("03.4", scales)

# %% [markdown]
# ## Summary
#
# - Of the files called quantised only those with 8-bit integers everywhere run on an Edge TPU.
# - Calibration is: run the net on examples, keep the least and the largest value of each tensor.
# - A wrong preparation ruins the result, and nobody warns. One outlier costs more than many missing examples.
# - A scale per channel rescues weights of different size. Values between layers have one scale, whatever you choose.
# - Judge a quantised net by its own accuracy with an interval, never by a rule of thumb.
#
# ## Read next
#
# - Notebook 04: quantisation-aware training, on the net where it matters.
# - R. Krishnamoorthi, *Quantizing deep convolutional networks for efficient inference: A whitepaper*, arXiv 1806.08342: per-channel
#   against per-tensor on ImageNet nets.
# - M. Nagel and others, *Data-Free Quantization Through Weight Equalization and Bias Correction*, arXiv 1906.04721: uneven channels,
#   figure 2, and how to even them out without data.
# - The LiteRT documentation, *8-bit quantization specification*: which op has which range.
