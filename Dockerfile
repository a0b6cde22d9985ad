# The pages are built with Node, the service runs with Python alone. The PyTorch build on PyPI for Linux
# carries CUDA: with the NVIDIA container toolkit and `--gpus all` it trains on the GPU, else on the CPU.

FROM node:20-bookworm-slim AS web
WORKDIR /web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm install --no-save
COPY web/ ./
RUN npm run build

FROM python:3.11-slim-bookworm AS packages
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir uv==0.13.9
COPY requirements.lock ./
RUN /venv/bin/uv pip install --python /venv/bin/python --no-cache --require-hashes -r requirements.lock

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 1000 sushi && mkdir /data && chown sushi /data
WORKDIR /app
COPY --from=packages /venv /venv
COPY trainers/ trainers/
COPY server/ server/
COPY docs/ docs/
COPY web/styles/tokens.css web/styles/
COPY --from=web /web/dist web/dist
USER sushi
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SUSHIBELT_HOST=0.0.0.0 \
    SUSHIBELT_PORT=8000 \
    SUSHIBELT_DATA_DIR=/data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["python", "-m", "server"]
