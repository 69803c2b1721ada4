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
# # 10 · Choosing hardware
#
# **Goal.** Afterwards you can read a data sheet without being taken in by its TOPS, say whether your cameras are better served by a
# device at each or by one server for all, and explain why a language model does not run on an Edge TPU.
#
# **Time.** 35 minutes of reading, a quarter of a minute of computing. **You need** nothing but this computer: no figure in this
# notebook is measured here; they are published by others, estimated or simulated.

# %%
from edgewb.courses import check
from edgewb.lessons.claims import show_claims
from edgewb.lessons.hardware import show_devices, show_sources

# %% [markdown]
# ## Coral in its forms
#
# There is one Edge TPU, and it comes on a stick, on cards and on boards.
#
# **Question.** The chip is the same in all of them. What can differ, then?

# %%
show_devices(families=["Coral"])

# %% [markdown]
# **Reading.** What differs is what surrounds the chip: the bus that carries inputs and weights, the processor that does the rest,
# the power around it. MobileNetV2 takes 2.6 ms on the stick at a desktop with USB 3, and 18 ms on boards that attach the chip by
# USB 2 or to a microcontroller. Mind the last column: the stick's figure is the memory *on the chip*, which all of them have; the
# boards' is the memory beside it. *Not found* means that we looked and read no page that says it; it does not mean that nobody
# knows. The number in square brackets is the figure's source, listed below the table; a source that is a page of the maker is a link.
#
# **Question.** Which of the stick's figures did the maker state, and which did others measure? Here they are one by one.

# %%
show_sources("Coral USB Accelerator")

# %% [markdown]
# **Reading.** The maker states the 4 TOPS (and 2 watts for its M.2 card, see above); the 0.58 to 1.2 watts others measured. None
# of it was measured by us. Prices are missing on purpose: none was found with a date, and an old price is worse than none.
#
# ## The others
#
# **Question.** Which two of these peaks can be compared with each other?

# %%
show_devices(families=["Jetson", "Hailo", "Myriad", "Raspberry Pi"])

# %% [markdown]
# **Reading.** The two of Hailo, perhaps. Look at the words in the brackets before you look at the numbers. *Sparse* counts
# operations that are skipped because every other weight is zero; *float* and *int8* are different operations; a watt of a chip is
# not a watt of a board.
#
# **Question.** What would you have believed of these devices, from reading about them?

# %%
show_claims("hardware")

# %% [markdown]
# **Reading.** The longest table of this course. Several sentences are refuted by the table of the very text they stand in: put a
# superlative beside the numbers around it, and half of the checking is done. Where a verdict rests on such a table alone, it says
# so, since the table's own figures have no source.

# %% [markdown]
# ## Why TOPS do not compare
#
# TOPS are million million operations a second, at best. A network gets less. To see how much less, take one network that was
# published for several of these devices.
#
# **Question.** A Hailo-8 has 6.5 times the TOPS of a Coral. How many times as many frames a second will it give for each TOPS?

# %%
from edgewb.views.hardware_plots import plot_tops

plot_tops()

# %% [markdown]
# **Reading.** About as many: a TOPS of either gives some hundred frames of MobileNetV2, and both leave 94 % of their peak unused.
# The chip on the Dev Board Micro is the same as on the stick and gives a seventh: it hangs on a microcontroller, not on a
# desktop. The Myriad X states 4 TOPS as well and gives a tenth. So a TOPS is worth anything from 9 to 134 frames a second. (A
# light bar is one over a latency, which is less than a chip can do that works on several frames at once; more on this below.)
#
# Three reasons. **Utilisation:** small layers do not fill a large grid of multipliers, and a bus makes it wait. **Precision:** of a
# Jetson's int8 TOPS half exist only for sparse weights. **Batch:** what is published may be for eight frames at once.
#
# **Question.** What does a batch of eight buy, and for which network?

# %%
show_devices(families=["Hailo"], of=["throughput", "latency"])

# %% [markdown]
# **Reading.** A Hailo-8L makes 138 frames a second of ResNet-50 one at a time and 503 in batches of eight. A camera gives one at
# a time. With MobileNetV2 the batch makes no difference: ask for each network.

# %% [markdown]
# ## Exercise 1: how much of the peak?
#
# The Hailo-8 states a peak of 26 TOPS. Its model zoo publishes 1,036 frames a second of YOLOv8n at 640 x 640, which takes
# 8.74 thousand million operations a frame. Which share of the peak is used? Give a share between 0 and 1.

# %% tags=["exercise"]
# Operations a second, over the peak.
used = 1036 * 8.74e9 / 26e12

# %%
check("10.1", used)

# %% [markdown]
# ## Throughput is not one over latency
#
# Hailo publishes 1,015 frames a second for SSD MobileNetV1 (in the table before the exercise).
#
# **Question.** How long does one frame take? And what do two texts make of the two figures?

# %%
show_claims("throughput")

# %% [markdown]
# **Reading.** One over 1,015 is 1 ms. But the makers of a camera recorder publish about 6 ms for the same network on the same chip,
# as their program sees it (in that table, too). Both can be right: several frames are under way at once,
# like cars in a car wash. For a lane full of video the throughput counts; for a robot arm that waits for an answer the latency
# does.
#
# **Question.** And what do texts make of TOPS?

# %%
show_claims("tops")

# %% [markdown]
# **Reading.** Four texts on the web say the left column, in our words. The second column says what became of it when we looked.
# `edgewb claims --check` computes anew what can be computed.

# %% [markdown]
# ## On the device, or on an edge server?
#
# Either each sensor gets its own accelerator, or all send their frames to one server nearby. The server costs once. But frames of
# many sensors meet there, and wait.
#
# With frames that come at random moments and one server that takes the same time for each, there is a formula for the mean wait
# (Pollaczek and Khinchine, about 1930): `wait = load × service / (2 × (1 − load))`, where load is the share of its time that the
# server works.
#
# **Question.** A server works half of its time. How long does a frame wait, in service times? And if it works 95 % of its time?

# %%
from edgewb.lessons.queues import server_delay, show_waits

show_waits(loads=[0.5, 0.8, 0.9, 0.95, 0.99])

# %% [markdown]
# **Reading.** Half a service time; and nine and a half. One frame in a hundred waits five to seven times as long as the mean, or
# longer. From 95 to 99 % of load the wait grows fivefold once more, so a server is never planned for 100 %.
#
# Now the delay of a whole installation. A camera gives 10 frames a second. MobileNetV2 takes a desktop with a Coral stick 2.1 to
# 3.2 ms (estimated), the network there and back 5 ms (assumed); a Raspberry Pi 4 on its own takes 25.87 ms (published).
#
# **Question.** Twenty cameras: how busy is the server, and how long does an answer take?

# %%
server_delay(sensors=20, frame_rate=10, service_ms=2.57, network_ms=5)

# %% [markdown]
# **Reading.** It works half of its time, and the wait is short: on average a little more than a millisecond beyond the 7.6 ms of network
# and service, for one frame in a hundred nine, or more.
#
# **Question.** From how many cameras on is a Pi at each camera the faster solution?

# %%
from edgewb.views.hardware_plots import plot_sensors_per_server, plot_server_delays

plot_server_delays(frame_rate=10, service_ms=[2.13, 2.57, 3.19], network_ms=5, on_device_ms=25.87)

# %% [markdown]
# **Reading.** The red line is the delay that 99 of 100 frames keep, the dashed one the mean; the bands are the interval of the
# service time. Up to 28 cameras (20 to 36, by the interval) the server is *faster* than the Pi at each camera for 99 of 100
# frames, network included; then the line bends up steeply. The diamonds are a small simulation of cameras that keep their frame
# rate: they wait less than frames at random moments, so the red line is on the safe side. The grey band is where one text puts
# the break-even.
#
# **Question.** How far does that depend on the frame rate and on the model? In the next figure 99 of 100 frames are to be answered
# within 100 ms.

# %%
plot_sensors_per_server(frame_rates=[1, 5, 15, 30], services_ms=[2.6, 7.2, 12, 52], limit_ms=100, network_ms=5)

# %% [markdown]
# **Reading.** From none to 360 sensors, which is as many as one server *can* take. 2.6 ms is MobileNetV2 with a Coral, 7.2 ms a
# detector (SSD MobileNetV2), 12 ms a slower one, 52 ms a segmentation (DeepLab v3; desktop, published). Only the cells with a
# diamond fall into the 10 to 20 of the text.
#
# **Question.** A text names 10 to 20 sensors. Does it speak of delay, or of cost?

# %%
show_claims("break_even")

# %% [markdown]
# **Reading.** The text itself calls its 10 to 20 an observed range that depends on frame rate and inference time; it means that
# above it servers are more economical. So there are two limits. By cost a server pays *from* so many sensors on, which comes now;
# by delay it takes *up to* so many, which you have just seen. It is worth having where the second number is larger than the
# first.
#
# The three prices in the next cell are assumed, and not looked up anywhere. Put in your own: of what a sensor needs to compute on its
# own, of a server, and of what a sensor needs to send its frames.
#
# **Question.** A server costs as much as 15 devices. Does it pay from 15 sensors on?

# %%
from edgewb.views.cost_plots import plot_costs

DEVICE, SERVER, LINK = 100, 1500, 40  # assumed: yours, in your own money
plot_costs(DEVICE, SERVER, LINK, frame_rate=10, service_ms=2.57, network_ms=5, limit_ms=100)

# %% [markdown]
# **Reading.** Not from 15 on, since each sensor still needs its link: the lines meet at the diamond, 25 sensors. At the dotted line, 36
# sensors, one server is full if 99 of 100 frames are to be answered within 100 ms (estimated). The 37th needs a second server, the dashed
# line jumps, and up to 49 sensors a device at each is cheaper again. With a faster server the dotted line moves to the right, with
# dearer links the diamond does. If the diamond has gone, a server never pays.
#
# ## Exercise 2: break-even by cost
#
# Prices for this exercise, invented: what a sensor needs to compute on its own costs 60, a server 900, and what a sensor needs to
# send its frames 15. From how many sensors on does one server cost no more? (By hand, please; `edgewb.lessons.queues.break_even` is what
# the figure used.)

# %% tags=["exercise"]
# With a server each sensor saves its device, and needs a link.
sensors = 900 / (60 - 15)

# %%
check("10.2", sensors)

# %% [markdown]
# ## Exercise 3: which one?
#
# Eight cameras send 15 frames a second each. The detector takes the server 12 ms a frame. What is the load of the server (1 is always
# busy), and where do you put the detector: `"server"` or `"devices"`?

# %% tags=["exercise"]
# Frames of all cameras in a second, times seconds each.
load = 8 * 15 * 0.012
place = "devices"

# %%
check("10.3", load, place)

# %% [markdown]
# ## Can a language model run on it?
#
# Qwen3-0.6B is the smallest of its family. It writes text token by token (a token is a word, or a piece of one), and for each token
# all of its weights are used: a table of vectors for the tokens (the embedding) and 28 layers, each with an attention (query, key,
# value, output) and a feed-forward part.
#
# **Question.** An Edge TPU keeps up to 7.75 MiB of weights. What part of this model is that?

# %%
from edgewb.lessons.language_models import show_decoder_ops, show_token_times
from edgewb.views.hardware_plots import plot_language_model

plot_language_model()

# %% [markdown]
# **Reading.** The last bar is the cache: 8 of 596 MB, a seventieth. Not even one of the 28 layers fits (15.7 MB each).
#
# Is it impossible then? One text says so, because nothing can be streamed. But weights are streamed whenever they do not fit:

# %%
show_token_times()

# %% [markdown]
# **Reading.** A second and a half for each token at best, over USB 3: slow, but not impossible. At the stated peak the
# multiplications would be done in 0.3 ms; all else is waiting for weights.
#
# So memory is not what rules it out. What does?

# %%
show_decoder_ops()

# %% [markdown]
# **Reading.** The dense layers map: they are most of the weights. But the attention takes the matrix product of two activations
# (`BATCH_MATMUL`), and the Edge TPU supports matrix products with weights only. The first op on the CPU takes everything behind it
# there, too: with the look-up of the token (`GATHER`) at the very beginning, nothing is left. Look it up outside the model, and the
# next such op, in the first of 28 layers, does the same.
#
# **Question.** How much of that do texts get right?

# %%
show_claims("llm")

# %% [markdown]
# **Reading.** A text can be right in parts. [B] has the right figure (600 MB) and the right outcome (it does not run), a wrong first
# reason (no streaming), and in passing the right one (the attention).
#
# ## Exercise 4: a larger one
#
# Qwen3-1.7B has about 1.7 thousand million parameters. If all of it could be mapped, and streamed over USB 3 at 385 MB/s: how many
# seconds would a token take in int8?

# %% tags=["exercise"]
# Every weight crosses the bus once for each token.
seconds = 1.7e9 / 385e6

# %%
check("10.4", seconds)

# %% [markdown]
# ## Summary
# - A peak in TOPS belongs to a data sheet. What counts is a latency or a throughput of your network, with host, bus and batch.
# - Throughput is not one over latency.
# - A server's delay grows without end near full load. Plan for half, and mind the slowest of 100 frames, not the mean.
# - A server pays *from* so many sensors on, by prices, and takes *up to* so many, by frame rate and inference time: none to 360 in our
#   examples.
# - A language model fails on an Edge TPU for its ops, not for its size alone; streaming it would take 1.4 to 1.6 s a token.
#
# ## Read next
# - [11 · From lab to field](11_from_lab_to_field.ipynb): the data, the memory, the update.
# - `data/hardware.toml`: all figures of this notebook, with their sources and what was not found.
# - L. Kleinrock, *Queueing Systems* 1 (1975), chapter 5: where the wait comes from.
# - G. Franx, Operations Research Letters 29 (2001) 221-229: the distribution behind "99 of 100 frames".
# - Boroumand and others, *Google Neural Network Models for Edge Devices*, arXiv 2109.14320: why an Edge TPU reaches a quarter of
#   its peak on average over 24 networks (its abstract is what we read).
