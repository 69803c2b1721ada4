# %% [markdown]
# # 00 · Start here
#
# **Goal.** You know what your computer has for this course, you have looked into a first model, and you know which notebook answers
# which question.
#
# **Time.** 20 minutes of reading, 10 seconds of computing. **You need** nothing but this computer: no Edge TPU, no compiler, no internet
# connection, no TensorFlow.
#
# An **Edge TPU** is a chip of Google's that runs small neural networks in 8-bit integers; it sits in the Coral USB stick, on some
# boards, and on cards for a slot. This course is about what such a chip does with a network of yours, and what it costs to get there.

# %% [markdown]
# ## How these notebooks work
#
# Run the cells from top to bottom: click into one and press Shift and Enter. Before a result there is a **question**: guess, then run
# the cell. Below it stands a **reading**: how to read what was just shown. Exercises have a cell with dots for your answer and a cell
# that checks it; it says what is wrong, and you can ask it as often as you like. Solved versions of all notebooks are in the folder
# `solutions`.

# %% [markdown]
# ## What you have
#
# **Question.** Which of these are here: an Edge TPU, its compiler, TensorFlow? Which of them does the course need?

# %%
import edgewb
from edgewb.courses import check, describe_computer

describe_computer(edgewb.diagnose())

# %% [markdown]
# **Reading.** Most computers have neither an Edge TPU nor its compiler, and neither is fine. Where one is missing, edgewb says what it
# *would* do, and marks that with a word: **predicted** where rules made from other people's models say it, **estimated** where a formula
# fitted to published measurements says it. What your own processor did is **measured**; what others have stated or measured is
# **published**, with its source. Such a word stands beside every number of this course, and a number without one deserves your distrust.
#
# TensorFlow is needed where networks are trained, in notebooks 02, 04 and 05. If you think that something is here and the table says
# otherwise, `edgewb doctor` in a terminal tells more, and how to mend it.

# %% [markdown]
# ## A first model
#
# A model for an Edge TPU begins as a `.tflite` file, and some small ones come with the course. This one was trained on some of 1,797
# handwritten digits; here it looks at the 500 that were put aside for this.
#
# **Question.** How many of the 500 will it get right?

# %%
from edgewb.bundles import bundled_model, bundled_test_images
from edgewb.views.answer_pictures import show_answers

digits = bundled_model("digits_cnn_int8").path
show_answers(digits, bundled_test_images())

# %% [markdown]
# **Reading.** First eight images as they come, each with the answer and the score the network gave it, from 0 to 1; then its first
# mistakes, underlined: **9** for 7 means that it said 9 and 7 is right. Look at those: would you have read them otherwise? The count
# above was **measured**: these images really went through this file, on your processor, a moment ago. How sure such a count makes us is
# the subject of notebook 02.

# %% [markdown]
# ## Would an Edge TPU run it?
#
# `edgewb.inspect` reads the file, op by op. An *op* is one step of the network: a convolution, a sum, a softmax. Either an op **maps**,
# that is, the Edge TPU takes it; or it stays on the computer's processor, the CPU.
#
# **Question.** How many of the 14 ops of this network would an Edge TPU take?

# %%
edgewb.inspect(digits)

# %% [markdown]
# **Reading.** The lines on top are the summary: all ops map, all parameters fit into the chip's own memory (*cached*). The table below
# has a row for each op; *MACs* are its multiply-accumulate operations, which is nearly all the work there is. Every placement here is
# **predicted**: no compiler ran. You need not understand the other lines yet: scales and zero points come in notebook 01, the rest in 06.

# %% [markdown]
# ## And one that does not fit
#
# The next model is also int8, as the converter made it. It has two branches, and in one of them somebody used an ELU. For that the
# converter had no integer version: it put a DEQUANTIZE before and a QUANTIZE behind it, which turn integers into floats and back.
#
# **Question.** An Edge TPU knows no ELU. Will only that op stay on the CPU?

# %%
from edgewb.views.op_plots import plot_ops

plot_ops(edgewb.inspect(bundled_model("elu_branch").path))

# %% [markdown]
# **Reading.** Each bar is an op, from the first on top to the last; its length is how much it computes, its colour and pattern where it
# would run. The op marked ▶ is the **first blocker**: the first that keeps others off the chip. With it, everything stays on the CPU
# that needs its result, and what needs that in turn: the compiler hands the Edge TPU one piece of the network, and a piece once left is
# not entered again. (The DEQUANTIZE above it would go away with the ELU, so it is not what blocks.) A single unlucky op near the start can
# cost nearly everything. Notebook 06 is about finding and mending such ops.

# %% [markdown]
# ## How long would it take?
#
# **Question.** A stick needs a USB transfer and some housekeeping for every image. Will it be faster than your processor on the small
# digits network?

# %%
edgewb.measure(digits, runs=200)

# %%
from edgewb.views.estimate_plots import plot_breakdown

plot_breakdown(edgewb.estimate(digits))

# %% [markdown]
# **Reading.** The first line is **measured**, in milliseconds, 200 calls on your processor: p50 is the median, and one call in ten took
# longer than p90. The very first call is named apart, because it is slower.
#
# The figure is **estimated**: most of its bar is overhead, which any call costs, and the line through its end is the interval in which
# the true value is expected in 8 of 10 cases (how often that holds for so small a network was not checked). For so small a network the
# stick is probably the slower of the two. It pays for larger ones; notebooks 07 and 10 say from where on.

# %% [markdown]
# ## Exercise 1: read an inspection
#
# Another model, `dynamic_batch`, is what a converter leaves when nobody fixes the number of images per call. Run the next cell. How
# many of its ops stay on the CPU? And what is its first blocker called?

# %%
edgewb.inspect(bundled_model("dynamic_batch").path)

# %% [markdown]
# **Reading.** Work through it from the top. The line `first blocker` also says how many ops would map if that one were mended. Not every
# op on the CPU blocks: some are only there to feed the one that does.

# %% tags=["exercise"]
# A number, and the name of an op in quotes, such as "CONV_2D".
ops_on_cpu = 6
first_blocker = "RESHAPE"

# %%
check("00.1", ops_on_cpu, first_blocker)

# %% [markdown]
# ## Exercise 2: which word?
#
# Three numbers you have seen: how many ops of the digits network would run on an Edge TPU, how many milliseconds an inference would
# take there, and how many of 500 images were read rightly. Which word stands behind each: `"measured"`, `"predicted"`, `"estimated"` or
# `"published"`?

# %% tags=["exercise"]
placement = "predicted"
time_on_edge_tpu = "estimated"
accuracy = "measured"

# %%
check("00.2", placement, time_on_edge_tpu, accuracy)

# %% [markdown]
# ## Which notebook answers which question
#
# | question | notebook |
# |---|---|
# | What is an Edge TPU, and why only integers? | [01 What the Edge TPU is](01_what_the_edge_tpu_is.ipynb) |
# | How good is my network, and how sure am I of that? | [02 A float baseline](02_float_baseline.ipynb) |
# | How do I make it int8, and what can go wrong? | [03 Post-training quantisation](03_post_training_quantisation.ipynb) |
# | When is it worth training with quantisation in mind? | [04 Quantisation-aware training](04_quantisation_aware_training.ipynb) |
# | Do smaller or sparser networks run faster there? | [05 Pruning and clustering](05_pruning_and_clustering.ipynb) |
# | Why does an op stay on the CPU, and what does the compiler's log say? | [06 Reading the compiler](06_reading_the_compiler.ipynb) |
# | How fast is it, and is that a number to be trusted? | [07 Measuring latency](07_measuring_latency.ipynb) |
# | How does it feel with a camera? | [08 Live inference](08_live_inference.ipynb) |
# | Which version of my network should I take? | [09 The trade-off](09_the_trade_off.ipynb) |
# | Is an Edge TPU the right hardware at all? | [10 Choosing hardware](10_choosing_hardware.ipynb) |
# | What is missing between this and a device in a field? | [11 From lab to field](11_from_lab_to_field.ipynb) |
# | And my own model? | [12 Your own model](12_your_own_model.ipynb) |
#
# They build on one another, but each can be read alone. In a hurry: 06 and 12 with a file of yours. With half a day: 01, 03, 06, 07, 09.

# %% [markdown]
# ## Summary
#
# - Nothing in this course needs an Edge TPU, its compiler, or the internet.
# - Every number says what it is: measured, compiled, predicted, estimated, replayed, simulated or published.
# - An op that an Edge TPU cannot run keeps everything on the CPU that needs its result. The first blocker is the one to mend first.
# - A small network gains nothing from a stick: each call has its overhead.
#
# ## Read next
#
# - [01 What the Edge TPU is](01_what_the_edge_tpu_is.ipynb), or the notebook that has your question.
# - `README.md` at the top of this repository: everything that can be typed in a terminal.
# - `RULES.md` there: every rule behind a prediction, with its source.
