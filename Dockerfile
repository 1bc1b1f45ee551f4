# Everything for the processor: imports, rebuilds and serves. `--build-arg EXTRA=serve` makes a smaller image, which only
# searches a home that was rebuilt elsewhere, without TensorFlow and torch. docs/deploy.md shows how to use it.
FROM python:3.12-slim-bookworm

ARG EXTRA=cpu
# The processor's build of torch; the usual one brings gigabytes of CUDA.
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1 \
    LOOKALIKE_HOME=/home/lookalike/shop

RUN useradd --create-home --uid 10001 lookalike \
    && install -d -o lookalike -g lookalike "$LOOKALIKE_HOME" /home/lookalike/.keras \
       /home/lookalike/releases
COPY . /opt/lookalike
RUN pip install "/opt/lookalike[$EXTRA]" && rm -rf /opt/lookalike

USER 10001:10001
WORKDIR /home/lookalike
VOLUME /home/lookalike/shop
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/livez', timeout=4)"]
ENTRYPOINT ["lookalike"]
CMD ["serve", "--host", "0.0.0.0"]
