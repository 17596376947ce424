#!/usr/bin/env bash
# Gives this machine a Docker engine and the image that the tests start from, as far as it has none: for Debian, as root.
# Nothing is pulled: the image is made of Debian's packages (about a minute).
set -euo pipefail
image="${MLCTL_DOCKER_IMAGE:-mlctl-test-base:1}"

installed=""
for package in dockerd:docker.io docker:docker.io iptables:iptables debootstrap:debootstrap; do
  command -v "${package%%:*}" >/dev/null || installed="$installed ${package##*:}"
done
if [ -n "$installed" ]; then
  apt-get update -qq
  # shellcheck disable=SC2086 -- a list
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $installed tini >/dev/null
fi

if ! docker info >/dev/null 2>&1; then
  nohup dockerd >"${TMPDIR:-/tmp}/dockerd.log" 2>&1 </dev/null &
  for _ in $(seq 100); do docker info >/dev/null 2>&1 && break; sleep 0.2; done
  docker info >/dev/null || { tail -20 "${TMPDIR:-/tmp}/dockerd.log" >&2; exit 1; }
fi

if ! docker image inspect "$image" >/dev/null 2>&1; then
  root="$(mktemp -d)"
  trap 'rm -rf "$root"' EXIT
  debootstrap --variant=minbase --include=python3,ca-certificates bookworm "$root" >/dev/null
  ln -sf python3 "$root/usr/bin/python"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  tar -C "$root" -c . | docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$image" >/dev/null
fi
