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
# # 06 · Reading the compiler
#
# **Goal.** You can tell which part of a model runs on an Edge TPU, which op is to blame for the rest, whether the parameters fit on the
# chip, and what to do first.
#
# **Time.** 40 minutes of reading, 15 seconds of computing. **You need** nothing but this computer. Google's compiler is not needed: where
# it is missing, edgewb predicts what it would do, and says so.

# %% [markdown]
# ## One cut
#
# An Edge TPU does not run a .tflite file as it is. Google's compiler, `edgetpu_compiler`, takes the ops that the chip can do and puts
# them into one block; what is left stays on the processor.
#
# The model below has 13 ops and two branches that meet in an `ADD`. One op, an `ELU`, is of a kind that the chip does not have, and the
# converter put an op before and one behind it that convert to floating point and back.
#
# **Question.** The other ten ops are of kinds that the chip has. How many of them run there?

# %%
import edgewb
from edgewb.bundles import bundled_model
from edgewb.courses import check
from edgewb.views.placement_maps import draw_placement

elu = bundled_model("elu_branch").path
draw_placement(elu)

# %% [markdown]
# **Reading.** Data flow from top to bottom, along the lines. A circle runs on the Edge TPU, a square on the CPU. Only three ops map.
#
# The compiler makes **one** cut through the graph. Nothing comes back: once values have gone to the CPU, all that is computed from them
# stays there, whatever kind of op it is. That is what `downstream` means. Op 1 is on the other branch, does not depend on the `ELU`, and
# maps although it stands beside ops that do not.
#
# The **first blocker** is the op to look at first: the one whose mending brings others with it. All of this is *predicted*, by rules read
# off what the real compiler did to other models. `edgewb rules` prints them.

# %% [markdown]
# ## What if it were mended?
#
# The converter could not quantise the `ELU`. So it wrapped it: `DEQUANTIZE`, `ELU` in floating point, `QUANTIZE`. If the layer were a
# `RELU`, all three would be gone.
#
# **Question.** How many ops map if ops 3, 4 and 5 are no longer in the way?

# %%
draw_placement(elu, assume_fixed=[3, 4, 5])

# %% [markdown]
# **Reading.** All of them. A single layer kept ten ops off the chip, and most of these only waited. That is common: of 299 ops that the
# real compiler left on the CPU, in 354 models from public repositories, 135 only waited for another (*compiled*; see `RULES.md`).

# %% [markdown]
# ## The reasons
#
# `edgewb.inspect` gives the same as a table, with a reason and a detail per op.
#
# **Question.** How many of the ten ops on the CPU are there through a fault of their own?

# %%
edgewb.inspect(elu)

# %% [markdown]
# **Reading.** The *reason* is one word, the *detail* says what it means here:
#
# | reason | means |
# |---|---|
# | `unsupported_op` | the chip has no such op |
# | `float` | floating-point numbers flow through it |
# | `dtype` | it is quantised, but not to 8 bits: int16, int32 |
# | `not_constant` | weights, sizes or axes are computed while the model runs |
# | `shape` | the kind is supported, this size or option is not |
# | `op_version` | a newer version of the op than was ever seen to map |
# | `dynamic`, `rank` | a size that is not fixed; more than three dimensions larger than 1 |
# | `downstream` | nothing is wrong with it: it waits for another op |
#
# An op can have more than one; the table then shows one of them. The `ELU` is both `unsupported_op` and `float`.
#
# Look for the reasons that are *not* `downstream`. Here they belong to one layer. The row *first blocker* says what mending its op would
# bring: "3 -> 11", the `ELU` itself and those that wait. The two conversions are not counted, as they would be gone.

# %% [markdown]
# ## Exercise 1: find the first blocker
#
# Here is another model, without marks.
#
# **Question.** Which of its ops are to blame, and which only wait?

# %%
dynamic = bundled_model("dynamic_batch").path
draw_placement(dynamic, mark_blocker=False)

# %% [markdown]
# **Reading.** Follow the lines, not the order of the rows. Three of the squares stand on a side line: they compute a *size*, in int32,
# and would not map in any case.
#
# Which op has to be mended first, and how many more ops map then?

# %% tags=["exercise"]
# The number of the op, and how many more ops map once it is mended.
blocker = 10
gained = 3

# %%
check("06.1", blocker, gained)

# %% [markdown]
# ## Exercise 2: why is it on the CPU?
#
# Two of the ops that stay on the CPU: op 9 of `elu_branch` (a `CONV_2D`), and op 7 of `dynamic_batch` (a `SHAPE`). Give the reason of each,
# in one of the words of the table above. (Guess first; `edgewb.inspect(dynamic)` in a cell of your own shows all of them.)

# %% tags=["exercise"]
# Op 9 of elu_branch, and op 7 of dynamic_batch.
why_conv = "downstream"
why_shape = "unsupported_op"

# %%
check("06.2", why_conv, why_shape)

# %% [markdown]
# ## A mend in the file
#
# Some blockers can be mended without training, in the file itself. `edgewb fix` fixes the batch, moves the conversion of a float input
# out of the model, drops conversions that change nothing, and lowers op versions. It runs both files on 32 random inputs, and writes
# nothing unless all outputs are identical.
#
# **Question.** Can it help the `dynamic_batch` model? Can it help the one with the `ELU`?

# %%
mended = edgewb.fix(dynamic, out="../runs/course/dynamic_batch_fixed.tflite")
mended

# %% [markdown]
# **Reading.** Each mend is named, with the ops it touched. The line *verified* says on how many inputs the new file was run beside the old
# one, and the next one how many ops map before and after.
#
# **Question.** Where have ops 7, 8 and 9 gone?

# %%
draw_placement("../runs/course/dynamic_batch_fixed.tflite")

# %% [markdown]
# **Reading.** The batch is 1 now, the three ops that computed a size from it are gone, and all that is left maps (predicted). That both
# files answer alike was *measured*, on this computer, with the built-in kernels.
#
# **Question.** And the model with the `ELU`?

# %%
edgewb.fix(elu)

# %% [markdown]
# **Reading.** Nothing to mend: an `ELU` is an `ELU`. There the layer has to change, and the net has to be trained again. That is the
# expensive kind of mend, so try the cheap one first.

# %% [markdown]
# ## Does it fit on the chip?
#
# The chip has 8 MiB of memory, of which about 7.75 MiB (8.13 MB) hold parameters. What fits is sent once, with the first inference. What
# does not is sent **at every inference**. That is called *streaming*.
#
# **Question.** ResNet-50 has some 25 MB of parameters, Inception v4 some 44. What do you expect to happen to them?

# %%
from edgewb.views.memory_plots import plot_memory

plot_memory()

# %% [markdown]
# **Reading.** Blue stays on the chip, orange travels over USB each time. A layer is kept whole or streamed whole, so the blue parts of the
# lower four end at the line or a little below. No net is refused because its parameters do not fit: it only gets slower. The bars are
# *predicted* from the layers, as the device stores them.
#
# **Question.** A net streams 20 MB. How many milliseconds does it take, at least?

# %%
from edgewb.views.memory_plots import plot_streaming

plot_streaming()

# %% [markdown]
# **Reading.** Each diamond is a latency somebody *published*, for a desktop computer on USB 3. From 15 MB on, most of the time is the
# sending: the diamonds lie near the dashed line, whose rate was fitted to such figures. One lies below it, Inception-ResNet v2, which would
# need twice the speed others saw, so that one of its figures is in doubt. Two at the left lie far above: variants of EfficientDet-Lite3,
# which compute a lot and stream little.
#
# For your own model, `inspect` prints the same under *parameters*.
#
# Now that you know, what do you make of these sentences? They stand in texts on the web.

# %%
from edgewb.lessons.claims import show_claims

show_claims("size_of_memory", "streaming")

# %% [markdown]
# **Reading.** Left is what a text says, in our words, right what was measured, compiled or published, with its source. One text knows half
# of the memory, another none of it, and two sentences say that a model has to fit. What is true of it: what does not fit is slow. (The 361
# to 409 MB/s are of one computer; the dashed line above was fitted to figures of another, and is somewhat faster.)

# %% [markdown]
# ## Exercise 3: reading a log
#
# First a log. This one is from edgewb's stand-in for the compiler: it prints what the real one would, with edgewb's prediction for the
# figures. Its first and last line say that nothing was compiled.
#
# How many ops wait behind the cut, though the Edge TPU could run them? And which *kind* of op would you replace?

# %%
from edgewb.lessons.compiler_logs import stand_in_log

log = stand_in_log(elu)
print(log)

# %% tags=["exercise"]
# Count the ops, not the lines. The kind of op as the table writes it.
waiting = 7
guilty = "ELU"

# %%
check("06.3", waiting, guilty)

# %% [markdown]
# ## Bytes by hand
#
# The chip works on 16 or 64 output channels at a time, its *lanes*. So it pads. For a convolution:
#
# `bytes = lanes × (height × width × input channels padded to 4, plus header)`
#
# - *lanes* are the output channels, padded to a multiple of 16 up to 64, and to a multiple of 64 beyond;
# - the *header* is 12 bytes per lane where each channel has a scale of its own (4 of bias, 4 of zero point, 4 of multiplier).
#
# An example: 3 × 3, from 16 to 20 channels. 20 channels make 32 lanes; each has 3 × 3 × 16 + 12 = 156 bytes; 32 × 156 = 4,992 bytes. The
# file holds 2,880 weights. (`RULES.md` has the other kinds of op, and the exceptions. The *log* above reports more than is stored: there
# all lanes are padded to 64.)
#
# ## Exercise 4: do such layers fit?
#
# 1. How many bytes does a 3 × 3 convolution from 30 to 40 channels take on the chip?
# 2. How many 3 × 3 convolutions from 256 to 256 channels fit into 7.75 MiB (8,126,464 bytes)?

# %% tags=["exercise"]
# Bytes of the first layer, and how many of the second fit.
layer_bytes = 48 * (3 * 3 * 32 + 12)  # 40 channels make 48 lanes, 30 input channels are padded to 32
layers = 8_126_464 // (256 * (3 * 3 * 256 + 12))  # rounded down: a layer is kept whole or not at all

# %%
check("06.4", layer_bytes, layers)

# %% [markdown]
# ## "Model compiled successfully"
#
# **Question.** What does the compiler say about a model that is not quantised at all?

# %%
from edgewb.bundles import bundled_studies

float32 = bundled_studies()[0].records[0].file
print(stand_in_log(float32))

# %% [markdown]
# **Reading.** "Model compiled successfully", a file is written, and it ends in `_edgetpu.tflite`. Read on: *Number of Edge TPU subgraphs:
# 0*. The file runs, entirely on the CPU. So never believe the first line. `edgewb.explain` does not.
#
# **Question.** What would you answer somebody who posts this log and asks why it is so slow?

# %%
edgewb.explain(stand_in_log(float32))

# %% [markdown]
# **Reading.** First what became of the ops, then the cause, then what helps, with the notebooks and threads it was read off.
#
# ## Real lines
#
# `explain` takes whole logs, from any version of the compiler from 1.0 on, and also single lines, as they are pasted into forums. These are
# two real ones, from a log in issue 708 of google-coral/edgetpu.
#
# **Question.** Is that enough to say what is wrong?

# %%
lines = """Number of operations that will run on Edge TPU: 0
Number of operations that will run on CPU: 157"""
edgewb.explain(lines)

# %% [markdown]
# **Reading.** Two lines are enough to know that none of the 157 ops runs on the chip, and what usually is the reason. The next one is
# from issue 845 there.
#
# **Question.** What has to change: the layer, or the converter?

# %%
edgewb.explain("ERROR: Didn't find op for builtin opcode 'TRANSPOSE_CONV' version '4'.")

# %% [markdown]
# **Reading.** The compiler is of 2021, and today's converter writes ops in versions that it does not know. Then it refuses the whole file,
# not only the op. The fixes stand in order of likelihood, going by such threads.
#
# What `explain` does not know, it calls *unknown*. A log that a language model made up is not explained, either.

# %% [markdown]
# ## Predicted and compiled
#
# Two words that must not be mixed up. *Predicted*: edgewb's rules say so. *Compiled*: Google's compiler did it, and the figure was read
# from its log or from the file it wrote. `edgewb.compile_model` runs the compiler where there is one, and predicts elsewhere.
#
# **Question.** Is there a compiler on this computer? By which word can you tell?

# %%
edgewb.compile_model(dynamic, out="../runs/course/compiled")

# %% [markdown]
# **Reading.** Look at the word in brackets behind the outcome. Without a compiler it says *predicted*, and nothing was written. With one,
# both counts stand below each other, and ops that went elsewhere than predicted are listed. If that happens to you, the compiler is
# right. The compiler runs on x86-64 Linux only; a notebook service in the cloud will do.

# %%
show_claims("compiled_file")

# %% [markdown]
# **Reading.** What texts say about the file that comes out, and about what may go in. *Compiled* stands beside what was read from real
# files. For two sentences nobody gives a source: that is a verdict, too.

# %%
show_claims("fallback")

# %% [markdown]
# **Reading.** What texts say about ops on the CPU. Two of the mistakes you can disprove by yourself now: nothing goes to and fro
# between chip and CPU, and the log does not hide what stays behind.

# %% [markdown]
# ## Exercise 5: which mend?
#
# Four models, four cures. Choose for each: `"nothing"` (all of it maps), `"fix"` (`edgewb fix` mends the file), `"convert"` (convert it
# again, with full-integer quantisation), `"change a layer"` (and train again). `float32` is the float model of the digits. The answer is a
# dictionary: `{"digits_cnn_int8": "...", "dynamic_batch": "...", "float32": "...", "elu_branch": "..."}`.

# %% tags=["exercise"]
# The cheapest cure that helps, for each.
remedies = {
    "digits_cnn_int8": "nothing",
    "dynamic_batch": "fix",
    "float32": "convert",
    "elu_branch": "change a layer",
}

# %%
check("06.5", remedies)

# %% [markdown]
# ## Summary
#
# - The compiler makes one cut along the data flow. What depends on an op on the CPU stays on the CPU.
# - The first blocker is the op to mend first. `downstream` ops are innocent.
# - The chip keeps 7.75 MiB of parameters, whole layers at a time; the rest is streamed at every inference.
# - Lanes and channels are padded, so a layer takes more than its weights.
# - "Compiled successfully" says nothing. The number of ops on the Edge TPU does.
# - *Predicted* is not *compiled*.
#
# ## Read next
#
# - Notebook 07: how long does it take, and how would one know?
# - Notebook 12: the same with a model of your own.
# - `RULES.md` in this repository: every rule behind `inspect`, with what it was read off. `PROBLEMS.md`: every problem with its fixes.
# - [Supported operations](https://coral.ai/docs/edgetpu/models-intro/), Coral's own list, with the limits Google gave.
# - Issues [708](https://github.com/google-coral/edgetpu/issues/708) and [845](https://github.com/google-coral/edgetpu/issues/845) of
#   google-coral/edgetpu, the two threads quoted above.
