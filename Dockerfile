# bearerd as a container: a sidecar that shares the app's network, or a service of its own. README.md and
# packaging/container.yaml say what can be set.
#
#   docker build -t bearerd .
#   docker run --network container:app -e BEARERD_URL=https://api.example.com/graphql \
#       -e BEARERD_USERNAME=till-042 -e BEARERD_PASSWORD bearerd
#
# Debian 12 by default; --build-arg RELEASE=trixie is Debian 13.
ARG RELEASE=bookworm
FROM debian:${RELEASE}-slim AS build
WORKDIR /src
COPY scripts/install-dependencies scripts/
RUN scripts/install-dependencies build
COPY CMakeLists.txt ./
COPY cmake cmake
COPY packaging packaging
COPY man man
COPY completion completion
COPY systemd systemd
COPY config config
COPY include include
COPY src src
RUN cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF && \
    cmake --build build --parallel "$(nproc)" --target bearerd && \
    strip -o bearerd build/src/bearerd && \
    install -D -m 0755 bearerd /out/usr/bin/bearerd && \
    install -D -m 0644 packaging/container.yaml /out/etc/bearerd/bearerd.yaml && \
    install -D -m 0644 packaging/copyright /out/usr/share/doc/bearerd/copyright

FROM debian:${RELEASE}-slim
# Nothing but what it links to, and the authorities that it trusts.
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates \
        libprometheus-cpp-core1.0 libssl3 libsystemd0 zlib1g && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/* && \
    install -d -m 0700 -o 65532 -g 65532 /var/lib/bearerd
COPY --from=build /out/ /

# Needed: BEARERD_URL, BEARERD_USERNAME, BEARERD_PASSWORD; or another file at /etc/bearerd/bearerd.yaml.
ENV BEARERD_LISTEN=127.0.0.1:8080 \
    BEARERD_ALLOW_REMOTE=false \
    BEARERD_ADMIN=127.0.0.1:9180 \
    BEARERD_CA_FILE= \
    BEARERD_TOKEN_DIRECTORY= \
    BEARERD_LOG_FORMAT=json
USER 65532:65532
STOPSIGNAL SIGTERM
# 78: with the admin listener off there is nobody to ask, and "healthy" says only that bearerd runs.
HEALTHCHECK --interval=30s --timeout=6s --start-period=30s CMD bearerd wait --timeout 4s || [ $? = 78 ]
ENTRYPOINT ["/usr/bin/bearerd"]
CMD ["run"]
