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
# # 12 · Your own model
#
# **Goal.** You know what an Edge TPU would do with *your* model, what to do next, and have it in a file that you can show to others.
#
# **Time.** 20 minutes of reading, 20 seconds of computing for a small model. **You need** a `.tflite` file of yours. Without one, the
# notebook works with a model that comes with the repository. TensorFlow is needed for one section only, and the others do without.

# %% [markdown]
# ## What you bring
#
# Set `MODEL` to the path of your file, and `DATA` to a folder of images, if you have one. Then run the notebook from the top. The model
# is read and run on this computer, and goes nowhere else.
#
# Any `.tflite` will do: a classifier, a regression, a detector, one with several inputs, a file that is compiled already. Where a section
# cannot say anything about such a model, it says why.
#
# Your model is a Keras file? Make a `.tflite` of it first, in a terminal (this needs TensorFlow), and take `mine/models/ptq_int8.tflite`:
#
# `edgewb run --dataset FOLDER --model mine.keras --recipes ptq_int8 --out mine`

# %%
import edgewb
from edgewb.courses import check
from edgewb.courses.own_files import take_model

MODEL = None  # yours: MODEL = "models/mine.tflite"
DATA = None  # yours: DATA = "photos/garden"

mine = take_model(MODEL)
mine

# %% [markdown]
# ## Look at it
#
# **Question.** What do you expect: does all of it run on an Edge TPU?

# %%
from edgewb.views.placement_maps import draw_placement

draw_placement(mine.file)

# %% [markdown]
# **Reading.** A circle runs on the Edge TPU, a square on the CPU, a diamond is a kind of op nobody has seen there: *unknown* is an answer,
# too. The frame marks the first blocker. Large models are folded: a row is then a run of ops with the same fate. All of it is predicted;
# the compiler has the last word.

# %%
edgewb.inspect(mine.file)

# %% [markdown]
# **Reading.** Start at the top. This is what to do for each answer:
#
# | you read | do |
# |---|---|
# | all ops on the Edge TPU | compile it: `edgewb compile`, or Google's compiler in a notebook service |
# | 0 ops, reason `float` | convert again with full-integer quantisation (notebook 03) |
# | most map, the last few do not | often fine: look at the *MACs* row; leave the rest to the CPU |
# | few map, one op near the top is to blame | replace this layer, or take it out of the graph (notebook 06) |
# | `dynamic`, `not_constant`, `op_version` | `edgewb fix`, below |
# | parameters streamed | a narrower net; or live with it (notebook 06 shows the price) |
# | "the compiler refuses the whole file" | convert with an older TensorFlow, or change that layer |
# | unknown ops | compile it to find out |
# | kind: compiled | ops and reasons are gone: look at the source instead |

# %% [markdown]
# ## Exercise 1: share and blocker
#
# Which share of the ops of your model runs on the Edge TPU (a number between 0 and 1)? And which op is the first blocker: its number,
# or `None` where there is none? The check looks at *your* model; a change of `MODEL` changes what is right. Of a compiled file nobody can
# tell: there, both answers are `None`, and the file it was compiled from is the one to count in.

# %% tags=["exercise"]
# A number between 0 and 1; the number of an op, or None.
share = 7 / 13  # of the model that comes with the repository
blocker = 10

# %%
check("12.1", edgewb.inspect(mine.file), share, blocker)

# %% [markdown]
# ## How long would it take?
#
# **Question.** On which of these computers would you want to run it?

# %%
from edgewb.views.host_plots import plot_hosts

plot_hosts(mine.file)

# %% [markdown]
# **Reading.** A square with a bar is an estimate with its 80 % interval. An open triangle means: no estimate, but it takes at least so
# long. edgewb refuses where it has no data to stand on, most often because layers with weights are left on the CPU. Even a small one
# counts: among the 41 published desktop measurements a single net leaves such layers there (DeepLab), and it took 52 ms where the
# estimate, which does not know them, says 14. A figure without marks says why in words.

# %% [markdown]
# ## Mend what can be mended
#
# **Question.** Does your model have something that can be changed without training it again?

# %%
from edgewb.lessons.remedies import mend_if_possible

mended = mend_if_possible(mine.file)
mended

# %% [markdown]
# **Reading.** This is what `edgewb fix` prints. Each mend is named with the ops it touched. The mended file was run beside the old one on
# 32 random inputs, and is written only if all outputs are identical, bit for bit. "From now on, outside the model" tells what your
# program has to do itself afterwards.

# %%
plot_hosts(mended.file)

# %% [markdown]
# **Reading.** The same figure for the mended file, or for your file where nothing was mended. If the triangles have become squares, the
# mend has brought onto the chip what stood in the way of an estimate.

# %% [markdown]
# ## Your data
#
# Images come in a folder with one sub-folder per class, named after it. Formats: PNG, JPEG, BMP, GIF, WebP, in any size. Four different
# images per class are the least. More are better: a quarter of all become test images, and the more of these, the narrower the interval
# below. Tables come as an `.npz` file with two arrays, `x` and `y`; where `y` holds numbers that are not whole, it is a regression.

# %%
from edgewb.courses.own_files import take_data

data = take_data(DATA)
data

# %% [markdown]
# The examples are dealt out into four parts, always in the same way: for training, for calibration, for choosing (*validation*), and for
# the final figures (*test*).
#
# Classes are in alphabetical order. If your model has them in another order, the accuracy below is nonsense: rename the folders, for
# instance `0_cat`, `1_dog`.
#
# **Question.** Your model on your data, or, without data, the digits classifier that comes with the repository on the folder above: how
# wide will the interval be?

# %%
from edgewb.bundles import bundled_model
from edgewb.courses.own_files import evaluate_own_model

judged = mine.file if data.yours else bundled_model("digits_cnn_int8").path
evaluate_own_model(judged, data.place)

# %% [markdown]
# **Reading.** So few test images make a wide interval, even if all of them are right. If your model is no better than guessing, the first
# suspects are the order of the classes and the range of the input: `edgewb.evaluate(..., input_range=(-1, 1))` for models that expect
# values from −1 to 1.
#
# *No accuracy* is an answer, too. A detector or a segmentation is scored by overlap, which edgewb does not do, and a compiled file runs on
# its device alone. What the sections above found holds all the same.

# %% [markdown]
# ## A study of your own
#
# With a *float* model, data and TensorFlow, `edgewb.run` quantises the model, judges every variant on the same test images, and writes a
# report. The next cell does so if all of this is there, and says what is missing otherwise. In a terminal:
#
# `edgewb run --dataset FOLDER --model mine.keras --recipes float32,ptq_int8,qat_int8 --budget 1.0`

# %%
from edgewb.courses.own_studies import study_own_model

study_own_model(mine.file, data.yours)

# %% [markdown]
# **Reading.** If a table is shown: read the intervals before the values, then the line that begins with *Recommended*. Notebook 09 goes
# through such a table. The report is at `runs/course/own/report.html`. It is one file, and opens without a network.

# %% [markdown]
# ## What I have
#
# All answers on one page, as a file to hand over or to put into a ticket.

# %%
from edgewb.lessons.summaries import summarise_model

summary = summarise_model(mine.file, data.yours)
summary.save("../runs/course/what_i_have.md")
summary

# %% [markdown]
# **Reading.** The column *basis* says what each answer rests on. *Open* is an honest answer: the last column says how to close it.
# Notebook 11 goes on from here, with the checklist for the field.

# %% [markdown]
# ## Exercise 2: the next step
#
# What would you do first with this model? `"use it"` (it is compiled already), `"nothing"` (no op holds others back: compile it), `"fix"`,
# `"convert"` (again, with full-integer quantisation), or `"change a layer"` (and train again).

# %% tags=["exercise"]
# One of the five, in quotes.
step = "fix"  # for the model that comes with the repository

# %%
check("12.2", edgewb.inspect(mine.file), step)

# %% [markdown]
# ## Summary
#
# - Inspect, fix, estimate: three calls, and none needs a device.
# - The cheapest cure first: `edgewb fix`, then another conversion, then another layer.
# - Data in folders, one per class; few images mean wide intervals.
# - Write down what is open. It is the list for the day when the device comes.
#
# ## Read next
#
# - Notebook 11: from the lab to the field. Notebook 04, if quantisation costs your model too much.
# - `PROBLEMS.md` in this repository: what goes wrong between a model and an answer, with fixes.
# - [Coral: get started with the USB Accelerator](https://coral.ai/docs/accelerator/get-started/), once you have one; before that,
#   `edgewb doctor`.
