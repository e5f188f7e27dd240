# filmgate for NVIDIA GPUs: docker build --secret id=pip,src=pip.conf -t filmgate:0.1.0-cuda .
#
# Where packages come from is up to that pip configuration; without the secret, up to pip. torch
# brings its own CUDA libraries, PyAV its own FFmpeg: of the node only the driver is asked for.
FROM python:3.11.9-slim-bookworm AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
RUN mkdir /wheels \
    && python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; x = p['optional-dependencies']; print(*p['dependencies'], *x['gpu'], *x['postgres'], sep='\n')" > /wheels/requirements.txt
COPY autoscaling autoscaling
COPY pipelines pipelines
COPY serve serve
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11.9-slim-bookworm
# bash and wget: KubeRay's probes and start commands call them.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bash wget \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 filmgate \
    && install --directory --owner filmgate --group filmgate /var/lib/filmgate /weights
# What changes seldom and is large, then what changes with every version and is small.
COPY --from=wheel /wheels/requirements.txt /tmp/requirements.txt
COPY constraints.txt /tmp/constraints.txt
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip install --no-cache-dir --requirement /tmp/requirements.txt --constraint /tmp/constraints.txt
# Installed, not only copied: Serve's controller imports the autoscaling policy by its name.
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --no-deps /wheels/filmgate-*.whl
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PYTHONUNBUFFERED=1
USER 1000:1000
WORKDIR /home/filmgate
CMD ["filmgate", "serve"]
