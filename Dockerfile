# The gateway as a container (docs/install.md): docker compose up -d, or podman build -t voicegw .
ARG BASE=debian:12-slim

FROM ${BASE} AS builder
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
WORKDIR /source
COPY packaging/requirements-*.lock packaging/
RUN python3 -m venv /uv && /uv/bin/pip install --no-cache-dir --require-hashes -r packaging/requirements-uv.lock
ENV PATH=/uv/bin:$PATH VIRTUAL_ENV=/opt/voicegw UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never \
    UV_BUILD_CONSTRAINT=packaging/requirements-build.lock
COPY requirements.lock .
RUN uv venv --python /usr/bin/python3 "$VIRTUAL_ENV" && uv pip install --no-deps --require-hashes -r requirements.lock
COPY . .
RUN uv pip install --no-deps .
# What a bot of yours needs beside: --build-arg WITH="pipecat-ai[openai]"
ARG WITH=
RUN test -z "$WITH" || uv pip install --constraint requirements.lock $WITH

FROM ${BASE}
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates libflite1 libspeexdsp1 python3 tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 786 --home-dir /var/lib/voicegw voicegw \
    && install -d -o voicegw -m 700 /var/lib/voicegw && install -d /etc/voicegw
COPY --from=builder /opt/voicegw /opt/voicegw
COPY packaging/container/healthy.py /opt/voicegw/
ENV PATH=/opt/voicegw/bin:$PATH PYTHONDONTWRITEBYTECODE=1 \
    VOICEGW_DATA_DIR=/var/lib/voicegw VOICEGW_CACHE_DIR=/var/lib/voicegw/cache
USER 786
# voicegw.toml and bots are looked for here
WORKDIR /etc/voicegw
VOLUME /var/lib/voicegw
EXPOSE 7860/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=10s --start-period=120s CMD ["python", "/opt/voicegw/healthy.py"]
# tini: what a killed worker leaves behind is reaped
ENTRYPOINT ["tini", "--", "voicegw"]
CMD ["serve"]
