//! Mails that arrive in a folder, where people can look at them.

use crate::orders::mail::{Mail, MailError, Mailer};
use es_core::prelude::*;
use lettre::{FileTransport, Message, Transport};
use std::error::Error;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder of mails, each under its key. Clones are the same mailbox.
///
/// A mail is written beside it first, whole, and then linked under its key. A name can be given once, so that
/// the folder does what a good mail server does: it accepts one mail of each key, in one step that a crash
/// cannot divide.
#[derive(Clone, Debug)]
pub struct Mailbox {
    folder: PathBuf,
    spool: PathBuf,
    refused: Arc<AtomicU64>,
}

impl Mailbox {
    /// The mailbox in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let spool = folder.join("spool");
        fs::create_dir_all(&spool)?;
        Ok(Self { folder: folder.to_owned(), spool, refused: Arc::default() })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many mails were refused since the process has started, since there was one of their key.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The keys of the mails that were accepted, in their order.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn keys(&self) -> io::Result<Vec<String>> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "eml") {
                keys.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    fn put(&self, mail: Mail) -> Result<(), Box<dyn Error + Send + Sync>> {
        let message = Message::builder()
            .message_id(Some(format!("<{}@shop.example>", mail.key)))
            .from("The Shop <orders@shop.example>".parse()?)
            .to(mail.to.parse()?)
            .subject(mail.subject)
            .body(mail.text)?;
        let name = FileTransport::new(&self.spool).send(&message)?;
        let written = self.spool.join(format!("{name}.eml"));
        let accepted = fs::hard_link(&written, self.folder.join(format!("{}.eml", mail.key)));
        fs::remove_file(&written)?;
        match accepted {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            accepted => Ok(accepted?),
        }
    }
}

impl Mailer for Mailbox {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), MailError>> {
        let mailbox = self.clone();
        Box::pin(async move {
            let put = tokio::task::spawn_blocking(move || mailbox.put(mail)).await;
            put.map_err(Into::into).flatten().map_err(MailError::NotSent)
        })
    }
}
