# The server as an image: its executable, the C library, and no shell.
# How to run it: docs/running.md, "Container", and deploy/kubernetes.

FROM denoland/deno:2.9.6@sha256:2014dc167ece617ef7e7ba40631ac2234c59e75ce693e7cc2dc2602b3c87859d AS build
WORKDIR /build
COPY . .
RUN ./compile.sh

# glibc, libgcc_s, certificates, time zones; its user has the number 65532.
FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f
LABEL org.opencontainers.image.title="pagi-server" \
      org.opencontainers.image.description="Serves folders and web apps over HTTP/1.1, HTTP/2, WebSocket and server-sent events" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /build/dist/pagi-server /usr/local/bin/pagi-server

# A container is reached from outside, never at a terminal of a developer, and
# must not let its heap grow beyond the memory that it has. DENO_LOG saves Deno
# work by HTTP/2 (docs/running.md, "HTTP/2").
ENV PAGI_HOST=0.0.0.0 \
    PAGI_ENV=production \
    DENO_USE_CGROUPS=1 \
    DENO_LOG=info,h2::proto::streams=info,h2::proto::connection=info,h2::codec::framed_=info,h2::hpack::decoder=info,tracing::span::active=off

# As a number, so that Kubernetes can tell that it is not root.
USER 65532:65532
# What is mounted here is served; arguments can name an app in it instead.
WORKDIR /srv
EXPOSE 5000
STOPSIGNAL SIGTERM
# The timeout is longer than a probe waits. The start may take as long as
# --lifespan-startup-timeout.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
  CMD ["/usr/local/bin/pagi-server", "--probe", "http://127.0.0.1:5000/"]
ENTRYPOINT ["/usr/local/bin/pagi-server"]
