//! Libraries that go between a process and its system.

use super::process::run;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds one of a C file beside the tests into a folder, for `LD_PRELOAD`. It has to be C: the process's own code
/// must not know of it.
pub fn built(source: &str, folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let shim = folder.join(source.file_stem().unwrap()).with_extension("so");
    run(Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source));
    shim
}
