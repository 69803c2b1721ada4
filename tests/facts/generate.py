"""Write down what Google's compiler did to real models, as facts: structure and answer, no weights, no names, no copied files.

``python tests/facts/generate.py FOLDER`` reads a folder of real pairs (``oracle.json`` and ``models/``) and writes ``pairs.jsonl``, one
line per pair. ``rebuild`` in ``skeletons.py`` makes a model of the same structure from a line.

A line: ``source`` (repository and structure key), ``compiler`` (generation), ``parameter_bytes`` (cached and streamed, in the compiled
file), ``tensors`` and ``ops``. A tensor is [shape, dtype, scheme, content]: scheme 0 no scale, 1 one scale, 2 a scale per channel, all the
same, 3 scales that differ (with the axis added: [3, 0]); content null (computed), "zero", "other", or the integers of a short constant. A
shape that may change is [shape, signature]. An op is [name, version, inputs, outputs, options, mapped].
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgewb.tflite.graphs import Graph, Tensor
from edgewb.tflite.reader import read_graph

SHORT = 64
HERE = Path(__file__).parent


def tensor_facts(graph: Graph, tensor: Tensor) -> list[Any]:
    scheme: Any = 0
    if tensor.quantization is not None:
        scales = tensor.quantization.scales
        scheme = 1 if len(scales) == 1 else [2 if bool((scales == scales[0]).all()) else 3, tensor.quantization.axis]
    content: Any = None
    if tensor.is_constant:
        values = graph.constant(tensor.index)
        short = tensor.dtype in ("int32", "int64") and tensor.quantization is None and tensor.elements <= SHORT
        content = values.reshape(-1).tolist() if short else "zero" if not np.any(values) else "other"
    shape: Any = list(tensor.shape)
    if tensor.shape_signature != tensor.shape:
        shape = [shape, list(tensor.shape_signature)]
    return [shape, tensor.dtype, scheme, content]


def options_facts(options: Any) -> list[Any] | None:
    """The table's name and the fields that differ from their default."""
    if options is None:
        return None
    usual = vars(type(options)())
    fields = {name: value for name, value in vars(options).items() if isinstance(value, int | float | bool) and value != usual[name]}
    return [type(options).__name__.removesuffix("T"), fields]


def pair_facts(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    raw = (folder / "models" / record["id"] / "source.tflite").read_bytes()
    graph = read_graph(raw)
    packed = schema.ModelT.InitFromPackedBuf(raw, 0).subgraphs[0].operators
    ops = [
        [op.name, op.version, list(op.inputs), list(op.outputs), options_facts(full.builtinOptions), truth["mapped"]]
        for op, full, truth in zip(graph.ops, packed, record["ops"], strict=True)
    ]
    return {
        "source": f"{record['source_repo']} {record['structure_key']}",
        "compiler": record["compiler_gen_inferred"],
        "parameter_bytes": [record["cached_parameter_bytes"], record["streamed_parameter_bytes"]],
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "tensors": [tensor_facts(graph, tensor) for tensor in graph.tensors],
        "ops": ops,
    }


def generate(folder: Path) -> str:
    records = json.loads((folder / "oracle.json").read_text(encoding="utf-8"))
    lines = [json.dumps(pair_facts(folder, record), separators=(",", ":")) for record in records]
    return "".join(line + "\n" for line in sorted(lines))


if __name__ == "__main__":
    (HERE / "pairs.jsonl").write_text(generate(Path(sys.argv[1])), encoding="utf-8")
