# docker build -t pds . && docker run -p 7860:7860 --read-only --tmpfs /scratch:uid=1000 pds
# For a GPU: --build-arg TORCH_FROM= (nothing: the default wheels), and run with --gpus all.
FROM python:3.12-slim
ARG TORCH_FROM="--index-url https://download.pytorch.org/whl/cpu"

# The only writable folder: home, caches and temporary files of all libraries.
RUN useradd --uid 1000 --home-dir /scratch --create-home user
ENV HOME=/scratch TMPDIR=/scratch GRADIO_TEMP_DIR=/scratch/gradio HF_HOME=/scratch/huggingface \
    MPLCONFIGDIR=/scratch/matplotlib XDG_CACHE_HOME=/scratch/cache \
    TORCHINDUCTOR_CACHE_DIR=/scratch/inductor \
    GRADIO_ANALYTICS_ENABLED=False HF_HUB_DISABLE_TELEMETRY=1 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860

# Dependencies change less often than the code, and have their own layer.
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir $TORCH_FROM --constraint requirements.txt torch \
    && pip install --no-cache-dir -r requirements.txt
COPY . ./

USER 1000
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
CMD ["python", "app.py"]
