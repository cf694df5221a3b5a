//! Links Debian's libusrsctp (package `libusrsctp-dev`), the user-space SCTP stack.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-lib=usrsctp");
    if !std::path::Path::new("/usr/include/usrsctp.h").exists() {
        println!("cargo:warning=libusrsctp-dev is not installed: run scripts/setup");
    }
}
