# The image of a Teleconsult node: Debian's Python, one virtual environment, nothing to build with. docs/container.md
# tells how to build and run it; `make image-test` does both, with no registry.
#
# Where packages come from is for each machine to say. Four build secrets, all optional, take the place of what the base
# image has: apt.sources, pip.conf, cargo.toml and ca.pem (the authorities to trust while fetching).

# A digest can be put here: --build-arg BASE=debian:bookworm-slim@sha256:…
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
# CARGO_BUILD_JOBS only says how many cores may compile; it changes nothing in what is made.
ARG CARGO_BUILD_JOBS
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /src

# The same script that `make` uses finds Debian's names for a Rust that is new enough.
COPY .ci/need .ci/tools.sh .ci/with-rust .ci/
RUN --mount=type=secret,id=apt.sources,target=/etc/apt/sources.list.d/debian.sources \
    .ci/need python certificates compiler rust

# The tools stay in this stage. What is installed for good are wheels, by hash: no package's own code runs here.
COPY requirements.lock requirements-build.lock ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m venv /tools && python3 -m venv --without-pip /opt/teleconsult && \
    /tools/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements-build.lock && \
    /tools/bin/pip --python /opt/teleconsult/bin/python install --quiet --require-hashes --only-binary :all: \
        --no-compile -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY sfu sfu
COPY auth auth
COPY signalling signalling
COPY loadtest loadtest
COPY media_server media_server
# The list of crates that goes into the wheel would otherwise hold the time, and a random number.
ARG SOURCE_DATE_EPOCH
# Names of functions stay in the native module, so that a panic's trace can be read; tables of lines go.
RUN --mount=type=secret,id=cargo.toml,target=/root/.cargo/config.toml \
    --mount=type=secret,id=ca.pem,target=/etc/ssl/certs/ca-certificates.crt \
    PATH="/tools/bin:$PATH" MATURIN_PEP517_ARGS=--locked CARGO_PROFILE_RELEASE_STRIP=debuginfo \
        .ci/with-rust /tools/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir /wheel . && \
    /tools/bin/pip --python /opt/teleconsult/bin/python install --quiet --no-index --no-deps --no-compile /wheel/*.whl

COPY deploy/healthcheck.py /opt/teleconsult/
# Packages' own tests and programs, and what only compilers and type checkers read, are of no use to a server. Bytecode is made now,
# for a root file system that cannot be written to, and without times in it, which would differ from build to build.
RUN find /opt/teleconsult/lib -type d -name tests -prune -exec rm -rf {} + && \
    find /opt/teleconsult/lib -type f \
        \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.a' -o -name direct_url.json \) -delete && \
    find /opt/teleconsult/bin -mindepth 1 ! -name 'python*' ! -name teleconsult -delete && \
    rm -rf /opt/teleconsult/include && \
    /opt/teleconsult/bin/python -m compileall -q -f --invalidation-mode unchecked-hash /opt/teleconsult/lib


FROM ${BASE}
# For the day on which the user's entry was last changed.
ARG SOURCE_DATE_EPOCH
# Debian's own bytecode holds the sources' times, and a reproducible build sets those back: made anew without.
# Nothing here needs set-uid programs. Logs, caches and backups would differ from build to build.
RUN --mount=type=secret,id=apt.sources,target=/etc/apt/sources.list.d/debian.sources \
    export DEBIAN_FRONTEND=noninteractive && \
    apt-get -qq update && \
    apt-get -qq install -y --no-install-recommends ca-certificates python3 >/dev/null && \
    python3 -m compileall -q -f --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python3.[0-9]* && \
    groupadd --gid 10001 teleconsult && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin teleconsult && \
    install -d -m 0700 -o 10001 -g 10001 /data /keys && \
    install -d /etc/teleconsult && \
    find / -xdev -type f -perm /6000 -exec chmod a-s {} + && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/log/* \
        /var/lib/dpkg/*-old /etc/*- /tmp/* /root/.cache
COPY --from=build /opt/teleconsult /opt/teleconsult

ENV PATH=/opt/teleconsult/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    TELECONSULT_DATA_DIR=/data
# A file of settings can be mounted here, as teleconsult.toml.
WORKDIR /etc/teleconsult
# By number: an orchestrator that insists on another user than root cannot look a name up.
USER 10001:10001
VOLUME /data
EXPOSE 8080/tcp 9090/tcp 10000/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["/usr/bin/python3", "-I", "-S", "/opt/teleconsult/healthcheck.py"]
ENTRYPOINT ["teleconsult"]
CMD ["serve"]

# Last, so that a new revision leaves all layers above in the cache.
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Teleconsult" \
    org.opencontainers.image.description="Video consultations between patients and doctors" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.licenses="Apache-2.0"
