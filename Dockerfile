# The image of Parley: granian on port 8000 as an ordinary user, data in /data.
#
#   docker build -t parley .
#   docker run -p 8000:8000 -v parley-data:/data -e SECRET_KEY=… -e ALLOWED_HOSTS=parley.example.org parley
#
# Any Debian with python3 (3.11 or newer), its venv and pip will do as a base.
ARG BASE_IMAGE=docker.io/library/python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
WORKDIR /srv/parley
RUN python3 -m venv /opt/parley
ENV PATH=/opt/parley/bin:$PATH
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt
COPY . .
RUN DEBUG=false python manage.py collectstatic --no-input && python -m compileall -q .

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="Parley" \
    org.opencontainers.image.description="The system of record for LLM-agent conversations." \
    org.opencontainers.image.licenses="MIT"
# `var` is where a database and a secret key lie unless a setting says otherwise.
RUN groupadd --gid 10001 parley \
    && useradd --uid 10001 --gid parley --home-dir /data --no-create-home --shell /usr/sbin/nologin parley \
    && install --directory --owner parley --group parley --mode 0750 /data
COPY --from=build /opt/parley /opt/parley
COPY --from=build /srv/parley /srv/parley
RUN ln -s /data /srv/parley/var
WORKDIR /srv/parley
ENV PATH=/opt/parley/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DEBUG=false \
    SERVER_HOST=0.0.0.0 \
    MIGRATE_ON_START=true
USER parley
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "config.healthcheck"]
# `docker run parley create_organization acme`: every command of manage.py is a command of the image.
ENTRYPOINT ["python", "manage.py"]
CMD ["serve"]
