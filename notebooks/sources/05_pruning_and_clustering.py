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
# # 05 · Pruning and clustering: what sparsity buys, and what it does not
#
# **Goal.** You know what zeros and shared weights do to accuracy, to the file, to the compressed file, and to the
# chip: four different answers. You know what does make a network smaller on the chip.
#
# **Time.** 30 minutes of reading, about 2 minutes of computing. **You need** TensorFlow to train (`make setup`
# installs it). Without it the notebook shows the study as it was recorded on another computer, and says so.

# %% tags=["parameters"]
FAST = False  # True: trains for a shorter time, and the figures in the text no longer fit

# %%
from edgewb.courses import check
from edgewb.courses.recorded import run_or_recall

# %% [markdown]
# ## Pruning: most weights can go
#
# *Pruning* sets the smallest weights of each layer to zero and trains the rest on to make up for it.
# `prune80_ptq_int8` zeroes 80 % of each layer and then converts to int8. Depthwise layers are left as they are: they
# hold few weights, and need them.
#
# **Question.** How many of its weights can the digits network spare before you would notice: 20 %, 50 %, 90 %?

# %%
zeros = run_or_recall(
    "digits",
    "float32, ptq_int8, prune50_ptq_int8, prune80_ptq_int8, prune90_ptq_int8, prune95_ptq_int8",
    fast=FAST,
)

# %%
from edgewb.views.sparsity_plots import plot_sparsity

plot_sparsity(zeros.records[1:])

# %% [markdown]
# **Reading.** To the right there are more zeros, as counted in the finished file (somewhat fewer than the name says,
# as depthwise layers keep theirs); the bars are 95 % intervals. With half of the weights gone the intervals overlap
# by far. Then it costs a point or two, and in the end the network falls off a cliff. Where the cliff is depends on
# the network: a wide one for an easy task has much to spare, a network made for small devices has less.
#
# Who says that pruning costs "at most 2 %" should say of which network, and how much of it was pruned.

# %% [markdown]
# ## Where did the bytes go?
#
# **Question.** In `prune80_ptq_int8` about three weights in four are zero. By how much is its file smaller? And what
# the chip stores?

# %%
from edgewb.views.sparsity_plots import plot_bytes

plot_bytes(zeros.records[1:])

# %% [markdown]
# **Reading.** The file is as large as before, to the byte: **a zero takes a byte like any other weight.** So it does
# on the chip: the Edge TPU stores every weight and multiplies by every zero (the bytes are predicted, by rules that
# were fitted to what the real compiler stored; nothing here was compiled). Only the *compressed* file is smaller,
# since compression (zip and the like) writes what is frequent in fewer bits. That is a gain for downloads and updates
# over a slow link, but on this chip it saves neither memory nor work.
#
# There is hardware that skips zeros. This is not such hardware.

# %% [markdown]
# What do others say of this?

# %%
from edgewb.lessons.claims import show_claims

show_claims("pruning")

# %% [markdown]
# **Reading.** Each row is a claim from a text on edge AI in our words, beside what holds and how we know. The one on
# single weights agrees with what you have just seen. The one on whole channels we shall try below.
#
# ## Clustering: few values, many times
#
# *Clustering* keeps all weights and makes them share values: `cluster16_ptq_int8` allows 16 per layer. Sixteen values
# would fit into 4 bits.
#
# **Question.** Does the file get half as large?

# %%
shared = run_or_recall("digits", "float32, ptq_int8, prune80_ptq_int8, cluster16_ptq_int8", fast=FAST)

# %%
from edgewb.views.sparsity_plots import plot_values

plot_values({record.recipe: record.file for record in shared.records[1:]})

# %% [markdown]
# **Reading.** How often each of the 256 stored values occurs in the largest layer (mind the logarithmic axis). Plain
# int8 uses nearly all of them. Pruning leaves one tall bar at 0, and nothing close to it. Clustering was asked for 16
# values and the file holds more: each channel has a scale of its own, and where that differs, the same value is
# stored as another integer.

# %%
plot_bytes(shared.records[1:])

# %% [markdown]
# **Reading.** As with pruning: the same file, the same bytes on the chip, a smaller compressed file. TensorFlow Lite
# stores one byte for each int8 weight, however few values there are.
#
# And the accuracy?

# %%
from edgewb.views.plots import plot_loss

plot_loss(shared.records)

# %% [markdown]
# **Reading.** Each bar is the paired 95 % interval of the change from float (notebook 02). That of clustering holds
# 0: if this network misses the other values, this test cannot see it. Pruning by 80 % looks dearer, though when this
# was written its interval just reached 0, too.

# %% [markdown]
# ## Exercise 1: bytes of a layer
#
# A 1×1 convolution reads 64 channels and writes 128, so it has a weight for each pair of them, a byte each in int8.
# (The chip stores some more per channel, which we leave out.) How many bytes do its weights take on the chip: as it
# is; with 80 % of them pruned to zero; and with half of the channels removed on both sides?

# %% tags=["exercise"]
# in bytes
plain = 64 * 128
pruned = 64 * 128
halved = 32 * 64

# %%
check("05.1", plain, pruned, halved)

# %% [markdown]
# ## Structured pruning: whole channels
#
# What the chip does notice is a smaller layer. *Structured* pruning removes whole channels, wherever they occur, and
# trains on. A channel less is a column less in one layer and a row less in the next: half the channels leave a
# quarter of the weights between.
#
# **Question.** Half of the channels go. What does it cost, and what does it bring?

# %%
narrow = run_or_recall(
    "digits",
    "float32, ptq_int8, prune80_ptq_int8, structured50_ptq_int8, student25_ptq_int8, distill25_ptq_int8",
    fast=FAST,
)

# %%
plot_bytes(narrow.records[1:4])

# %% [markdown]
# **Reading.** Now all three bars are shorter, the one on the chip as well. It is more than a quarter, since a depthwise
# layer has a few weights for each channel and only halves. The chip stores channels in groups (16, or 64 where there
# are more than 64), so edgewb removes them in such steps: a layer of 17 channels takes as much room as one of 32.
#
# Is it faster, too?

# %%
from edgewb.views.sparsity_plots import show_estimates

show_estimates(narrow.records[1:4])

# %% [markdown]
# **Reading.** These are *estimates* for an Edge TPU, each with an 80 % interval; nobody measured one. All three are
# the same: for so small a network what each call and each op costs at the least takes nearly all of the time, and the
# arithmetic hardly any. Fewer bytes pay where there are many: a network that is too large for the chip's memory is
# streamed over USB at each call, and structured pruning may be what makes it fit.
#
# Accuracy has its price all the same:

# %%
plot_loss(narrow.records, budget_points=1.0)

# %% [markdown]
# **Reading.** Structured pruning costs about as much here as zeroing 80 % of the weights, and brings what zeroing does
# not. Were one point the most you may lose (the dashed line), this test could not say of either whether it keeps to
# it. The two lowest rows have a quarter of the channels, and pay for it.

# %% [markdown]
# ## Distillation: does a teacher help?
#
# Instead of thinning out a trained network one may train a small one from scratch. In *distillation* the large
# network is its teacher: the small one learns the teacher's scores beside the labels. `student25` is the small
# network alone, `distill25` the same with the teacher: same start, same batches, same number of steps.
#
# **Question.** How many points does the teacher bring?

# %%
from edgewb.views.baseline_plots import plot_shares

print(*[note for note in narrow.context.notes if note.startswith("distill")], sep="\n")
plot_shares({record.recipe: record for record in (narrow.records[1], *narrow.records[4:])}, "With and without a teacher")

# %% [markdown]
# **Reading.** Both small networks are behind the large one. Between the two of them the note gives the difference on
# the same images, with its interval. It holds 0: this run does not show that the teacher brought anything. And this
# is one training of each. Over five seeds, with a tenth of the channels, edgewb's own benchmark found −0.04 points
# with an interval from −3.80 to +3.72 (measured, n = 500 test images for each seed). On the digits a teacher brings
# nothing that we could find.
#
# Papers report gains on larger tasks. Whether there is one on yours you find out by running the student *alone*
# beside it. A distilled student compared only with its teacher tells you nothing about distillation.

# %% [markdown]
# ## Exercise 2: which one?
#
# Three wishes. For each name the recipe that meets it, `"ptq_int8"`, `"prune80_ptq_int8"` or
# `"structured50_ptq_int8"`:
#
# - `chip_memory`: fewer bytes in the chip's memory,
# - `download`: a smaller download, with all layers as wide as they are,
# - `untouched`: no loss that we could see, and nothing trained on.

# %% tags=["exercise"]
# one of "ptq_int8", "prune80_ptq_int8", "structured50_ptq_int8" for each
chip_memory = "structured50_ptq_int8"
download = "prune80_ptq_int8"
untouched = "ptq_int8"

# %%
check("05.2", chip_memory, download, untouched)

# %% [markdown]
# ## Summary
#
# - Half of a network's weights, often more, can be zero at little cost. Past some point it falls apart; an interval
#   shows where.
# - On an Edge TPU a zero takes its byte and its multiplication. Pruning and clustering shrink the compressed file, and
#   nothing else.
# - Structured pruning removes channels: file, memory on the chip and multiplications fall. Whether it is faster
#   depends on where the time goes.
# - Compare a distilled student with the same student alone. Here the teacher brought nothing that this test could see.
# - Report accuracy and bytes together, and say which bytes.
#
# ## Read next
#
# - Notebook 06: what the compiler makes of all this.
# - M. Zhu and S. Gupta, arXiv 1710.01878: pruning step by step while training, as is done here, and large sparse
#   against small dense networks.
# - S. Han et al., arXiv 1510.00149: pruning, shared weights and compression together; note which of its gains need
#   hardware of its own.
# - Z. Liu et al., arXiv 1810.05270: whether the pruned weights matter, or just the narrower architecture.
# - G. Hinton et al., arXiv 1503.02531: distillation.
