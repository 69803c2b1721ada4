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
# # 01 · What the Edge TPU is
#
# **Goal.** You can say what the chip does all day, why it wants 8-bit integers, and you can turn a real number into one and back by hand.
#
# **Time.** 35 minutes of reading, 5 seconds of computing. **You need** nothing but this computer: no device, no TensorFlow.
#
# An Edge TPU is a chip for one job: multiplying matrices of small whole numbers. Convolutions and dense layers are such products, and
# they are nearly all the work in a network for pictures. Everything else about the chip follows from this job: what it takes, what it
# refuses, and where it is fast.

# %%
from edgewb.courses import check
from edgewb.views.widgets import Systolic

# %% [markdown]
# ## A product of matrices, one beat after the other
#
# A processor fetches two numbers, multiplies them, adds the result to a sum, and puts it back. Most of the effort is fetching and putting
# back. A **systolic array** avoids that: a grid of small cells, each of which keeps one weight. Inputs enter on the left and move one
# cell to the right per beat (a *cycle* of the chip's clock). Sums start at 0 on top and move one cell down. A cell multiplies what comes
# from the left by its weight, adds what comes from above, and passes both on. Nothing goes back to memory in between.
#
# **Question.** Six rows of input meet 4 × 4 weights: 96 multiplications. How many beats will the array take? Guess; then run the cell,
# press *Start* and *Play*, or *Step* through it.

# %%
Systolic(cycle=6)

# %% [markdown]
# **Reading.** Colours (and the words below each sum) are input rows. Each row of cells starts one beat later than the one above: that is
# why the inputs wait in stairs. A sum has to arrive in a cell together with the input that belongs to it. The array fills from its top left
# corner, and empties from there: with six rows only, never more than 15 of its 16 cells are at work. Still it takes twelve beats, not 96.
#
# The numbers are real ones: six patches of 2 × 2 grey levels from a digit, and 2 × 2 weights from each of four filters of the net that
# comes with this course. (Its filters are 3 × 3. That would be nine rows of cells, which do not fit on a page.)

# %% [markdown]
# ## Exercise 1: how many beats?
#
# The same array of 4 × 4 cells gets 100 rows of input instead of 6. Its weights are loaded already. How many cycles pass until the last
# sum has left? And how many times fewer is that than with one multiplication per cycle?

# %% tags=["exercise"]
# Each row needs 4 x 4 multiplications.
cycles = 100 + 4 + 4 - 2
speedup = 100 * 4 * 4 / cycles

# %%
check("01.1", cycles, speedup)

# %% [markdown]
# ## Large arrays want large jobs
#
# **Question.** Somebody offers you an array of 64 × 64 cells, 256 times as many. Is it 256 times as fast for your layer?

# %%
from edgewb.views.integer_plots import plot_utilisation

plot_utilisation()

# %% [markdown]
# **Reading.** A line says which share of all cells is at work, on average from the first beat to the last. With 10 rows of input, 93 %
# of the largest array waits. Of a convolution, each place in the picture is a row: a layer on 112 × 112 pixels has 12,544 of them, one on
# 7 × 7 has 49. And a layer with fewer output channels than the array has columns leaves some of these empty. That is one reason why a small
# network can run nearly as long as one with several times its multiplications.

# %% [markdown]
# ## What is known of the chip, and what is not
#
# | | figure | where it is from |
# |---|---|---|
# | peak rate | 4 TOPS: 4,000,000,000,000 additions and multiplications a second | published by Google for Coral |
# | power | 2 TOPS per watt | published by Google for Coral |
# | clock | 500 MHz at most, 250 MHz as usually installed | the two runtime libraries that Coral offers, `max` and `std` |
# | memory for weights | about 7.75 MiB | what the compiler's logs report |
# | tiles | 16, with 192 KiB each for activations | found in compiled files |
# | rows and columns of the array | **not published** | |
#
# From the first and the third line follows about 4,000 multiplications per cycle (a multiplication and its addition count as two
# operations). That could be 64 × 64 cells in one piece, or 16 tiles of 256. Both are often written as a fact. We know of no source for
# either, and the array above has 4 × 4 cells so that one can see them. Google's engineers have described three designs of Edge TPUs in a
# paper (see *Read next*).
#
# Four TOPS is what the chip can do when every cell is at work in every cycle. MobileNetV2 uses some 6 % of that, by its published frame
# rates: notebook 10 says more about it.

# %% [markdown]
# ## INT8 by hand: scale and zero point
#
# The cells multiply integers of 8 bits: −128 to 127. The numbers of a network are real. They are stored with two more numbers, which hold
# for a whole tensor:
#
# `real = scale × (stored − zero point)`
#
# The **scale** is the width of one step. The **zero point** is the integer that stands for 0. To store a real number, turn it round:
#
# `stored = round(real / scale) + zero point`, kept within −128 and 127.
#
# **Question.** Values lie between −1 and 4. What happens to 0.01? To 9?

# %%
from edgewb.views.integer_plots import plot_rounding

plot_rounding(-1, 4)

# %% [markdown]
# **Reading.** Left, near 0: the stairs are what int8 makes of the dotted line. A value lands on the nearest step, so it is off by half a
# step at most. There is a step at exactly 0. Right, the whole range: between −1 and 4 the error is too small to be seen at this size.
# Beyond the ends it grows with the distance, because there are no more integers: the value is **saturated**. Rounding costs a little
# everywhere; saturation costs a lot in few places.

# %%
from edgewb.lessons.integers import store_numbers

store_numbers([0, 0.01, 0.5, 1, 3.99, 9, -0.7, -2], scale=5 / 255, zero_point=-77)

# %% [markdown]
# **Reading.** Each number, the integer it becomes, and what that integer stands for. 0 is exact; it has to be, since padding and ReLU
# make many zeros. 9 and −2 come back as the ends of the range.

# %% [markdown]
# ## Exercise 2: a scale by hand
#
# The table above was handed its scale and zero point. Now another layer: its values lie between −3 and 7.2. Find the scale and the zero
# point with which they use all of int8, so that −3 becomes −128 and 7.2 becomes 127.

# %% tags=["exercise"]
# From -128 to 127 there are 255 steps.
scale = (7.2 - -3) / 255
zero_point = round(-128 - -3 / scale)

# %%
check("01.2", scale, zero_point)

# %% [markdown]
# ## Exercise 3: store any number
#
# Write the function that stores a real number. It must work for values outside the range, too. (`round`, `min` and `max` will do.)


# %% tags=["exercise"]
def store(value, step, zero):
    """The int8 number that stands for a real value; step is the scale, zero the zero point."""
    return max(-128, min(127, round(value / step) + zero))


# %%
check("01.3", store)

# %% [markdown]
# ## Why integers at all?
#
# **Question.** A multiplication of two float32 numbers against one of two int8 numbers: how many times more energy? And against reading
# eight bytes from DRAM?

# %%
from edgewb.views.integer_plots import plot_energies

plot_energies()

# %% [markdown]
# **Reading.** Each line of the grid is a factor of ten. An int8 multiplication takes 0.2 pJ, a float32 one 3.7 pJ: 18 times as much. An
# int8 addition takes a thirtieth of a float32 one. But the lowest bars decide: fetching eight bytes from DRAM costs thousands of int8
# operations. So an accelerator does two things: it computes with small integers, which also need a quarter of the room, and it keeps
# weights where the arithmetic is. The array above does both.
#
# These are figures published in 2014 for chips of that time, as others quote them. A newer chip needs less for all of them, and nothing
# here was measured on an Edge TPU. What carries over is the order, and roughly the ratios.

# %% [markdown]
# ## One output, worked out in integers
#
# Products of int8 numbers do not fit into int8, and their sum even less. So the sum is an **int32**. Only when it is complete is it
# brought back to int8, by one multiplication: the **requantisation**. Its factor is `input scale × weight scale / output scale`.
#
# **Question.** Four inputs, four weights, one bias. How far will the integer result be from the real one?

# %%
from edgewb.lessons.integers import trace_dot_product

inputs, weights = [0.2, 0.5, 1.0, 0.0], [0.3, 0.7, -0.11, 0.4]
trace_dot_product(inputs, weights, bias=0.05, input_range=(0, 1), output_range=(0, 1.2))

# %% [markdown]
# **Reading.** From left to right: what the float net multiplies, what is stored, the input less its zero point, and the product. All of
# them are added to one int32. The factor is a real number, so even an integer-only unit needs a way to say it: an integer and a power of
# two, as the CPU's kernels have it. (Compiled Edge TPU files hold it as a float32, one per channel where the channels' scales differ.) The
# error at the end is below one step of the output (1.2 / 255). That is what "quantised" means: exact sums of rounded numbers, and one more
# rounding at the end.

# %% [markdown]
# ## Exercise 4: room in the sum
#
# The largest product of two int8 numbers is (−128) × (−128). An int32 ends at 2^31 − 1. How many such products can be added up before the
# sum overflows?

# %% tags=["exercise"]
products = (2**31 - 1) // (128 * 128)

# %%
check("01.4", products)

# %% [markdown]
# ## Summary
#
# - An Edge TPU multiplies matrices of 8-bit integers in an array of cells. Weights stay, inputs and sums move on.
# - An array needs many rows to be busy: small layers leave most of it idle, and the peak rate is out of reach.
# - `real = scale × (stored − zero point)`. Inside the range a value is off by half a step at most; outside it is saturated.
# - Integers are small and cheap, but fetching numbers costs more than computing with them.
# - Sums are int32. One multiplication per output brings them back to int8.
#
# ## Read next
#
# - Notebook 03: where the ranges come from, and what happens when they are wrong.
# - H. T. Kung, *Why systolic architectures?*, IEEE Computer 15 (1982), pages 37 to 46: the idea, in ten pages.
# - N. Jouppi and others, *In-Datacenter Performance Analysis of a Tensor Processing Unit*, arXiv 1704.04760: the first TPU, with its
#   array of 256 × 256 cells in section 2.
# - B. Jacob and others, *Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference*, arXiv 1712.05877:
#   the scheme used here, section 2.
# - M. Horowitz, *Computing's Energy Problem (and what we can do about it)*, ISSCC 2014, pages 10 to 14: the energy figures.
# - K. Seshadri and others, *An Evaluation of Edge TPU Accelerators for Convolutional Neural Networks*, arXiv 2102.10423: three Edge TPU
#   designs as Google's engineers describe them.
