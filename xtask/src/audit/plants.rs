//! Plants: assertions of `false` at places of a function where the checker must refuse them.
//!
//! Each plant stands under a condition of its own that the checker can neither prove nor refute, so
//! what one plant asserts is no help at another, and one run of the checker judges them all.
use super::edit::Edit;
use super::functions::{Function, Style};
use std::fmt;
use std::ops::Range;
use verus_syn::spanned::Spanned;
use verus_syn::visit::{self, Visit};
use verus_syn::{Block, Expr, Stmt};

/// The kinds of place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// The start of the body: what the contract asks for.
    Entry,
    /// Before a result or a `return`.
    Exit,
    /// The start of a branch.
    Branch,
    /// The start of a loop's body.
    Loop,
    /// The end of a block that opens an invariant.
    Invariant,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Entry => "entry",
            Place::Exit => "exit",
            Place::Branch => "branch",
            Place::Loop => "loop",
            Place::Invariant => "invariant",
        })
    }
}

/// Where a plant goes: before `at`; if `wrapped`, what stands at `at` is put into a block with it.
pub struct Plant {
    pub place: Place,
    pub at: usize,
    pub wrapped: Option<usize>,
    /// Already in ghost code.
    ghost: bool,
}

impl Plant {
    /// The change to the file that plants assertion `id`.
    pub fn edits(&self, style: Style, id: usize) -> Vec<Edit> {
        let body = format!("if ::vstd::pervasive::arbitrary::<int>() == {id} {{ assert(false); }}");
        let text = match style {
            _ if self.ghost => format!(" proof {{ {body} }} "),
            Style::Attribute => format!(" ::vstd::prelude::proof! {{ {body} }} "),
            Style::Checked => format!(" proof {{ {body} }} "),
            Style::Proof | Style::Inductive => format!(" {body} "),
        };
        match self.wrapped {
            None => vec![Edit::insert(self.at, text)],
            Some(end) => vec![
                Edit::insert(self.at, format!("{{ {text}")),
                Edit::insert(end, " }".into()),
            ],
        }
    }
}

/// The plants of a function, by their place.
pub fn of(function: &Function) -> Vec<Plant> {
    let mut planter = Planter { plants: Vec::new() };
    if function.requires || function.style != Style::Proof {
        planter.add(Place::Entry, function.body.start + 1);
    }
    if let Some(block) = &function.block {
        match function.style {
            Style::Proof => planter.before_result(block),
            _ => {
                planter.result_of(block);
                planter.visit_block(block);
            }
        }
    }
    planter.plants
}

struct Planter {
    plants: Vec<Plant>,
}

impl Planter {
    fn add(&mut self, place: Place, at: usize) {
        self.plants.push(Plant {
            place,
            at,
            wrapped: None,
            ghost: false,
        });
    }

    fn start(&mut self, place: Place, block: &Block) {
        self.add(place, block.brace_token.span.open().byte_range().end);
    }

    fn wrap(&mut self, place: Place, range: Range<usize>) {
        self.plants.push(Plant {
            place,
            at: range.start,
            wrapped: Some(range.end),
            ghost: false,
        });
    }

    /// Before a block's last expression, or at its end.
    fn before_result(&mut self, block: &Block) {
        match block.stmts.last() {
            Some(Stmt::Expr(_, None)) => {
                self.add(Place::Exit, statement(block, block.stmts.len() - 1))
            }
            _ => self.add(Place::Exit, end(block)),
        }
    }

    /// Before each expression that may be a block's value, or at its end.
    fn result_of(&mut self, block: &Block) {
        match block.stmts.last() {
            Some(Stmt::Expr(e, None)) => match e {
                Expr::While(_) | Expr::ForLoop(_) => self.add(Place::Exit, end(block)),
                Expr::If(i) if i.else_branch.is_none() => self.add(Place::Exit, end(block)),
                e if branches(e) => self.branches_of(e),
                Expr::Return(_) => {}
                _ => self.add(Place::Exit, statement(block, block.stmts.len() - 1)),
            },
            // a diverging statement: its own plant is enough
            Some(Stmt::Expr(Expr::Return(_), Some(_))) => {}
            Some(Stmt::Macro(m)) if m.semi_token.is_none() && !ghost_macro(&m.mac) => {
                self.add(Place::Exit, statement(block, block.stmts.len() - 1));
            }
            _ => self.add(Place::Exit, end(block)),
        }
    }

    fn branches_of(&mut self, e: &Expr) {
        match e {
            Expr::If(i) => {
                self.result_of(&i.then_branch);
                if let Some((_, e)) = &i.else_branch {
                    self.branches_of(e);
                }
            }
            Expr::Match(m) => m.arms.iter().for_each(|arm| match &*arm.body {
                e if branches(e) => self.branches_of(e),
                Expr::Return(_) => {}
                e => self.wrap(Place::Exit, e.span().byte_range()),
            }),
            Expr::Block(b) => self.result_of(&b.block),
            Expr::Unsafe(b) => self.result_of(&b.block),
            _ => {}
        }
    }
}

/// Does the expression have its value from blocks in it?
fn branches(e: &Expr) -> bool {
    matches!(
        e,
        Expr::If(_) | Expr::Match(_) | Expr::Block(_) | Expr::Unsafe(_) | Expr::Loop(_)
    )
}

/// Before the closing brace.
fn end(block: &Block) -> usize {
    block.brace_token.span.close().byte_range().start
}

/// The start of a statement, with the ghost arguments that belong to it.
fn statement(block: &Block, n: usize) -> usize {
    let first = block.stmts[..n]
        .iter()
        .rposition(|s| !matches!(s, Stmt::Macro(m) if m.mac.path.is_ident("proof_with")))
        .map_or(0, |before| before + 1);
    block.stmts[first].span().byte_range().start
}

/// Is the macro a statement rather than a value?
fn ghost_macro(mac: &verus_syn::Macro) -> bool {
    mac.path.segments.last().is_some_and(|s| {
        [
            "proof",
            "proof_decl",
            "proof_with",
            "open_atomic_invariant",
            "open_local_invariant",
        ]
        .iter()
        .any(|w| s.ident == w)
    })
}

impl<'ast> Visit<'ast> for Planter {
    fn visit_block(&mut self, block: &'ast Block) {
        for (n, stmt) in block.stmts.iter().enumerate() {
            if let Stmt::Expr(Expr::Return(r), _) = stmt {
                self.add(Place::Exit, statement(block, n));
                if let Some(e) = &r.expr {
                    self.visit_expr(e);
                }
            } else {
                self.visit_stmt(stmt);
            }
        }
    }

    fn visit_expr_return(&mut self, r: &'ast verus_syn::ExprReturn) {
        self.wrap(Place::Exit, r.span().byte_range());
        visit::visit_expr_return(self, r);
    }

    fn visit_expr_while(&mut self, l: &'ast verus_syn::ExprWhile) {
        self.start(Place::Loop, &l.body);
        self.visit_block(&l.body);
    }

    fn visit_expr_loop(&mut self, l: &'ast verus_syn::ExprLoop) {
        self.start(Place::Loop, &l.body);
        self.visit_block(&l.body);
    }

    fn visit_expr_for_loop(&mut self, l: &'ast verus_syn::ExprForLoop) {
        self.start(Place::Loop, &l.body);
        self.visit_block(&l.body);
    }

    fn visit_expr_if(&mut self, i: &'ast verus_syn::ExprIf) {
        self.start(Place::Branch, &i.then_branch);
        if let Some((_, e)) = &i.else_branch {
            if let Expr::Block(b) = &**e {
                self.start(Place::Branch, &b.block);
            }
        }
        visit::visit_expr_if(self, i);
    }

    fn visit_arm(&mut self, arm: &'ast verus_syn::Arm) {
        if let Expr::Block(b) = &*arm.body {
            self.start(Place::Branch, &b.block);
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_closure(&mut self, _: &'ast verus_syn::ExprClosure) {}
    fn visit_item(&mut self, _: &'ast verus_syn::Item) {}
    // Ghost code has no exits and no branches of the function.
    fn visit_expr_unary(&mut self, e: &'ast verus_syn::ExprUnary) {
        if !matches!(e.op, verus_syn::UnOp::Proof(_)) {
            visit::visit_expr_unary(self, e);
        }
    }
    fn visit_assert(&mut self, _: &'ast verus_syn::Assert) {}
    fn visit_assert_forall(&mut self, _: &'ast verus_syn::AssertForall) {}

    fn visit_macro(&mut self, m: &'ast verus_syn::Macro) {
        if m.path
            .segments
            .last()
            .is_some_and(|s| s.ident.to_string().ends_with("_invariant"))
        {
            let block = m.tokens.clone().into_iter().last();
            if let Some(proc_macro2::TokenTree::Group(g)) = block {
                self.plants.push(Plant {
                    place: Place::Invariant,
                    at: g.span_close().byte_range().start,
                    wrapped: None,
                    ghost: true,
                });
            }
        }
    }
}
