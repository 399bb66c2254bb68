//! Calls that have begun and not returned, while other tasks speak.

use std::collections::HashMap;

use super::call::starts_task;
use super::text::identifier;

/// The first halves of calls, one a task.
#[derive(Default)]
pub(super) struct Halves {
    texts: HashMap<u32, String>,
    /// How many of them may start a task.
    starting: usize,
}

impl Halves {
    /// `pid` is in the call that begins with `text`.
    pub(super) fn put(&mut self, pid: u32, text: String) {
        self.starting += usize::from(starts(&text));
        if let Some(old) = self.texts.insert(pid, text) {
            self.starting -= usize::from(starts(&old));
        }
    }

    /// `pid` is in no call any more; gives the one that it was in.
    pub(super) fn take(&mut self, pid: u32) -> Option<String> {
        let text = self.texts.remove(&pid)?;
        self.starting -= usize::from(starts(&text));
        Some(text)
    }

    /// `pid` is in a call.
    pub(super) fn has(&self, pid: u32) -> bool {
        self.texts.contains_key(&pid)
    }

    /// Some task is in a call that may start another.
    pub(super) fn starting(&self) -> bool {
        self.starting > 0
    }
}

fn starts(text: &str) -> bool {
    starts_task(identifier(text).0)
}
