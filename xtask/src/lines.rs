//! Lines of the verified crates, sorted into executable, specification and proof text.
//!
//! A heuristic over the text, the same for every file: files named `*.spec.rs` are specification
//! and `*.proof.rs` are proof; elsewhere `proof!`-like blocks and `proof fn`s are proof, `spec fn`s
//! and `verus_spec` attributes are specification, the rest is executable. Blank lines and comments
//! do not count.
use crate::source;
use anyhow::Result;
use std::path::Path;

#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Exec,
    Spec,
    Proof,
}

#[derive(Default, Clone, Copy)]
struct Count {
    exec: usize,
    spec: usize,
    proof: usize,
}

impl Count {
    fn add(&mut self, sort: Sort) {
        match sort {
            Sort::Exec => self.exec += 1,
            Sort::Spec => self.spec += 1,
            Sort::Proof => self.proof += 1,
        }
    }
}

/// What a line opens that is not of the file's own sort.
fn opens(code: &str) -> Option<Sort> {
    let proof = [
        "proof!",
        "proof_decl!",
        "proof_with!",
        "proof {",
        "proof fn",
        "assert forall",
        "open_atomic_invariant!",
    ];
    let spec = [
        "spec fn",
        "verus_spec(",
        "ghost struct",
        "ghost enum",
        "tracked struct",
    ];
    if proof.iter().any(|w| code.contains(w)) {
        Some(Sort::Proof)
    } else if spec.iter().any(|w| code.contains(w)) {
        Some(Sort::Spec)
    } else {
        None
    }
}

fn depth(code: &str) -> i32 {
    let count = |set: &str| code.chars().filter(|c| set.contains(*c)).count() as i32;
    count("([{") - count(")]}")
}

fn count(path: &str, text: &str) -> Count {
    let own = if path.ends_with(".spec.rs") {
        Sort::Spec
    } else if path.ends_with(".proof.rs") {
        Sort::Proof
    } else {
        Sort::Exec
    };
    let mut total = Count::default();
    // the sort of the block that is open, and the depth of brackets in it
    let mut block: Option<(Sort, i32)> = None;
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or("").trim();
        if code.is_empty() {
            continue;
        }
        let (sort, before) = match block {
            Some(open) => open,
            None => (opens(code).unwrap_or(own), 0),
        };
        let after = before + depth(code);
        total.add(sort);
        let open_header =
            sort != own && before == 0 && after == 0 && !code.ends_with([';', '}', ']']);
        block = (sort != own && (after > 0 || open_header)).then_some((sort, after));
    }
    total
}

pub fn run(root: &Path) -> Result<()> {
    println!("{:<52} {:>6} {:>6} {:>6}", "file", "exec", "spec", "proof");
    for dir in ["veripage-hw/src", "veripage/src"] {
        let mut sum = Count::default();
        for file in source::read(root, dir)? {
            let c = count(&file.path, &file.text);
            println!(
                "{:<52} {:>6} {:>6} {:>6}",
                file.path, c.exec, c.spec, c.proof
            );
            sum = Count {
                exec: sum.exec + c.exec,
                spec: sum.spec + c.spec,
                proof: sum.proof + c.proof,
            };
        }
        let ghost = (sum.spec + sum.proof) as f64 / sum.exec.max(1) as f64;
        println!(
            "{dir:<52} {:>6} {:>6} {:>6}  exec : ghost = 1 : {ghost:.1}",
            sum.exec, sum.spec, sum.proof
        );
    }
    Ok(())
}
