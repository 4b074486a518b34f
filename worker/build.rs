//! Compiles the C++ bridge against the headers that tch found, and tells the binaries where the
//! libraries lie: where they are now, beside a project that was moved as a whole, and where `orch doctor --fix`
//! puts them beside an installed worker.

use std::env;
use std::path::PathBuf;

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
    let (moved, installed) = ("$ORIGIN/../../.libtorch/lib", "$ORIGIN/../libtorch/lib");
    for path in [libraries.as_os_str(), moved.as_ref(), installed.as_ref()] {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", path.display());
    }
}
