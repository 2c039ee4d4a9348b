# The first stage builds; the second has neither compiler nor pip's cache, and runs as nobody in particular.
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/callout \
    && /opt/callout/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY api api
COPY service service
COPY rules rules
COPY notifiers notifiers
RUN /opt/callout/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
    && /opt/callout/bin/pip uninstall --yes --quiet pip setuptools

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/callout --create-home callout
COPY --from=build /opt/callout /opt/callout
ENV PATH=/opt/callout/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 CALLOUT_MODE=live
USER callout
WORKDIR /var/lib/callout
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["callout", "serve", "--host", "0.0.0.0", "--port", "8000"]
