# Toxiproxy for the self-contained Compose file, whose user has no Go; the release is the one of tools/go.mod.
FROM golang:1.25 AS build
COPY tools/go.mod tools/go.sum /src/
WORKDIR /src
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /toxiproxy github.com/Shopify/toxiproxy/v2/cmd/server

FROM scratch
COPY --from=build /toxiproxy /toxiproxy
USER 65534:65534
ENTRYPOINT ["/toxiproxy"]
