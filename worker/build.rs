//! Compiles the C++ bridge against the headers that tch found, and tells the binaries where the
//! libraries lie: in the project, also once it was moved as a whole, or elsewhere, and where `orch doctor --fix`
//! puts them beside an installed worker.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=src/bridge/bridge.cpp");
    println!("cargo::rerun-if-env-changed=LIBTORCH_INCLUDE");
    let libraries = env::var_os("DEP_TCH_LIBTORCH_LIB").expect("torch-sys names its libraries");
    let libraries = PathBuf::from(libraries);
    let root = env::var_os("LIBTORCH_INCLUDE").map(PathBuf::from);
    let root = root.or_else(|| libraries.parent().map(PathBuf::from)).unwrap_or_default();

    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .flag_if_supported("-Wno-unused-parameter")
        .include(root.join("include"))
        .include(root.join("include/torch/csrc/api/include"))
        .file("src/bridge/bridge.cpp")
        .compile("orch_bridge");

    // The linker's own id is a hash over all of the program, the commit included, which is to leave
    // nothing else in it: `build_id::id`.
    println!("cargo::rustc-link-arg=-Wl,--build-id=none");
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the workspace");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo names it"));
    if !out.starts_with(project) || !libraries.starts_with(project) {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    }
    for path in ["../../.libtorch/lib", "../../../.libtorch/lib", "../libtorch/lib"] {
        println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/{path}");
    }
}
