//! Lines of the verified crates, sorted into executable, specification and proof text.
//!
//! A line counts if it has a token that is not of a comment; it is what its first such token is. Contracts,
//! `spec fn`s, ghost types and fields, and what is compiled for the checker only are specification;
//! `proof fn`s, `proof!`-like macros, and ghost statements are proof; the rest is executable. Tests and
//! verified clients (`tour.rs`, `client.rs`) are no part of the product and count for neither side.
use crate::source;
use crate::syntax::{words, Items};
use anyhow::{anyhow, Result};
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use verus_syn::spanned::Spanned;
use verus_syn::visit::{self, Visit};
use verus_syn::{Attribute, DataMode, FnMode, Item};

#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Exec,
    Spec,
    Proof,
    Test,
}

#[derive(Default, Clone, Copy)]
struct Count {
    exec: usize,
    spec: usize,
    proof: usize,
    test: usize,
}

impl Count {
    fn add(&mut self, sort: Sort) {
        match sort {
            Sort::Exec => self.exec += 1,
            Sort::Spec => self.spec += 1,
            Sort::Proof => self.proof += 1,
            Sort::Test => self.test += 1,
        }
    }

    fn plus(self, other: Count) -> Count {
        Count {
            exec: self.exec + other.exec,
            spec: self.spec + other.spec,
            proof: self.proof + other.proof,
            test: self.test + other.test,
        }
    }

    fn ratio(&self) -> f64 {
        (self.spec + self.proof) as f64 / self.exec.max(1) as f64
    }
}

/// Finds the parts of a file that are not executable.
#[derive(Default)]
struct Sorter {
    /// Inner parts come after those around them.
    parts: Vec<(Range<usize>, Sort)>,
    /// Is there executable code beside declarations of modules and imports?
    executes: bool,
    error: Option<verus_syn::Error>,
}

impl Sorter {
    fn mark(&mut self, span: Span, sort: Sort) {
        self.parts.push((span.byte_range(), sort));
    }

    fn sort_of(&self, at: usize, own: Sort) -> Sort {
        let inner = self
            .parts
            .iter()
            .rev()
            .find(|(range, _)| range.contains(&at));
        inner.map_or(own, |(_, sort)| *sort)
    }

    fn function(&mut self, attrs: &[Attribute], sig: &verus_syn::Signature, whole: Span) {
        match sig.mode {
            FnMode::Spec(_) | FnMode::SpecChecked(_) => self.mark(whole, Sort::Spec),
            FnMode::Proof(_) | FnMode::ProofAxiom(_) => self.mark(whole, Sort::Proof),
            _ => self.executes = true,
        }
        self.attributes(attrs, whole);
        self.contract(&sig.spec);
    }

    /// The clauses behind a signature.
    fn contract(&mut self, spec: &verus_syn::SignatureSpec) {
        let clauses = [
            spec.requires.as_ref().map(Spanned::span),
            spec.recommends.as_ref().map(Spanned::span),
            spec.ensures.as_ref().map(Spanned::span),
            spec.default_ensures.as_ref().map(Spanned::span),
            spec.returns.as_ref().map(Spanned::span),
            spec.decreases.as_ref().map(Spanned::span),
            spec.invariants.as_ref().map(Spanned::span),
            spec.unwind.as_ref().map(Spanned::span),
        ];
        clauses
            .into_iter()
            .flatten()
            .for_each(|c| self.mark(c, Sort::Spec));
    }

    /// Contracts and gates among the attributes of `whole`.
    fn attributes(&mut self, attrs: &[Attribute], whole: Span) {
        for a in attrs {
            let text = words(a);
            let is = |w: &str| text.iter().any(|t| t == w);
            if a.path().is_ident("cfg") && (is("test") || is("feature")) && !is("not") {
                self.mark(whole, Sort::Test);
            } else if a.path().is_ident("cfg")
                && (is("verus_only") || is("verus_keep_ghost_body"))
                && !is("not")
            {
                self.mark(whole, Sort::Spec);
            } else if ["verus_spec", "verus_verify", "verifier"]
                .iter()
                .any(|w| is(w))
            {
                self.mark(a.span(), Sort::Spec);
            }
        }
    }

    fn ghost_tokens(&mut self, tokens: TokenStream) {
        // in a block that opens an invariant: `proof { .. }` and `let tracked .. ;`
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut start = 0;
        for (i, t) in tokens.iter().enumerate() {
            let word = |n: usize| tokens.get(n).map(ToString::to_string).unwrap_or_default();
            if let TokenTree::Group(g) = t {
                let block = g.delimiter() == Delimiter::Brace;
                if block && i > 0 && word(i - 1) == "proof" {
                    let from = tokens[i - 1].span().byte_range().start;
                    self.parts
                        .push((from..g.span().byte_range().end, Sort::Proof));
                    start = i + 1;
                } else {
                    self.ghost_tokens(g.stream());
                }
            } else if word(i) == ";" {
                let ghost =
                    word(start) == "let" && matches!(word(start + 1).as_str(), "tracked" | "ghost");
                if ghost {
                    let from = tokens[start].span().byte_range().start;
                    self.parts
                        .push((from..t.span().byte_range().end, Sort::Proof));
                }
                start = i + 1;
            }
        }
    }
}

impl<'ast> Visit<'ast> for Sorter {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attrs, span): (&[Attribute], _) = match item {
            Item::Const(i) => (&i.attrs, i.span()),
            Item::Enum(i) => (&i.attrs, i.span()),
            Item::Impl(i) => (&i.attrs, i.span()),
            Item::Mod(i) => (&i.attrs, i.span()),
            Item::Static(i) => (&i.attrs, i.span()),
            Item::Struct(i) => (&i.attrs, i.span()),
            Item::Trait(i) => (&i.attrs, i.span()),
            Item::Type(i) => (&i.attrs, i.span()),
            Item::Use(i) => (&i.attrs, i.span()),
            _ => (&[], item.span()),
        };
        self.attributes(attrs, span);
        match item {
            Item::Struct(i) if !matches!(i.mode, DataMode::Default | DataMode::Exec(_)) => {
                self.mark(span, Sort::Spec)
            }
            Item::Enum(i) if !matches!(i.mode, DataMode::Default | DataMode::Exec(_)) => {
                self.mark(span, Sort::Spec)
            }
            Item::BroadcastUse(_)
            | Item::BroadcastGroup(_)
            | Item::AssumeSpecification(_)
            | Item::Global(_) => self.mark(span, Sort::Spec),
            Item::Struct(_) | Item::Enum(_) | Item::Const(_) | Item::Static(_) => {
                self.executes = true
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_field(&mut self, f: &'ast verus_syn::Field) {
        self.attributes(&f.attrs, f.span());
    }

    fn visit_item_fn(&mut self, f: &'ast verus_syn::ItemFn) {
        self.function(&f.attrs, &f.sig, f.span());
        self.visit_block(&f.block);
    }

    fn visit_impl_item_fn(&mut self, f: &'ast verus_syn::ImplItemFn) {
        self.function(&f.attrs, &f.sig, f.span());
        self.visit_block(&f.block);
    }

    fn visit_trait_item_fn(&mut self, f: &'ast verus_syn::TraitItemFn) {
        self.function(&f.attrs, &f.sig, f.span());
        if let Some(block) = &f.default {
            self.visit_block(block);
        }
    }

    fn visit_attribute(&mut self, a: &'ast Attribute) {
        // those of loops and expressions; an item's are seen with it
        if words(a)
            .iter()
            .any(|w| w == "verus_spec" || w == "verifier")
        {
            self.mark(a.span(), Sort::Spec);
        }
    }

    fn visit_local(&mut self, l: &'ast verus_syn::Local) {
        if l.tracked.is_some() || l.ghost.is_some() {
            self.mark(l.span(), Sort::Proof);
        }
        visit::visit_local(self, l);
    }

    fn visit_expr_unary(&mut self, e: &'ast verus_syn::ExprUnary) {
        if matches!(e.op, verus_syn::UnOp::Proof(_)) {
            self.mark(e.span(), Sort::Proof);
        }
        visit::visit_expr_unary(self, e);
    }

    fn visit_assert(&mut self, e: &'ast verus_syn::Assert) {
        self.mark(e.span(), Sort::Proof);
    }

    fn visit_assert_forall(&mut self, e: &'ast verus_syn::AssertForall) {
        self.mark(e.span(), Sort::Proof);
    }

    fn visit_macro(&mut self, m: &'ast verus_syn::Macro) {
        let name = m
            .path
            .segments
            .last()
            .map(|s| s.ident.to_string())
            .unwrap_or_default();
        match name.as_str() {
            "verus" => match verus_syn::parse2::<Items>(m.tokens.clone()) {
                Ok(items) => items.0.iter().for_each(|i| self.visit_item(i)),
                Err(e) => self.error = Some(e),
            },
            "proof" | "proof_decl" | "proof_with" => self.mark(m.span(), Sort::Proof),
            "tokenized_state_machine" => self.mark(m.span(), Sort::Spec),
            "open_atomic_invariant" | "open_local_invariant" => self.ghost_tokens(m.tokens.clone()),
            _ => self.executes = true,
        }
    }
}

/// The first token of each line, by its place; comments of documentation are none.
fn first_tokens(text: &str, tokens: TokenStream, lines: &mut BTreeMap<usize, usize>) {
    let mut doc = false;
    for token in tokens {
        let at = token.span().byte_range().start;
        if std::mem::take(&mut doc) && matches!(token, TokenTree::Group(_)) {
            continue;
        }
        if text[at..].starts_with('/')
            && !matches!(token, TokenTree::Group(_))
            && token.to_string() != "/"
        {
            // `#` or `!` of a documentation comment, whose text is the group behind it
            doc = true;
            continue;
        }
        let (start, end) = match &token {
            TokenTree::Group(g) => (g.span_open(), Some((g.stream(), g.span_close()))),
            t => (t.span(), None),
        };
        lines.entry(start.start().line).or_insert(at);
        if let Some((inner, close)) = end {
            first_tokens(text, inner, lines);
            lines
                .entry(close.start().line)
                .or_insert(close.byte_range().start);
        }
    }
}

fn count(path: &str, text: &str) -> Result<Count> {
    let fault = |e: verus_syn::Error| anyhow!("{path}:{}: {e}", e.span().start().line);
    let mut sorter = Sorter::default();
    sorter.visit_file(&verus_syn::parse_file(text).map_err(fault)?);
    if let Some(e) = sorter.error.take() {
        return Err(fault(e));
    }
    let named = |ends: &[&str]| ends.iter().any(|e| path.ends_with(e));
    let own = if named(&["_tests.rs", "/tour.rs", "/client.rs"]) {
        Sort::Test
    } else if path.ends_with(".spec.rs") || (text.contains("verus! {") && !sorter.executes) {
        Sort::Spec
    } else if path.ends_with(".proof.rs") {
        Sort::Proof
    } else {
        Sort::Exec
    };
    let tokens: TokenStream = text.parse().map_err(|e| anyhow!("{path}: {e}"))?;
    let mut lines = BTreeMap::new();
    first_tokens(text, tokens, &mut lines);
    let mut total = Count::default();
    for at in lines.into_values() {
        total.add(if own == Sort::Test {
            own
        } else {
            sorter.sort_of(at, own)
        });
    }
    Ok(total)
}

pub const ABOUT: &str = "Lines of the verified crates that are neither empty nor comments (`cargo xtask lines` lists the files). Tests
and verified clients count for neither side.";

/// The sums, as a table.
pub fn summary(root: &Path) -> Result<String> {
    let mut out = String::from(
        "| crate | executable | specification | proof | executable : ghost |\n|---|---|---|---|---|\n",
    );
    for dir in source::CRATES {
        let mut sum = Count::default();
        for file in source::read(root, dir)? {
            sum = sum.plus(count(&file.path, &file.text)?);
        }
        out += &format!(
            "| {dir} | {} | {} | {} | 1 : {:.1} |\n",
            sum.exec,
            sum.spec,
            sum.proof,
            sum.ratio()
        );
    }
    Ok(out)
}

pub fn run(root: &Path) -> Result<()> {
    let line = |name: &str, c: Count| {
        println!(
            "{name:<52} {:>6} {:>6} {:>6} {:>6}",
            c.exec, c.spec, c.proof, c.test
        )
    };
    println!(
        "{:<52} {:>6} {:>6} {:>6} {:>6}",
        "file", "exec", "spec", "proof", "tests"
    );
    for dir in source::CRATES {
        let mut sum = Count::default();
        for file in source::read(root, dir)? {
            let c = count(&file.path, &file.text)?;
            line(&file.path, c);
            sum = sum.plus(c);
        }
        line(dir, sum);
        println!("exec : ghost = 1 : {:.1}", sum.ratio());
    }
    Ok(())
}
