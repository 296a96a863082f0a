#!/usr/bin/env bash
# Checks what is in this folder with the tools that read it. A tool that is not on this machine is named, and its check is skipped; what needs none is
# tested by `cargo nextest run -p tollgate-server deploy`.
set -euo pipefail
cd "$(dirname "$0")"

with() { # with TOOL: whether there is one
    command -v "$1" >/dev/null || { echo "skipped: $1 is not on this machine"; return 1; }
}

if with promtool; then
    promtool check rules prometheus/alerts.yaml
    (cd prometheus && promtool test rules alerts.test.yaml)
fi
# A real server under real traffic, scraped: every query of the dashboard finds something, and no alert is raised.
if with prometheus && with cargo && with cargo-nextest; then
    cargo nextest run --package tollgate-server -E 'test(deploy::prometheus) or test(deploy::metrics)'
fi
if with systemd-analyze; then
    unit=$(mktemp -d)
    trap 'rm -r "$unit"' EXIT
    # The program and the user need not be on this machine.
    sed 's#/usr/local/bin/tollgate#/bin/true#' systemd/tollgate.service >"$unit/tollgate.service"
    systemd-analyze verify "$unit/tollgate.service"
    systemd-analyze security --offline=true --threshold=15 "$unit/tollgate.service" | tail -1
fi
if with kubectl; then
    kubectl kustomize kubernetes/base >/dev/null
    with kubernetes-validate && kubernetes-validate --strict --quiet <(kubectl kustomize kubernetes/base)
fi
with yamllint && yamllint --strict .
with hadolint && hadolint docker/Dockerfile
with docker && docker compose version >/dev/null 2>&1 && docker compose --file docker/compose.yaml config --quiet
echo "deploy/ is as its tools want it."
