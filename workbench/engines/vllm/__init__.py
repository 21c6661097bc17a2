"""The vLLM engine: a model in this process, on its GPUs or CPU."""
