# A stand-in as an image, for several of them behind a load balancer: docs/scaling.md.
#
#     docker build --tag outbound-recorder .
#     docker run --read-only --tmpfs /tmp --volume "$PWD:/cassettes:ro" --publish 8090:8090 outbound-recorder
#
# tests/deploy/test_image.py runs these instructions in a root of its own.

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /src
COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && python -m venv /opt/recorder
# `store` reads cassettes by their URLs, `archive` those that were compressed with zstd
ARG EXTRAS=archive,store
RUN /opt/recorder/bin/python -m pip install --no-cache-dir --constraint constraints.txt --find-links /wheels \
    "outbound-recorder[${EXTRAS}]"

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="outbound-recorder" \
      org.opencontainers.image.description="Stand-in for a recorded server: REST operations, and the events that they cause" \
      org.opencontainers.image.source="https://github.com/outbound-recorder/outbound-recorder" \
      org.opencontainers.image.documentation="https://github.com/outbound-recorder/outbound-recorder/tree/main/docs" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/recorder /opt/recorder
# HOME: the user has none, and the root may be read-only
ENV PATH=/opt/recorder/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /cassettes
EXPOSE 8090
STOPSIGNAL SIGTERM
# the image has no curl
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8090/__recorder/health', timeout=4)"]
ENTRYPOINT ["recorder"]
CMD ["replay", "session.cassette", "--listen", "0.0.0.0:8090"]
