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
# # 08 · Live inference
#
# **Goal.** You run a network on what you draw, hold before a camera or bring as pictures; you read its figures, and you know which of
# them a device would change.
#
# **Time.** 25 minutes of reading and drawing, 5 seconds of computing. **You need** this computer; a browser with a camera and a Coral
# stick are used if they are there.
#
# Until now a network was asked one question at a time. Here frames come as fast as somebody draws or a camera films, and an answer that
# is late is worth little. Latency, frame rate and dropped frames are three different things.

# %%
from edgewb.courses import check
from edgewb.views.widgets import Live
from edgewb.views.widgets.live_plays import play_test_images

# %% [markdown]
# ## Try it
#
# Draw a digit with the mouse, a finger or the arrow keys. Or choose *Camera* and hold up a digit written with a thick pen. (Browsers hand
# out the camera on HTTPS pages and on localhost only; no picture is kept.) Fifty test images were answered already, so that there is
# something to see. In a printed copy of this notebook the page stands still.
#
# **Question.** How many answers a second do you expect from this computer's processor, without any accelerator?

# %%
live = play_test_images(Live(), frames=50)
live

# %% [markdown]
# **Reading.** On the left what the model is fed; on the right its answer, the likeliest classes, and what the call took. Below are the
# figures that this notebook is about: frames answered and dropped, the first call apart from the others, percentiles, and the **basis**
# of each. A thousand over the median in milliseconds is what the processor could answer in a second if nothing else took time: for so
# small a net tens of thousands on a desktop. A camera gives 30. The network knows digits and nothing else: shown a face, it will still
# name a digit, perhaps with a high score. A score is not the probability that the answer is right.

# %% [markdown]
# ## The same without a browser
#
# `play_test_images` does what the button *Stream* of the page's *Test set* does: it hands one test image after the other to the model and
# counts.
#
# **Question.** How many times as long as a usual call will the first one take?

# %%
from edgewb.views.live_plots import list_calls, plot_calls

played = play_test_images(Live(target="cpu"), frames=400)
list_calls(played)

# %% [markdown]
# **Reading.** The **first call** stands apart: it fills caches, and on an Edge TPU it also carries the weights into the chip. Notebook 07
# is about that. Whoever takes a mean over all calls mixes it in.

# %%
plot_calls(played)

# %% [markdown]
# **Reading.** Each bar counts calls of about that length. The median is where half of them lie to the left; nine in ten lie left of p90.
# The tail on the right is mostly other work of this computer. A live application shows the tail: that is when the picture stutters.

# %% [markdown]
# ## Targets: who answers
#
# A **target** is what runs the model: this processor, a connected Edge TPU, another computer over ssh, or a stand-in.
#
# **Question.** Which of them can run here?

# %%
from edgewb.views.live_plots import list_targets_here

list_targets_here()

# %% [markdown]
# **Reading.** What stands in square brackets may be left out. `edgetpu` needs a device, its runtime library and the right to use it;
# where one is missing, the table names it, and `edgewb doctor` says more. Nothing on the page changes with a stick but the choice of the
# target and a model compiled for it: `Live(compiled="model_edgetpu.tflite", model="model.tflite")` starts with the stick and puts the
# processor beside it.

# %% [markdown]
# ## Without a stick: simulated
#
# The target `simulated` answers with this processor, and waits after each call until the time is over that `edgewb estimate` gives for an
# Edge TPU. That is enough to feel the pace.
#
# **Question.** Answers of the network on the processor and on the simulated chip: how often will they differ?

# %%
both = play_test_images(Live(target="simulated", beside="cpu"), frames=300)
list_calls(both)

# %%
plot_calls(both)

# %% [markdown]
# **Reading.** Mind the word across the figure. It stands on everything that was not measured, and goes along when a picture is copied.
# The answers are the processor's, so they never differ. The pace is that of the estimate and nearly constant; what little it scatters is
# this computer's clock. How a device's calls scatter cannot be seen here.
#
# And mind the medians: for this small network the processor may well be **faster** than the estimate for a stick. Even the smallest call of
# a stick takes some 0.3 ms on USB 3 (published; iwatake2222/EdgeTPU_Analysis). A network for digits is over by then. If the processor is
# slower here than above, that is no mistake: between two calls it waits for the simulated one, and needs a moment to be quick again.

# %% [markdown]
# ## What the stick would change
#
# The same network, estimated on a fast and on a slow USB port.
#
# **Question.** Which part of the time grows on the slow one?

# %%
import edgewb

model = played.classifier.path
edgewb.estimate(model, bus="usb3")

# %%
edgewb.estimate(model, bus="usb2")

# %% [markdown]
# **Reading.** Both are estimates with an interval, for one kind of computer; compare where the time goes rather than single figures.
# Computing is too short to be seen here. What there is is overhead, and the way over USB of the picture and of the chip's instructions:
# that part is some nine times as long on the slow port. A stick pays off where a processor needs many milliseconds, as for large
# pictures and on small boards; notebook 10 asks from where on.

# %% [markdown]
# ## Frames a second, and frames dropped
#
# A camera gives a frame every 33 ms. If an answer takes longer, something has to give: either frames **queue**, and the picture lags more
# and more behind; or frames are **left out**, and what is shown is fresh. The page leaves frames out and counts them.
#
# **Question.** An answer takes 34 ms instead of 33. How many frames a second are answered?

# %%
from edgewb.views.live_plots import plot_frames

plot_frames(camera_fps=30)

# %% [markdown]
# **Reading.** Green frames are answered, hatched ones left out. The rate falls in stairs: a frame that came while the model was busy is
# gone, and the next one has to be waited for. One millisecond too much costs half of the rate. A page that is shown on another computer
# tries two frames under way, one travelling while the other is computed, and keeps to it where more answers come of it.

# %% [markdown]
# Sentences about frames a second, from texts on edge AI, beside what holds:

# %%
from edgewb.lessons.claims import show_claims

show_claims("throughput")

# %% [markdown]
# **Reading.** Frames a second are a thousand over the milliseconds only where one frame at a time is under way, and where the next one is
# ready at once: not with a camera, as the next exercise shows.

# %% [markdown]
# ## Exercise 1: a camera and a slow model
#
# A camera gives 30 frames a second; an answer takes 50 ms; one frame is under way at a time. How many frames a second are answered, and
# how many are dropped?

# %% tags=["exercise"]
# Frames come at 0, 33, 67, 100 ms ...; an answer that begins at 0 is there at 50.
answered = 15
dropped = 30 - 15

# %%
check("08.1", answered, dropped)

# %% [markdown]
# ## Drift: slower while it runs
#
# A sample of calls hides when each of them was. A computer that grows warm lowers its clock; a neighbour starts a download. When a stream
# ends, the page looks for lasting changes:

# %%
played.drifts

# %% [markdown]
# **Reading.** One sentence per target. A change is named only if chance would hardly make one like it. A short stream of a fraction of a
# second, as here, says little about warmth: `edgewb measure --sustain` runs for minutes (notebook 07). A USB stick tells no temperature,
# so drift is all one sees of its heat.

# %% [markdown]
# ## Exercise 2: read a recorded histogram
#
# These calls were recorded on another computer: a pruned variant of the digits net, 200 calls. Read the **median** from the figure,
# within some 15 %. And which figure belongs into a report for such a sample: `"mean"` or `"median"`?

# %%
from edgewb.views.live_plots import plot_recorded_calls

plot_recorded_calls("prune80_ptq_int8")

# %% [markdown]
# **Reading.** Do not look for the middle of the axis. Look for the place with as many calls on its left as on its right.

# %% tags=["exercise"]
median_ms = 0.012
quote = "median"

# %%
check("08.2", median_ms, quote)

# %% [markdown]
# ## Exercise 3: what may be said
#
# After a run on the target `simulated` you write one sentence into your report. Which one may stand there?
#
# - a: "We measured 0.6 ms per inference on an Edge TPU."
# - b: "The Edge TPU runs the network at a constant 0.6 ms."
# - c: "Simulated at the estimated pace of an Edge TPU on a desktop, 0.6 ms; the answers are the processor's."

# %% tags=["exercise"]
sentence = "c"

# %%
check("08.3", sentence)

# %% [markdown]
# ## Summary
#
# - Latency is the time of one call; the frame rate also depends on the camera and on how many frames are under way.
# - Dropping frames keeps a picture fresh. Queueing keeps all frames, and shows the past.
# - The first call stands apart, the tail is what people notice, and drift shows over minutes only.
# - Measured, replayed, simulated and estimated are different things; the word goes wherever the figure goes.
# - A stick helps networks that keep a processor busy. For a tiny one the way over USB is longer than the work.
#
# ## Read next
#
# - Notebook 09: all variants side by side, and which to take.
# - `edgewb dashboard live`: the same page for others in the room, in their browsers.
# - MDN, *MediaDevices.getUserMedia()*: when a browser hands out a camera, and why only on secure pages.
# - V. Reddi and others, *MLPerf Inference Benchmark*, arXiv 1911.02549: why a single stream, several streams and a server need different
#   figures.
