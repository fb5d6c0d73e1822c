//! Builds again when a migration is added: the compiler watches the files that are embedded, not the folder.

fn main() {
    println!("cargo::rerun-if-changed=../migrations");
}
