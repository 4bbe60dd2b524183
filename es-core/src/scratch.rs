//! Buffers that a thread keeps, so that what is built up in them is allocated once, at its final size.

use bytes::Bytes;
use std::cell::Cell;

/// A buffer that grew beyond this is not kept.
const LARGEST_KEPT: usize = 64 * 1024;

thread_local! {
    static BYTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
}

/// The bytes that `write` writes. Whoever writes inside of another write gets a buffer of its own.
pub(crate) fn bytes<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Bytes, E> {
    let mut buffer = BYTES.take();
    buffer.clear();
    let written = write(&mut buffer).map(|()| Bytes::copy_from_slice(&buffer));
    if buffer.capacity() <= LARGEST_KEPT {
        BYTES.set(buffer);
    }
    written
}

/// What `read` makes of the text that `write` writes.
pub(crate) fn text<T>(write: impl FnOnce(&mut String), read: impl FnOnce(&str) -> T) -> T {
    let mut buffer = TEXT.take();
    buffer.clear();
    write(&mut buffer);
    let answer = read(&buffer);
    if buffer.capacity() <= LARGEST_KEPT {
        TEXT.set(buffer);
    }
    answer
}
