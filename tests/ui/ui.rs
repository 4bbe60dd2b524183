//! What compiles: `pass/<what>.rs`. And what does not, and what the compiler says: `<attribute>/<rule>.rs`, one rule
//! a file.
//!
//! The messages beside the cases are those of one toolchain, which the file `toolchain` names, without `rust-src`.
//! There `TRYBUILD=overwrite cargo test -p ui` writes them anew. On any other toolchain the
//! cases have to fail, whatever it says.

mod pass;

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Set by the test for itself, on a toolchain whose messages differ: where copies of the cases are.
const COPIES: &str = "ES_UI_COPIES";

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn what_is_wrong_does_not_compile() -> Outcome {
    if let Some(copies) = env::var_os(COPIES) {
        refuse(Path::new(&copies))
    } else if is_the_blessed_compiler()? {
        refuse(Path::new("."))
    } else {
        refuse_copies()
    }
}

#[test]
fn one_fault_is_one_error() -> Outcome {
    let mut others = Vec::new();
    for case in cases()? {
        let beside = case.with_extension("stderr");
        let said = fs::read_to_string(&beside).map_err(|error| format!("{}: {error}", beside.display()))?;
        let errors = said.lines().filter(|line| line.starts_with("error")).count();
        assert!(!said.contains("attribute panicked"), "{} makes the macro panic:\n{said}", case.display());
        let expected = fs::read_to_string(&case)?.starts_with("//! Several errors");
        if (errors > 1) != expected {
            others.push(format!("{}: {errors}", case.display()));
        }
    }
    assert!(
        others.is_empty(),
        "several errors where nothing says so at the top of the case (`//! Several errors: why`), or one \
         where something does:\n{}",
        others.join("\n")
    );
    Ok(())
}

/// Compiles every case below a folder; none may pass, and each has to say what stands beside it.
fn refuse(root: &Path) -> Outcome {
    let tests = trybuild::TestCases::new();
    for folder in folders(root)? {
        tests.compile_fail(folder.join("*.rs"));
    }
    Ok(())
}

/// Compiles copies of the cases, in a process that writes down what the compiler says instead of comparing.
fn refuse_copies() -> Outcome {
    let copies = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    for case in cases()? {
        let copy = copies.join(&case);
        fs::create_dir_all(copy.parent().ok_or("a case stands in a folder")?)?;
        fs::copy(&case, copy)?;
    }
    let own = Command::new(env::current_exe()?)
        .args(["--exact", "what_is_wrong_does_not_compile", "--nocapture"])
        .env(COPIES, &copies)
        .env("TRYBUILD", "overwrite")
        .status()?;
    fs::remove_dir_all(copies)?;
    assert!(own.success(), "some case compiles, see above");
    Ok(())
}

/// Every case that must not compile.
fn cases() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut cases = Vec::new();
    for folder in folders(Path::new("."))? {
        let files =
            fs::read_dir(folder)?.map(|file| file.map(|file| file.path())).collect::<Result<Vec<_>, _>>()?;
        cases.extend(files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "rs")));
    }
    cases.sort();
    assert!(!cases.is_empty(), "the cases are gone");
    Ok(cases)
}

/// The folders of the attributes.
fn folders(root: &Path) -> std::io::Result<Vec<PathBuf>> {
    let all =
        fs::read_dir(root)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    let folders = all.into_iter().filter(|path| path.is_dir() && !path.ends_with("pass"));
    // As they stand in what the compiler says.
    Ok(folders.map(|folder| folder.strip_prefix(".").map_or(folder.clone(), Path::to_owned)).collect())
}

/// Whether this compiler is the one whose messages stand beside the cases. With `rust-src` it shows more.
fn is_the_blessed_compiler() -> Result<bool, Box<dyn Error>> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let ask = |what: &[&str]| -> Result<String, Box<dyn Error>> {
        Ok(String::from_utf8(Command::new(&rustc).args(what).output()?.stdout)?.trim().to_owned())
    };
    let version = ask(&["--version"])?;
    let has_source = Path::new(&ask(&["--print", "sysroot"])?).join("lib/rustlib/src").exists();
    let blessed = fs::read_to_string("toolchain")?;
    Ok(version == blessed.trim() && !has_source)
}
