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
# # 07 · Measuring latency
#
# **Goal.** You can measure how long a model takes so that somebody else gets the same answer, you can say how sure you are of it, and you
# can tell a measured figure from one that only looks like it.
#
# **Time.** 40 minutes of reading, 1 minute of computing. **You need** nothing but this computer. Close what you can: other programs
# will be started on purpose later.

# %% [markdown]
# ## The first calls
#
# *Latency* is the time of one call: inputs are copied in, the model runs, outputs are copied out. The model is the digits classifier in
# int8, on this computer's processor.
#
# **Question.** The first call after loading: as fast as the others, twice as slow, ten times?

# %%
import edgewb
from edgewb.bundles import bundled_model
from edgewb.courses import check
from edgewb.views.call_plots import plot_calls

model = bundled_model("digits_cnn_int8").path
quiet = edgewb.measure(model, runs=2000)
plot_calls(quiet)

# %% [markdown]
# **Reading.** The star is the first call. It also prepares what later calls find ready, so it takes several times as long; on an Edge TPU
# it sends the parameters, too. The triangles warm up and are not counted: processor caches fill, the clock rises. The dots are the
# sample, and the dashed line is their median. The first dot is often high as well: between warming up and sampling, edgewb looks at what
# else the computer does, which takes the model out of the processor's caches.
#
# Neither figure is wrong. A door bell that wakes up once an hour lives with first calls; a camera never sees one again. So the first call
# is reported *apart*, and never thrown away.

# %% [markdown]
# ## Percentiles and the mean
#
# **Question.** Half of the calls take less than the median, p50. Is the mean near it?

# %%
from edgewb.views.call_plots import plot_histogram

plot_histogram(quiet)

# %% [markdown]
# **Reading.** Both axes are logarithmic, or the few calls on the right would not be seen. Nearly all calls stand in the first bars. A
# handful were interrupted by other programs, and took ten or some hundred times as long. p50 and p90 do not notice them: half, and nine
# tenths, of the calls take less. p99 begins to. The mean adds up all of them, so a few long calls pull it wherever they are.

# %% [markdown]
# ## Other programs
#
# Now some programs compute beside the measurement, two per processor.
#
# **Question.** Which of the four figures will change most: p50, p90, p99 or the mean?

# %%
from edgewb.lessons.loads import other_load
from edgewb.views.call_plots import plot_summaries

with other_load():
    busy = edgewb.measure(model, runs=2000)
plot_summaries({"as before": quiet, "beside other programs": busy})

# %% [markdown]
# **Reading.** When this was written, on two processors of a shared server, the median rose by 2 %, and the mean threefold. So short a call
# mostly finishes before the system gives the processor to somebody else. The few that do not finish wait for milliseconds. (A model that
# takes 20 ms is interrupted in nearly every call, and there the median rises, too.)
#
# edgewb looks around while it measures, and says what may have spoilt the figure.
#
# **Question.** What can it have noticed?

# %%
busy.conditions.notes

# %% [markdown]
# **Reading.** Each sentence says what was seen and what to do. They go with the figure into every record, report and checklist, so that
# nobody has to remember how busy the afternoon was.
#
# ## Exercise 1: a percentile by hand
#
# Ten calls took 2.0, 2.1, 2.0, 2.2, 2.0, 2.1, 2.3, 2.1, 9.8 and 2.0 ms. (The numbers are made up.) What is p90?

# %% tags=["exercise"]
# In milliseconds.
p90 = 2.3  # sorted: 2.0 2.0 2.0 2.0 2.1 2.1 2.1 2.2 2.3 9.8; nine of ten took 2.3 ms or less

# %%
check("07.1", p90)

# %% [markdown]
# ## Exercise 2: why the mean misleads
#
# Of the same ten calls: how many took longer than their mean? And which figure tells what a call *usually* takes: `"p50"`, `"mean"` or
# `"p99"`?

# %% tags=["exercise"]
# A number of calls, and one of the three words.
slower_than_mean = 1
typical = "p50"

# %%
check("07.2", slower_than_mean, typical)

# %% [markdown]
# ## How many calls?
#
# A percentile of a sample is an estimate, like an accuracy. It has an interval, too: between two of the calls themselves, without any
# assumption about their distribution.
#
# **Question.** How many calls does it take until the median is settled? And the 99th percentile?

# %%
from edgewb.views.call_plots import plot_settling

plot_settling(quiet)

# %% [markdown]
# **Reading.** The median is settled after a few dozen calls. The 99th percentile is about the longest calls, of which there are few: with
# too few calls it has no 95 % interval at all (open marks), and with 2,000 the interval is still wide. A "p99" of 100 calls is just the
# second longest of them.
#
# These intervals suppose that a call does not depend on the one before. Interruptions come in groups, so the truth is somewhat wider.

# %% [markdown]
# ## Exercise 3: calls for a p99
#
# Where do the open marks end? If all n calls lie below the true 99th percentile, the sample cannot say how far up it is. The chance of that
# is 0.99 to the power of n. How many calls does it take until it is 2.5 %, what a 95 % interval leaves at its upper end? (`import math` in
# a cell of your own, if you like.)

# %% tags=["exercise"]
# A whole number of calls.
calls = 368  # 0.99 ** n = 0.025, so n = log(0.025) / log(0.99) = 367.04, rounded up

# %%
check("07.3", calls)

# %% [markdown]
# ## Does it slow down?
#
# A processor gets warm and lowers its clock; a battery runs low. This is called *drift*, and takes minutes. `sustain_s` calls without a
# pause for so many seconds, and looks for lasting changes.

# %%
from edgewb.views.drift_plots import plot_drift, read_changes

sustained = edgewb.measure(model, sustain_s=3)
plot_drift(sustained)

# %% [markdown]
# **Reading.** The line is the median of short windows, the band goes from the 10th to the 90th percentile. A single high peak is another
# program; drift would be a step or a slope that stays. Three seconds are for trying it out. For a device of your own take ten minutes:
# `edgewb measure m_edgetpu.tflite --target edgetpu --sustain 600s`.
#
# **Question.** If no step was found: does that mean that there was none?

# %%
read_changes(sustained)

# %% [markdown]
# **Reading.** "No change found" alone would say little: perhaps the sample was too short or too noisy. So edgewb puts a slow-down of
# 10 % into the very same sample, by arithmetic, at 20 places, and counts how often it finds that one.

# %% [markdown]
# Does the Edge TPU itself slow down when it gets warm? One text gives figures:

# %%
from edgewb.lessons.claims import show_claims

show_claims("throttling")

# %% [markdown]
# **Reading.** "No source found" is a verdict, too. It does not mean that it is false: only that we found no measurement of it. Ten minutes
# with a stick of yours would be one.

# %% [markdown]
# ## Which of two is faster?
#
# The same file, measured twice, as if it were two. Two ways: first all calls of one, then all of the other; or in 20 turns, which is to say
# a few calls of one, a few of the other, and so on. During each comparison, other programs start to compute.
#
# **Question.** The true ratio is 1. What comes out, by means and by medians?

# %%
from edgewb.lessons.latencies import compare_with_itself
from edgewb.views.call_plots import plot_self_comparisons

plot_self_comparisons(compare_with_itself(model))

# %% [markdown]
# **Reading.** One after the other, the means say that a file takes several times as long as itself. Measured in turns, the disturbance
# hits both alike, and most of it cancels. The medians are much better from the start, as most of such short calls are not interrupted.
# Still, one after the other they were off by a third in some of our runs, because the processor changed its pace in between; in turns
# they held. Turns and medians cost nothing, so take both.
#
# **Question.** Now two files that do differ: how much faster is int8 than float32 on this processor?

# %%
from edgewb.bundles import bundled_studies
from edgewb.ratios import compare_files

float32 = bundled_studies()[0].records[0].file
compare_files(model, float32)

# %% [markdown]
# **Reading.** The int8 file against the float one, in turns, with a 95 % interval for the ratio of the medians. The interval speaks for
# this run on this computer. On a processor the gain is modest: XNNPACK, the library that computes here, is fast with floats, too.
#
# `edgewb run` measures every variant in turns with float32. `edgewb measure FILE --target cpu,openvino` does it for one file on two
# targets.

# %% [markdown]
# ## On an Edge TPU: host, bus, clock
#
# No stick is needed for this part, and so nothing in it is measured. The squares are *estimated*; the diamonds are what others
# *published* about this very net.
#
# **Question.** MobileNet v2 takes 2.6 ms on a desktop computer with USB 3. And on USB 2?

# %%
from edgewb.views.host_plots import plot_hosts

plot_hosts("mobilenet_v2_1.0_224")

# %% [markdown]
# **Reading.** It fits on the chip. Still USB 2 makes it three to four times slower, because the input and the instructions go over the
# bus at each inference. A Raspberry Pi 4 takes nearly twice as long as a desktop computer on the same bus. Half the clock does not cost
# twice the time: the clock has no say over the bus.
#
# **Question.** Now a net that does not fit, and sends 36 MB each time. By which factor does USB 2 slow that one down?

# %%
plot_hosts("inception_v4_299")

# %% [markdown]
# **Reading.** Here USB 2 costs a factor of twelve: nearly all of the time is the bus. "The Edge TPU takes 3 ms" means nothing without
# net, host, bus and clock.
#
# That squares and diamonds agree proves nothing: the formula was fitted to these diamonds. `ESTIMATES.md` says how far off it is for nets
# it had not seen (18 % on average on a desktop).
#
# **Question.** Which latency that you read somewhere would you pass on without asking back?

# %%
show_claims("latency")

# %% [markdown]
# **Reading.** What texts say of latencies, beside what was published. None of these claims holds as it stands. Some hold *with conditions*,
# and the conditions are always the same: which net, which host, which bus. For others nobody published a figure, and some contradict the
# text's own table.

# %% [markdown]
# ## Energy
#
# A *millijoule* (mJ) is what one watt takes in a millisecond.
#
# **Question.** How exactly can the energy of one inference be told if nobody has measured it? And does the bus matter for it?

# %%
from edgewb.views.energy_plots import plot_energies

plot_energies(model, measured=quiet)

# %% [markdown]
# **Reading.** Blue bars are *estimated*, from low to high: what the stick takes for one inference, beyond what it takes idling. On USB 2 it
# works for longer, so it takes two to four times as much. A green bar is there only if this computer counts its own energy (many do not):
# *measured*, all of the processor's for one call, and so no rival of the blue ones.
#
# Even the narrowest blue bar spans a factor of nearly four, because nobody published
# the energy of single models on the stick: it is the estimated time, times what two people saw the stick draw with other nets. A stick has
# no readout for power. To know, put a meter into the cable: `edgewb measure FILE --meter "COMMAND" --idle 15`.

# %%
show_claims("power")

# %% [markdown]
# **Reading.** A watt needs a time and a place, too: idle or at work, the stick alone or the whole board, stated or measured. For the figure
# one likes to quote most, 500 times less energy than a laptop, no measurement was found.

# %% [markdown]
# ## Six words
#
# Each figure in edgewb carries a word that says where it comes from. Here is one of each, and all of them were made just now, as far as
# they can be.
#
# **Question.** Which of them may be compared with which?

# %%
from edgewb.lessons.latencies import record_and_replay
from edgewb.lessons.published_nets import published_net
from edgewb.views.basis_tables import show_bases

measured, replayed = record_and_replay(model)
simulated = edgewb.measure(model, target="simulated:pi4", runs=50)
estimate = edgewb.estimate(model, host="pi4")
published = published_net("mobilenet_v2_1.0_224")
show_bases(measured, replayed, simulated, estimate, published, edgewb.inspect(model))

# %% [markdown]
# **Reading.** Compare the rows *estimated* and *simulated*: the simulated target waits until the estimated time is over, so the two agree
# by construction. And *replayed* repeats the measurement above it call by call. A replay or a simulation is good for a classroom, and for
# trying out a program. It is no evidence about a device.
#
# A seventh word, *compiled*, is in notebook 06.

# %% [markdown]
# ## Exercise 4: which word?
#
# - **a** 2.6 ms, from the benchmark page of coral.ai
# - **b** 0.56 ms [0.43, 0.80], printed by `edgewb estimate`
# - **c** 4.1 ms, from `edgewb measure --target replay:pi.json`, a file that a colleague sent
# - **d** 1.01 ms, from `edgewb measure --target simulated:pi4`
#
# Words: `"measured"`, `"replayed"`, `"simulated"`, `"estimated"`, `"published"`.

# %% tags=["exercise"]
# One word for each.
a = "published"
b = "estimated"
c = "replayed"
d = "simulated"

# %%
check("07.4", a, b, c, d)

# %% [markdown]
# ## Exercise 5: which table?
#
# Two reports compare the same two nets. (Both are made up.) Which of them may one trust more? And name three things that the other one
# leaves out, as keys of `FACTS`, which are listed below the reports.

# %%
from edgewb.lessons.latencies import FACTS, TABLES

print(TABLES["A"], TABLES["B"], sep="\n\n")
FACTS

# %% tags=["exercise"]
# "A" or "B", and a list of three keys.
trusted = "B"
missing = ["host", "first call", "turns"]

# %%
check("07.5", trusted, missing)

# %% [markdown]
# ## Summary
#
# - The first call is apart, and some calls warm up.
# - p50 says what is usual, p99 what to be prepared for. The mean says how long all of them took together, and little else.
# - Below 368 calls a p99 has no upper limit.
# - Measure in turns. Two that differ by less than the interval were not shown to differ.
# - A latency on an Edge TPU needs host, bus and clock beside it.
# - Measured, replayed, simulated, estimated, published, predicted: only the first is a measurement on this computer.
#
# ## Read next
#
# - Notebook 08: latency and frames per second of a live picture. Notebook 09: latency against accuracy.
# - `ESTIMATES.md` in this repository: every published latency the estimates rest on, and every error.
# - G. Tene, "How NOT to Measure Latency" (talk, 2015): why percentiles, and what benchmarks leave out.
# - W. J. Conover, Practical Nonparametric Statistics (3rd edition, 1999), section 3.2: intervals for percentiles.
