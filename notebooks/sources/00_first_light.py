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
# # First light: what does INT8 cost?
#
# An Edge TPU runs INT8 models only. Before you buy one, or before you rewrite your model for one, you want to know what the
# integers cost in accuracy, and what they bring. This notebook trains a small network on 1,797 handwritten digits and makes
# nine versions of it: the float original, four kinds of quantisation, and three with pruned or clustered weights.
#
# It needs no Edge TPU, no compiler and no network. Allow about a minute.

# %% [markdown]
# ## Run the study
#
# **Question.** Nine versions of one network: how many of them do you expect to be visibly worse than the original?

# %%
import edgewb

study = edgewb.run("digits", fast=True, progress=True, out="../runs/notebook")

# %%
study

# %% [markdown]
# **Reading.** Look at the intervals before the values. With 500 test images one image is 0.2 points, and most of the changes
# are smaller than their own interval: this test cannot tell those versions from the original. A version whose whole interval
# lies below zero is worse, and that is not chance.
#
# *ops on TPU* is a prediction from rules. Nothing here ran on an Edge TPU.

# %% [markdown]
# ## See the losses
#
# **Question.** Which version would you not ship?

# %%
from edgewb.views.plots import plot_loss

plot_loss(study.records, recommended=study.recommendation.recipe, budget_points=1.0)

# %% [markdown]
# **Reading.** Each bar is the 95 % interval of the paired difference: the same images, answered by the float network and by
# this version. Left of zero is a loss. The dashed line is what we said we can afford.

# %% [markdown]
# ## What pruning buys
#
# **Question.** Four fifths of the weights are zero. Is the file smaller?

# %%
from edgewb.views.plots import plot_size

plot_size(study.records)

# %% [markdown]
# **Reading.** The file is as large as before: a zero takes a byte like any other weight. Only the *compressed* file is
# smaller, so pruning of single weights saves download time, and neither memory nor time on the chip.

# %% [markdown]
# ## Why the float model stays on the CPU
#
# **Question.** How many ops of the float model would an Edge TPU take?

# %%
edgewb.inspect("../runs/notebook/models/float32.tflite")

# %%
edgewb.inspect("../runs/notebook/models/ptq_int8.tflite")

# %% [markdown]
# **Reading.** None of the float ops, and all of the INT8 ones. The same layers, the same order: only the types differ.

# %% [markdown]
# ## Everything was recorded

# %%
edgewb.load_records(dataset="digits").to_frame()[["recipe", "accuracy", "n", "created"]].tail(9)

# %% [markdown]
# ## Next
#
# Open `runs/notebook/report.html`: it holds the figures of this study in one file you can pass on. Then try your own pictures:
# `edgewb run --dataset FOLDER`, with one sub-folder of images per class.
