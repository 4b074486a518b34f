#!/usr/bin/env bash
# Installs the libtorch that the worker links, in `.libtorch/` under the project root, or in the folder that is
# given: headers and the CPU libraries of PyPI's PyTorch wheel, and the two small CUDA libraries that even its CPU
# part is linked against. Does nothing if that is done. A LIBTORCH set by the user is
# checked and left unchanged, unless a folder is given.
set -euo pipefail

readonly VERSION=2.11.0      # what tch 0.24 is written for
readonly LAYOUT=1            # raise it when the layout below changes
readonly NEEDED_MIB=3072     # wheels and libraries while both are on disk, with room to build
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly HOME_DIR=${1:-$ROOT/.libtorch}
readonly PARTIAL=$HOME_DIR.partial
PARENT=$(dirname -- "$HOME_DIR")
readonly ROOT PARENT
readonly STAMP="torch $VERSION layout $LAYOUT"

say() { printf 'libtorch: %s\n' "$*" >&2; }

die() {
    say "error: $1"
    shift
    for hint in "$@"; do say "hint: $hint"; done
    exit 1
}

# The version in the headers below $1, or nothing.
header_version() {
    local header
    for header in "$1/include/torch/headeronly/version.h" \
        "$1/include/torch/csrc/api/include/torch/version.h"; do
        [ -f "$header" ] || continue
        awk '$2 ~ /^TORCH_VERSION_(MAJOR|MINOR|PATCH)$/ { v = v sep $3; sep = "." }
            END { if (v != "") print v }' "$header"
    done | head -n 1
}

check_own_libtorch() {
    local version
    [ -f "$LIBTORCH/lib/libtorch_cpu.so" ] || [ -f "$LIBTORCH/lib/libtorch_cpu.dylib" ] ||
        die "LIBTORCH is set to \`$LIBTORCH\`, which has no \`lib/libtorch_cpu\`" \
            "point it at the folder with \`include\` and \`lib\`, or unset it to have one made"
    version=$(header_version "$LIBTORCH")
    [ "$version" = "$VERSION" ] ||
        die "LIBTORCH is set to \`$LIBTORCH\`, whose version is ${version:-unknown}; $VERSION is needed" \
            "install that version there, or unset LIBTORCH to have it fetched"
    say "using your own LIBTORCH, \`$LIBTORCH\` (version $version)"
}

check_machine() {
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
        die "there is no recipe for $(uname -s) on $(uname -m), only for Linux on x86_64" \
            "get libtorch $VERSION for your system and set LIBTORCH to its folder"
    ! ldd --version 2>&1 | grep -qi musl ||
        die "this system uses musl, and PyTorch's wheels need glibc 2.28 or newer" \
            "build in a Debian or Ubuntu container, or set LIBTORCH to a libtorch of your own"
    command -v python3 >/dev/null ||
        die "python3 is not installed; it fetches and unpacks libtorch (nothing needs it later)" \
            "on Debian: apt-get install python3 python3-pip"
    python3 -m pip --version >/dev/null 2>&1 ||
        die "python3 has no pip, which fetches libtorch" "on Debian: apt-get install python3-pip"
    local free
    free=$(df -Pm "$PARENT" | awk 'NR == 2 { print $4 }') || free=$NEEDED_MIB
    [ "$free" -ge "$NEEDED_MIB" ] ||
        die "only $free MiB are free under \`$PARENT\`; $NEEDED_MIB MiB are needed" \
            "make room, or set LIBTORCH to a libtorch elsewhere"
}

# Requests one Python version and platform, whatever python3 is installed: only the libraries inside
# matter, and so the same files are downloaded every time, which the hashes check.
fetch_wheels() {
    cat >"$PARTIAL/requirements.txt" <<'REQUIREMENTS'
torch==2.11.0 --hash=sha256:7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a
nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
nvidia-cuda-cupti==13.0.85 --hash=sha256:4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8
REQUIREMENTS
    mkdir "$PARTIAL/tmp" "$PARTIAL/wheels"
    say "fetching PyTorch $VERSION from PyPI (about 530 MB) …"
    TMPDIR=$PARTIAL/tmp python3 -m pip download --quiet --disable-pip-version-check \
        --no-deps --only-binary=:all: --require-hashes \
        --implementation cp --python-version 3.11 --abi cp311 --abi none \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
        --platform manylinux2014_x86_64 \
        --dest "$PARTIAL/wheels" --requirement "$PARTIAL/requirements.txt" ||
        die "pip could not fetch PyTorch $VERSION (its message stands above)" \
            "check the network and pip's index settings, or set LIBTORCH to a libtorch you have"
}

lay_out() {
    say "unpacking …"
    python3 - "$PARTIAL" <<'PYTHON'
import pathlib, shutil, sys, zipfile

partial = pathlib.Path(sys.argv[1])
libraries = {
    "libc10.so", "libtorch_cpu.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13",
}
found = set()
for wheel in (partial / "wheels").iterdir():
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = pathlib.PurePosixPath(member.filename)
            if path.name in libraries and path.parent.name == "lib":
                target = partial / "lib" / path.name
                found.add(path.name)
            elif path.parts[:2] == ("torch", "include") and not member.is_dir():
                target = partial.joinpath(*path.parts[1:])
            else:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, open(target, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    wheel.unlink()
if found != libraries:
    sys.exit(f"libtorch: error: the wheels lack {sorted(libraries - found)}")
PYTHON
    # tch links `libtorch`; the wheel's own would require the CUDA libraries.
    ln -s libtorch_cpu.so "$PARTIAL/lib/libtorch.so"
    rm -rf "$PARTIAL/tmp" "$PARTIAL/wheels" "$PARTIAL/requirements.txt"
    printf '%s\n' "$VERSION" >"$PARTIAL/build-version"
    printf '%s\n' "$STAMP" >"$PARTIAL/stamp"
}

main() {
    if [ $# = 0 ] && [ -n "${LIBTORCH:-}" ]; then
        check_own_libtorch
        return
    fi
    if [ "$(cat "$HOME_DIR/stamp" 2>/dev/null)" = "$STAMP" ]; then
        return
    fi
    check_machine
    rm -rf "$PARTIAL"
    mkdir "$PARTIAL"
    trap 'rm -rf "$PARTIAL"' EXIT
    fetch_wheels
    lay_out
    rm -rf "$HOME_DIR"
    mv "$PARTIAL" "$HOME_DIR"
    say "libtorch $VERSION is in \`${1:-.libtorch}\`"
}

main "$@"
