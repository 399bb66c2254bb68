//! The functions that the checker checks, found in the text.
use crate::source::Source;
use crate::syntax::{words, Items};
use anyhow::{anyhow, Result};
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use std::ops::Range;
use verus_syn::spanned::Spanned;
use verus_syn::visit::{self, Visit};
use verus_syn::{Attribute, Block, FnMode, Item, Signature};

/// How ghost code is written in a function's body.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Style {
    /// Plain Rust with attributes.
    Attribute,
    /// Executable code in `verus!`.
    Checked,
    /// A proof.
    Proof,
    /// A step of a state machine, proven to keep its invariant; its body is not looked into.
    Inductive,
}

/// A function with a body that the checker looks into.
pub struct Function {
    /// `Type::name`, or `name`.
    pub name: String,
    /// The file's path.
    pub file: String,
    pub style: Style,
    /// Does the contract ask for something?
    pub requires: bool,
    /// The whole item with its attributes, in bytes of the file.
    pub item: Range<usize>,
    /// The body with its braces, in bytes of the file.
    pub body: Range<usize>,
    /// The body; none for an inductive step.
    pub block: Option<Block>,
}

impl Function {
    /// File and name, as lists name it.
    pub fn key(&self) -> String {
        format!("{} {}", self.file, self.name)
    }
}

/// The checked functions of a file, in their order.
pub fn of(source: &Source) -> Result<Vec<Function>> {
    let file = verus_syn::parse_file(&source.text).map_err(|e| located(&source.path, &e))?;
    let mut finder = Finder {
        path: &source.path,
        owner: None,
        in_macro: false,
        owner_checked: false,
        found: Vec::new(),
        error: None,
    };
    finder.visit_file(&file);
    match finder.error {
        Some(e) => Err(e),
        None => Ok(finder.found),
    }
}

fn located(path: &str, e: &verus_syn::Error) -> anyhow::Error {
    let at = e.span().start();
    anyhow!("{path}:{}:{}: {e}", at.line, at.column + 1)
}

struct Finder<'a> {
    path: &'a str,
    /// The type or trait whose items are visited.
    owner: Option<String>,
    /// Inside `verus!`.
    in_macro: bool,
    /// Inside an `impl` or trait that carries `verus_verify`.
    owner_checked: bool,
    found: Vec<Function>,
    error: Option<anyhow::Error>,
}

impl Finder<'_> {
    fn function(&mut self, attrs: &[Attribute], sig: &Signature, block: &Block, item: Span) {
        let marked = self.owner_checked || mentions(attrs, &["verus_spec", "verus_verify"]);
        if mentions(attrs, &["external", "external_body"]) || !(self.in_macro || marked) {
            return;
        }
        let style = match sig.mode {
            FnMode::Proof(_) => Style::Proof,
            FnMode::Exec(_) | FnMode::Default if self.in_macro => Style::Checked,
            FnMode::Exec(_) | FnMode::Default => Style::Attribute,
            _ => return,
        };
        self.found.push(Function {
            name: self.qualified(&sig.ident.to_string()),
            file: self.path.into(),
            style,
            requires: sig.spec.requires.is_some(),
            item: item.byte_range(),
            body: block.brace_token.span.join().byte_range(),
            block: Some(block.clone()),
        });
    }

    fn qualified(&self, name: &str) -> String {
        match &self.owner {
            Some(owner) => format!("{owner}::{name}"),
            None => name.into(),
        }
    }

    /// Visits the items of something that owns them.
    fn within(&mut self, owner: String, attrs: &[Attribute], inner: impl FnOnce(&mut Self)) {
        let outer = self.owner.replace(owner);
        let checked = std::mem::replace(
            &mut self.owner_checked,
            mentions(attrs, &["verus_verify"]) && !mentions(attrs, &["external"]),
        );
        inner(self);
        self.owner = outer;
        self.owner_checked = checked;
    }

    /// The inductive steps among the tokens of a state machine: `#[inductive(..)] fn name(..) { .. }`.
    fn inductive_steps(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (i, token) in tokens.iter().enumerate() {
            let TokenTree::Group(group) = token else {
                continue;
            };
            let words: Vec<String> = group.stream().into_iter().map(|t| t.to_string()).collect();
            if group.delimiter() == Delimiter::Brace && tokens[i - 1].to_string().ends_with("SM") {
                self.owner = Some(tokens[i - 1].to_string());
                self.inductive_steps(group.stream());
                self.owner = None;
            } else if group.delimiter() == Delimiter::Bracket
                && words.first().is_some_and(|w| w == "inductive")
            {
                // `fn`, the name, the arguments, the body
                if let Some([_, name, _, TokenTree::Group(body)]) = tokens.get(i + 1..i + 5) {
                    self.found.push(Function {
                        name: self.qualified(&name.to_string()),
                        file: self.path.into(),
                        style: Style::Inductive,
                        requires: true,
                        item: group.span().byte_range().start..body.span().byte_range().end,
                        body: body.span().byte_range(),
                        block: None,
                    });
                }
            }
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let skipped = match item {
            Item::Mod(m) => is_test(&m.attrs),
            Item::Fn(f) => is_test(&f.attrs),
            Item::Impl(i) => is_test(&i.attrs),
            _ => false,
        };
        if !skipped {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, f: &'ast verus_syn::ItemFn) {
        self.function(&f.attrs, &f.sig, &f.block, f.span());
    }

    fn visit_impl_item_fn(&mut self, f: &'ast verus_syn::ImplItemFn) {
        self.function(&f.attrs, &f.sig, &f.block, f.span());
    }

    fn visit_trait_item_fn(&mut self, f: &'ast verus_syn::TraitItemFn) {
        if let Some(block) = &f.default {
            self.function(&f.attrs, &f.sig, block, f.span());
        }
    }

    fn visit_item_impl(&mut self, i: &'ast verus_syn::ItemImpl) {
        let owner = match &*i.self_ty {
            verus_syn::Type::Path(p) => p.path.segments.last().map(|s| s.ident.to_string()),
            _ => None,
        };
        self.within(owner.unwrap_or_else(|| "_".into()), &i.attrs, |me| {
            visit::visit_item_impl(me, i)
        });
    }

    fn visit_item_trait(&mut self, t: &'ast verus_syn::ItemTrait) {
        self.within(t.ident.to_string(), &t.attrs, |me| {
            visit::visit_item_trait(me, t)
        });
    }

    fn visit_item_macro(&mut self, m: &'ast verus_syn::ItemMacro) {
        if m.mac.path.is_ident("verus") {
            match verus_syn::parse2::<Items>(m.mac.tokens.clone()) {
                Ok(items) => {
                    self.in_macro = true;
                    items.0.iter().for_each(|i| self.visit_item(i));
                    self.in_macro = false;
                }
                Err(e) => self.error = Some(located(self.path, &e)),
            }
        } else if m.mac.path.is_ident("tokenized_state_machine") {
            self.inductive_steps(m.mac.tokens.clone());
        }
    }
}

/// Does one of the attributes contain one of the words? Contracts do not count, but that there is one does.
fn mentions(attrs: &[Attribute], marks: &[&str]) -> bool {
    attrs.iter().any(|a| {
        let mut words = words(a);
        if a.path().is_ident("verus_spec") {
            words.truncate(1);
        }
        words.iter().any(|w| marks.contains(&w.as_str()))
    })
}

/// Is the item compiled for tests or for a feature only?
fn is_test(attrs: &[Attribute]) -> bool {
    let gates: Vec<Attribute> = attrs
        .iter()
        .filter(|a| a.path().is_ident("cfg"))
        .cloned()
        .collect();
    mentions(&gates, &["test", "feature"]) && !mentions(&gates, &["not"])
}
