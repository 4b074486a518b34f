#!/usr/bin/env bash
# `make dist`: target/dist/orch-VERSION-x86_64-linux.tar.gz, for machines without Rust: both programs, completions,
# manual pages, licences. The same sources give the same archive.
#
# Where `pip install cargo-zigbuild` has brought it, `orch` is linked for glibc 2.28 (RHEL 8, Debian 10, Ubuntu 20.04)
# and later; else for the glibc of this machine, as `orch-worker` always is.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo-about >/dev/null || {
    echo "dist: error: cargo-about, which collects the licences of libraries, is not installed" >&2
    echo "dist: hint: cargo install --locked --features cli cargo-about" >&2
    exit 1
}
scripts/libtorch.sh
cargo build --release --locked --package worker --bin orch-worker
if command -v cargo-zigbuild >/dev/null; then
    cargo zigbuild --release --locked --package orchestrator --bin orch --target x86_64-unknown-linux-gnu.2.28
    orch=target/x86_64-unknown-linux-gnu/release/orch
else
    cargo build --release --locked --package orchestrator --bin orch
    orch=target/release/orch
fi

version=$($orch --version | cut -d' ' -f2)
name=orch-$version-x86_64-linux
out=target/dist/$name
rm -rf "$out"
mkdir -p "$out"/{bin,share/bash-completion/completions,share/zsh/site-functions,share/fish/vendor_completions.d}
mkdir -p "$out"/share/{man/man1,doc/orch}
install "$orch" target/release/orch-worker "$out/bin"
"$orch" completions bash >"$out/share/bash-completion/completions/orch"
"$orch" completions zsh >"$out/share/zsh/site-functions/_orch"
"$orch" completions fish >"$out/share/fish/vendor_completions.d/orch.fish"
"$orch" man "$out/share/man/man1"
install -m 644 LICENSE-APACHE LICENSE-MIT "$out/share/doc/orch"
cargo about generate --locked --workspace --config scripts/licences.toml scripts/licences.hbs \
    --output-file "$out/share/doc/orch/LIBRARIES.txt"
install -m 644 scripts/INSTALL.md "$out"

epoch=$(git log -1 --format=%ct)
tar --create --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw,a-s \
    --directory target/dist "$name" | gzip --no-name --best >"target/dist/$name.tar.gz"
cd target/dist
sha256sum "$name.tar.gz" | tee "$name.tar.gz.sha256"
