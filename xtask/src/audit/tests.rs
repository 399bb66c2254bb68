//! The audit's own tests: what it finds in a text, and what it makes of it.
use super::edit::{apply, Edit};
use super::functions::{self, Style};
use super::plants::{self, Place};
use crate::source::Source;

const TEXT: &str = r#"
use vstd::prelude::*;

#[verus_spec(requires n > 0)]
fn plain(n: u32) -> Option<u32> {
    if n == 7 {
        return None;
    }
    let mut k = 0;
    #[cfg_attr(verus_only, verus_spec(decreases n - k))]
    while k < n {
        k += 1;
    }
    match k {
        0 => None,
        _ => {
            proof_with!(Tracked(x));
            Some(call(k))
        }
    }
}

fn unseen() {}

verus! {

spec fn meaning() -> bool { true }

proof fn lemma(n: int)
    requires n > 0,
    ensures n != 0,
{ }

impl Thing {
    fn body(&self) -> (r: u32)
        ensures r == 3,
    { 3 }

    #[verifier::external_body]
    fn trusted(&self) { }
}

} // verus!

#[cfg(test)]
mod tests {
    #[verus_spec]
    fn a_test() {}
}
"#;

fn source() -> Source {
    Source {
        path: "a.rs".into(),
        text: TEXT.into(),
    }
}

#[test]
fn checked_functions_are_found() {
    let found = functions::of(&source()).unwrap();
    let names: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.style)).collect();
    let expected = [
        ("plain", Style::Attribute),
        ("lemma", Style::Proof),
        ("Thing::body", Style::Checked),
    ];
    assert_eq!(names, expected);
    assert!(TEXT[found[0].item.clone()].starts_with("#[verus_spec"));
    assert!(TEXT[found[0].body.clone()].starts_with("{\n    if n"));
}

#[test]
fn plants_stand_at_every_place() {
    let found = functions::of(&source()).unwrap();
    let places =
        |n: usize| -> Vec<Place> { plants::of(&found[n]).iter().map(|p| p.place).collect() };
    let count = |n: usize, place: Place| places(n).iter().filter(|p| **p == place).count();
    assert_eq!(count(0, Place::Entry), 1);
    assert_eq!(count(0, Place::Exit), 3);
    assert_eq!(count(0, Place::Loop), 1);
    assert_eq!(count(0, Place::Branch), 2);
    assert_eq!(places(1), [Place::Entry, Place::Exit]);
    assert_eq!(places(2), [Place::Entry, Place::Exit]);
}

#[test]
fn what_is_planted_is_rust_and_apart_from_ghost_arguments() {
    let source = source();
    let mut edits = Vec::new();
    for f in functions::of(&source).unwrap() {
        for (id, p) in plants::of(&f).iter().enumerate() {
            edits.extend(p.edits(f.style, id));
        }
    }
    let (text, places) = apply(TEXT, &edits);
    functions::of(&Source {
        path: "a.rs".into(),
        text: text.clone(),
    })
    .unwrap();
    for (edit, place) in edits.iter().zip(places) {
        assert_eq!(text[place], edit.text);
    }
    let ghost = text.find("proof_with!").unwrap();
    let plant = text[..ghost].rfind("assert(false)").unwrap();
    assert!(
        ghost - plant < 30,
        "the plant comes before the ghost argument"
    );
}

#[test]
fn edits_replace_and_insert() {
    let edits = [
        Edit::insert(2, "<".into()),
        Edit {
            range: 2..4,
            text: "XYZ".into(),
        },
        Edit::insert(4, ">".into()),
    ];
    let (text, places) = apply("abcdef", &edits);
    assert_eq!(text, "ab<XYZ>ef");
    assert_eq!(places, [2..3, 3..6, 6..7]);
}
