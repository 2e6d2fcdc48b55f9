"""What only a GPU can prove: `bash tools/gpu/run.sh`, see docs/gpu.md."""
