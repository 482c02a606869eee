# Orderly's programs: the worker, which the image starts, and the CLI `orderly`.
#
# They are compiled in the image GO_IMAGE and run on BASE_IMAGE, a Debian. Where no image of Go can be had,
# BINARIES=prebuilt takes bin/worker and bin/orderly of the build context (`make build`) instead.
ARG GO_IMAGE=golang:1.26-bookworm
ARG BASE_IMAGE=debian:trixie-slim
ARG BINARIES=build

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY . .
# With .git in the context the programs know their version.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /bin/ ./starter ./worker && mv /bin/starter /bin/orderly

FROM scratch AS prebuilt
COPY bin/worker bin/orderly /bin/

FROM ${BINARIES} AS binaries

FROM ${BASE_IMAGE}
# pg_dump and pg_restore must not be older than the servers that are backed up: POSTGRES_CLIENT names another
# package, say postgresql-client-17. A base that has them is left alone.
ARG POSTGRES_CLIENT=postgresql-client
RUN ls /usr/lib/postgresql/*/bin/pg_dump >/dev/null 2>&1 || { \
        apt-get update -qq && \
        apt-get install -qq -y --no-install-recommends ca-certificates tzdata "${POSTGRES_CLIENT}" && \
        rm -rf /var/lib/apt/lists/*; }
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/orderly --create-home --shell /usr/sbin/nologin orderly
COPY --from=binaries /bin/worker /bin/orderly /usr/local/bin/
ENV TMPDIR=/var/lib/orderly
WORKDIR /var/lib/orderly
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# Whether it can serve runs, asked with what a bare Debian has.
HEALTHCHECK --interval=3s --timeout=3s --retries=5 --start-period=1m CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT []
CMD ["worker"]
