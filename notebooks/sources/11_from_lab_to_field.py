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
# # 11 · From lab to field
#
# **Goal.** Afterwards you know what your model gets right when the data are not those of the laboratory, what memory it takes
# while it runs, what an update means, and you hold a checklist of eight points for your own model, as a file you can hand over.
#
# **Time.** 30 minutes of reading, half a minute of computing. **You need** nothing but this computer; no training takes place.

# %%
import edgewb
from edgewb.bundles import bundled_model, bundled_studies
from edgewb.courses import check
from edgewb.lessons.claims import show_claims

study = bundled_studies()[0]
model = bundled_model("digits_cnn_int8")
study.about

# %% [markdown]
# **Reading.** We use a study that comes with the course: nine versions of a small network that reads digits. What is measured below
# is measured on your computer with its files; what it took to make them was recorded elsewhere.

# %% [markdown]
# ## Other light, other cameras
#
# A network is trained, calibrated and tested on images of one kind. The field has another camera, fog on the lens, a mount that is
# not level. We cannot bring your field here, but we can change the test images by arithmetic: noise, blur, little contrast, rotation,
# each in five severities.
#
# **Question.** On the test images as they are, float32 and int8 both answer 99 % rightly. Under noise: which one falls further?

# %%
from edgewb.views.field_plots import plot_shifts

files = {record.recipe: record.file for record in study.records if record.recipe in ("float32", "ptq_int8")}
rows = edgewb.compare_under_shifts(files, shifts="noise3,blur3,contrast3,rotation3")
plot_shifts(rows)

# %% [markdown]
# **Reading.** Neither. Both fall together, from 99 % to something between 41 and 81 %, and the two intervals of each pair overlap
# widely. What is lost is lost to the change of the data, not to the integers. A test on the laboratory's own images shows nothing
# of it.
#
# The same as a table. Its last column is the paired difference to float32: the same images, one by one.
#
# **Question.** Under which shifts can the two be told apart?

# %%
from edgewb.robustness import shifts_text

print(shifts_text(rows))

# %% [markdown]
# **Reading.** An interval that holds zero says that these 500 images cannot tell the two apart. One that lies clearly above or
# below zero says that they can. Blur is on the border: its interval begins at zero, because int8 got four images right that
# float32 did not, and lost none. Four in a row may be luck.

# %% [markdown]
# ## Exercise 1: the hardest shift
#
# Which of the four shifts costs the int8 network most? Give its name, such as `"noise3"`.

# %% tags=["exercise"]
# The name as in the figure.
hardest = "rotation3"

# %%
check("11.1", hardest)

# %% [markdown]
# ## Exercise 2: who is to blame?
#
# Under that shift, is int8 `"worse"` than float32, `"better"`, or is it so that it `"cannot be told"`?

# %% tags=["exercise"]
# Look at the paired difference and its interval.
int8_is = "cannot be told"

# %%
check("11.2", int8_is)

# %% [markdown]
# **Question.** What do texts advise for data that shift?

# %%
show_claims("shifted_data", "calibration")

# %% [markdown]
# **Reading.** The text is right that the data of the field decide, and it says to measure on them. In practice: label some
# hundred images from the field, and use some of them as test, others for calibration and, where they differ much, for training.
#
# One more look. **Question.** A version of the network with 80 % of its weights set to zero loses 1.4 points on the test images.
# Is it the worse choice for the field?

# %%
pruned = {r.recipe: r.file for r in study.records if r.recipe in ("float32", "prune80_ptq_int8")}
plot_shifts(edgewb.compare_under_shifts(pruned, shifts="noise3,blur3,contrast3,rotation3"))

# %% [markdown]
# **Reading.** On three of the four shifts it does better than float32, with intervals far apart; on contrast it may be worse. In
# this study that goes with pruning (the version with 50 % zeros lies in between), and not just with the longer training that
# pruning takes: `qat_int8` was trained for longer, too, and on three of the four it does worse than float32. This is one network,
# one seed, one set of data: no rule about pruning. It does say that the order of two versions on the laboratory's images need not
# be their order in the field.

# %% [markdown]
# ## Memory
#
# **Question.** The file of the int8 network has 64 kB. By how much does a process grow that runs it?

# %%
from edgewb.memories import memory_text

measured = edgewb.measure(model.path, runs=20)
print(memory_text(measured.memory) or "this system does not tell the peak of a process")

# %% [markdown]
# **Reading.** The large number is this notebook with all its libraries; the second is what the model added. Megabytes, not
# kilobytes: the runtime's own code and tables come first, then weights and activations. (Here the runtime was loaded before, by
# the cells above; in a process of its own it took 11 MB, when this was written.) For a small network the runtime is most of
# it; for a large one activations and weights are. So there is no factor from file to memory that holds for all; measure your own,
# in the process that will run in the field.

# %% [markdown]
# A text says that a model of 50 MB can need more than 200. **Question.** Does it? Here are two networks of that size with random
# weights: one that is all weights, and one that works on a picture of 1,024 × 1,024 pixels besides. Each runs once, in a fresh process.

# %%
from edgewb.lessons.memory_needs import show_memory_needs

show_memory_needs()

# %% [markdown]
# **Reading.** The last column is what the model added. Both files are equally large. The first network takes its weights about twice: as
# the file has them, and once more in the order the kernels want. The second takes several times as much, for what is computed between
# its layers. So it can, and it need not.

# %%
show_claims("runtime_memory", "size_of_file")

# %% [markdown]
# **Reading.** The first claim speaks of a file of 50 MB, the second of any file. For neither is there one factor.
#
# ## The first inference, and updates
#
# The Edge TPU keeps weights on the chip. After a start, or after another model ran, the first inference has to send them again.
#
# **Question.** How much longer is that one? Look for it in the estimate for our small network.

# %%
edgewb.estimate(model.path, host="pi4")

# %% [markdown]
# **Reading.** This is estimated, for a Raspberry Pi 4 with a stick. For this network the first inference takes about a millisecond
# longer. For MobileNetV2 it is about ten, and on USB 2 more than a hundred. If two models take turns on one chip, each pays this
# at every turn, unless they are compiled together and both fit (`edgewb inspect FILE --with OTHER` says whether they do).
#
# **Question.** Texts give figures for it, too. Do they hold?

# %%
show_claims("first_inference", "updates")

# %% [markdown]
# **Reading.** The first inference is longer; by how much is a matter of megabytes and bus. As to updates, five questions need an
# answer before the first device leaves the house:
#
# 1. Who sends the new file to 500 devices, and over which link?
# 2. Who sees that it arrived, and that it is whole? (A sha256 does; each record of edgewb has one.)
# 3. Which version gave a certain answer? Write it beside each answer.
# 4. How does a device go back, when the new one is worse?
# 5. Who compiles it again? The compiled file is another file than the model, and both have to change together.

# %% [markdown]
# ## The checklist, filled in
#
# One of the texts behind this course has a checklist of eight points for quantised models in the field. Here it is for our model.
# A point is *answered* by a figure, with where it comes from and on how many examples; what has none stays *open*, with what to do.
#
# **Question.** Which points can be answered without an Edge TPU?

# %%
from edgewb.lessons.checklists import fill_checklist

checklist = fill_checklist(model.path, study, shifts=rows)
checklist

# %% [markdown]
# **Reading.** Look at points 6 and 7: there are estimates beside them, and they are open all the same. An estimate says what to
# expect; it does not say what is. The three points beyond the list are ours in form, not in substance: the same text counts data,
# memory and updates among the common failures, only its list does not ask for them.
#
# Hand it over as a file:

# %%
checklist.write("../runs/course/checklist.html")

# %% [markdown]
# ## Exercise 3: what is open, and why?
#
# Which of the eight points are open for this study? And what do they have in common: `"nothing ran on an Edge TPU"`,
# `"the accuracy is too low"` or `"there are too few calibration inputs"`?

# %% tags=["exercise"]
# Their numbers, and the reason.
open_points = [6, 7, 8]
reason = "nothing ran on an Edge TPU"

# %%
check("11.3", open_points, reason)

# %% [markdown]
# ## The checklist of your own model
#
# Now yours. Set `MODEL` in the next cell, and what you have of the rest. What you leave as it is keeps the example.
#
# - `STUDY` answers points 1, 3, 4 and 5: what `edgewb.run` returns for your data. It takes what was computed before from its records.
# - `MEASURED` answers 6, 7 and 8, and the memory: files that `edgewb measure` wrote on the computer of the field, for this very file.
# - `FIELD` is the target that the field has. What was measured on another one is left aside, and the list says so.
#
# `MODEL` may be the compiled file. That is another file than the one in the study, so edgewb compares their parameters, as
# `edgewb inspect --against` does, and takes the record of the model it holds.

# %%
MODEL = bundled_model("digits_cnn_int8").path  # yours: MODEL = "/home/me/mine_edgetpu.tflite"
STUDY = bundled_studies()[0]  # yours: STUDY = edgewb.run(dataset="/home/me/photos", model="/home/me/mine.keras"), or None
MEASURED = []  # yours: MEASURED = ["/home/me/stick.json"]
FIELD = "edgetpu"  # "cpu", where no Edge TPU is to run it

# %% [markdown]
# **Question.** Which point of your list would your customer, or your boss, ask about first? Is there a figure?

# %%
mine = fill_checklist(MODEL, STUDY, measured=MEASURED, field=FIELD)
mine.write("../runs/course/my_checklist.html")
mine

# %% [markdown]
# **Reading.** For each open point it says what to do. Then set above what you got, or give `fill_checklist` one more argument, and run the
# cells again:
#
# | open | what closes it |
# |---|---|
# | 1 | `budget_points=1.0`: how many points of accuracy may be lost; or `STUDY`, which has a budget |
# | 2 | notebook 06; or `accept=[2]`: your word that the rest may run on the CPU |
# | 3, 4, 5 | `STUDY = edgewb.run(...)`, on enough data |
# | 6, memory | `edgewb measure my_model_edgetpu.tflite --target edgetpu --json > stick.json` |
# | 7 | the same with `--meter COMMAND --protocol sustained` |
# | 8 | twice with `--meter COMMAND --protocol extremes --ambient C`; or `accept=[8]`: your word that the field is a heated room |
#
# Your word goes into the list as your word. Nothing else is closed without a figure, its basis and n. In a terminal the same is
# `edgewb checklist my_model_edgetpu.tflite --measured stick.json --out checklist.html`; it finds what `edgewb run` recorded.

# %% [markdown]
# ## Exercise 4: your next step
#
# Which of the eight points is the first that is open in *your* list: its number, or `None`? And what closes it: `"budget_points"`,
# `"accept"`, `"study"`, `"measured"`, or `"nothing"` where none is open? The check looks at *your* list; change the cell above, and
# something else is right.

# %% tags=["exercise"]
# A number from 1 to 8 or None, and one of the five words.
first_open = 6  # of the example
closed_by = "measured"

# %%
check("11.4", mine, first_open, closed_by)

# %% [markdown]
# ## Summary
# - A shift of the data can cost fifty points where int8 costs none you can see.
# - The best version in the laboratory need not be the best in the field: test on labelled data from there.
# - Memory while running is measured, not computed from the size of the file.
# - After a start or a change of model the first inference is long, because the weights are sent.
# - A checklist is filled in with figures. What has none is open.
#
# ## Read next
# - [12 · Your own model](12_your_own_model.ipynb): the same for a model of your own.
# - D. Hendrycks and T. Dietterich, *Benchmarking Neural Network Robustness to Common Corruptions and Perturbations*,
#   arXiv 1903.12261: where the idea and the severities of noise come from.
# - `PROBLEMS.md`: what goes wrong between a model and an answer from the Edge TPU.
