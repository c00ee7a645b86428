FROM golang:1.26-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
ARG GOPROXY
RUN go mod download
COPY cmd cmd
COPY internal internal
COPY tools/build.sh tools/
ARG VERSION=dev
RUN tools/build.sh /ai-gw-lite "${VERSION}"

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /ai-gw-lite /ai-gw-lite
COPY deploy/config.docker.yaml /etc/ai-gw-lite/config.yaml
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --retries=3 \
    CMD ["/ai-gw-lite", "healthcheck", "--config", "/etc/ai-gw-lite/config.yaml"]
ENTRYPOINT ["/ai-gw-lite"]
CMD ["--config", "/etc/ai-gw-lite/config.yaml"]
