//! What several chores need of Rust's and the checker's syntax.
use proc_macro2::{TokenStream, TokenTree};
use verus_syn::parse::{Parse, ParseStream};
use verus_syn::{Attribute, Item};

/// What stands in `verus!{ .. }`.
pub struct Items(pub Vec<Item>);

impl Parse for Items {
    fn parse(input: ParseStream) -> verus_syn::Result<Self> {
        let mut items = Vec::new();
        while !input.is_empty() {
            items.push(input.parse()?);
        }
        Ok(Items(items))
    }
}

/// The words and signs of an attribute, without its brackets.
pub fn words(attr: &Attribute) -> Vec<String> {
    fn all(tokens: TokenStream, out: &mut Vec<String>) {
        for token in tokens {
            match token {
                TokenTree::Group(g) => all(g.stream(), out),
                t => out.push(t.to_string()),
            }
        }
    }
    let path = attr.path().segments.iter();
    let mut out: Vec<String> = path.map(|s| s.ident.to_string()).collect();
    if let verus_syn::Meta::List(list) = &attr.meta {
        all(list.tokens.clone(), &mut out);
    }
    out
}
