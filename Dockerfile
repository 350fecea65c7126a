# A small image of the server: built from this tree, run as an ordinary user.
#   docker build -t sluice .
#   docker run -p 6379:6379 -v sluice:/data sluice --requirepass secret
# Arguments are the server's. Protected mode is off, since a container's clients are never local: set a
# password, or TLS (mount certificates and give --tls-port 6379 --port 0 --tls-cert-file ...). The health
# check asks with -e REDISCLI_AUTH=secret, and as HEALTH_FLAGS says: "--tls --cacert /certs/ca.crt ...".
# tests/packaging/image builds and tries it where there is no Docker.
FROM debian:bookworm-slim AS build
WORKDIR /source
COPY . .
RUN deps/install.sh build && make -j"$(nproc)" && DESTDIR=/out PREFIX=/usr utils/install && strip /out/usr/bin/*

FROM debian:bookworm-slim
RUN apt-get update && \
    apt-get install --yes --no-install-recommends libssl3 liburing2 libjemalloc2 libedit2 liblzf1 \
        libevent-core-2.1-7 libevent-extra-2.1-7 libevent-openssl-2.1-7 && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --home-dir /data --shell /usr/sbin/nologin redis && \
    install -d -o redis -g redis /data
COPY --from=build /out/usr /usr
USER redis
WORKDIR /data
VOLUME /data
EXPOSE 6379
ENV HEALTH_FLAGS=""
HEALTHCHECK --interval=10s --timeout=3s CMD exec redis-cli $HEALTH_FLAGS --health
ENTRYPOINT ["redis-server", "--bind", "* -::*", "--protected-mode", "no"]
