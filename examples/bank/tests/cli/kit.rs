//! A folder with a database, and the program to use it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A bank in a folder that goes when the test does.
pub struct Bank {
    folder: TempDir,
}

/// What the program said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub out: String,
    pub err: String,
    pub code: Option<i32>,
}

impl Bank {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A bank with one open account that has this much on it.
    pub fn with_ann(cents: u64) -> Self {
        let bank = Self::new();
        let said = bank.play(format!(
            r#"{{"id": "open", "command": "OpenAccount", "account": "ann", "owner": "Ann"}}
               {{"id": "first", "command": "Deposit", "account": "ann", "amount": {cents}}}"#
        ));
        assert_eq!(said.code, Some(0), "{said:?}");
        bank
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The program in this folder, with nothing from the surroundings.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bank"));
        command.args(args).current_dir(self.folder()).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    /// Plays a statement through the standard input.
    pub fn play(&self, statement: impl AsRef<[u8]>) -> Said {
        self.play_with(&[], statement)
    }

    pub fn play_with(&self, args: &[&str], statement: impl AsRef<[u8]>) -> Said {
        let mut child = self.command(&[&["run", "-"], args].concat()).stdin(Stdio::piped()).spawn().unwrap();
        // A program that stops early does not read it all.
        let _ = child.stdin.take().unwrap().write_all(statement.as_ref());
        child.wait_with_output().unwrap().into()
    }

    /// What is on an account, as it is shown.
    pub fn balance(&self, account: &str) -> String {
        let said = self.run(&["show", account]);
        let balance = said.out.lines().find_map(|line| line.strip_prefix("balance"));
        balance.unwrap_or_else(|| panic!("{said:?}")).trim().to_owned()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }
}

impl Said {
    /// Nothing but one line on the standard error, with these words, and status 1.
    #[track_caller]
    pub fn is_one_complaint(&self, words: &[&str]) {
        assert_eq!((self.err.lines().count(), self.code, self.out.as_str()), (1, Some(1), ""), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing: {self:?}");
        }
    }
}
