//! Changes to a file's text.
use std::ops::Range;

/// The bytes `range` become `text`.
pub struct Edit {
    pub range: Range<usize>,
    pub text: String,
}

impl Edit {
    pub fn insert(at: usize, text: String) -> Self {
        Edit {
            range: at..at,
            text,
        }
    }
}

/// The text after the edits, which must not overlap, and where each of them ended up. Edits at one
/// place are made in the order given.
pub fn apply(text: &str, edits: &[Edit]) -> (String, Vec<Range<usize>>) {
    let mut order: Vec<usize> = (0..edits.len()).collect();
    order.sort_by_key(|&i| (edits[i].range.start, i));
    let mut out = String::with_capacity(text.len());
    let mut places = vec![0..0; edits.len()];
    let mut done = 0;
    for i in order {
        let edit = &edits[i];
        out.push_str(&text[done..edit.range.start]);
        let from = out.len();
        out.push_str(&edit.text);
        places[i] = from..out.len();
        done = edit.range.end;
    }
    out.push_str(&text[done..]);
    (out, places)
}
