"""Checks that need a GPU: `bash tools/gpu/run.sh`, see docs/gpu.md."""
