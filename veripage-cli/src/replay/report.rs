//! Reports: the table for people, the object for programs.
use super::outcome::Outcome;
use comfy_table::presets::NOTHING;
use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, TableComponent, Width,
};
use serde::Serialize;

/// Heads of the table's columns, and their widths with the space behind them.
const COLUMNS: [(&str, u16); 14] = [
    ("program", 13),
    ("calls", 7),
    ("by kind", 41),
    ("faults served", 9),
    ("peak mapped pages", 8),
    ("nodes peak/end", 10),
    ("TLB flushes", 9),
    ("pages compared", 10),
    ("differ from Linux", 8),
    ("audits", 8),
    ("violations", 11),
    ("frames leaked", 8),
    ("unsupported", 12),
    ("ops/s", 9),
];

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    traces: Vec<Trace<'a>>,
}

#[derive(Serialize)]
struct Trace<'a> {
    name: &'a str,
    calls: u64,
    faults: u64,
    peak_pages: u64,
    pages_different: u64,
    audits: u64,
    violations: u64,
    frames_leaked: u64,
    unsupported: u64,
    seconds: f64,
}

/// The outcomes as one JSON object, on one line.
pub fn json(outcomes: &[Outcome]) -> String {
    let traces = outcomes.iter().map(|o| Trace {
        name: &o.name,
        calls: o.all_calls(),
        faults: o.faults,
        peak_pages: o.peak_pages,
        pages_different: o.different,
        audits: o.audits,
        violations: o.violations,
        frames_leaked: o.leaked,
        unsupported: o.all_unsupported(),
        seconds: (o.seconds * 1e6).round() / 1e6,
    });
    let report = Report {
        traces: traces.collect(),
    };
    // Strings and finite numbers: there is nothing that could fail.
    serde_json::to_string(&report).unwrap_or_default()
}

/// The outcomes as a table, a row a program.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─');
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(COLUMNS.iter().map(|c| c.1).sum());
    table.set_header(COLUMNS.map(|c| c.0));
    for o in outcomes {
        table.add_row(row(o));
    }
    for (column, (head, width)) in table.column_iter_mut().zip(COLUMNS) {
        let text = matches!(head, "program" | "by kind");
        column.set_cell_alignment(if text {
            CellAlignment::Left
        } else {
            CellAlignment::Right
        });
        column.set_padding((0, 1));
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
    }
    table.trim_fmt().replace('\u{a0}', " ")
}

fn row(o: &Outcome) -> Vec<Cell> {
    let kinds: Vec<String> = o.calls.iter().map(|(k, n)| format!("{k} {n}")).collect();
    let compared = match o.compared {
        0 => "-".to_string(),
        _ => thousands(o.pages_compared),
    };
    vec![
        Cell::new(&o.name),
        Cell::new(thousands(o.all_calls())),
        // A kind and its number stay on one line.
        Cell::new(
            kinds
                .join(", ")
                .replace(' ', "\u{a0}")
                .replace(",\u{a0}", ", "),
        ),
        Cell::new(thousands(o.faults)),
        Cell::new(thousands(o.peak_pages)),
        Cell::new(format!("{}/{}", o.nodes_peak, o.nodes_end)),
        Cell::new(thousands(o.flushes)),
        Cell::new(compared),
        Cell::new(thousands(o.different)),
        Cell::new(thousands(o.audits)),
        Cell::new(thousands(o.violations)),
        Cell::new(thousands(o.leaked)),
        Cell::new(thousands(o.all_unsupported())),
        Cell::new(thousands(o.rate() as u64)),
    ]
}

/// What the table has no room for: the unsupported calls by name, and every finding.
pub fn details(o: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    if !o.unsupported.is_empty() {
        let names = o.unsupported.iter().map(|(name, n)| format!("{name} {n}"));
        let names: Vec<String> = names.collect();
        lines.push(format!("{}: not supported: {}", o.name, names.join(", ")));
    }
    if o.unplaced > 0 {
        lines.push(format!(
            "{}: faults without an address: {}",
            o.name, o.unplaced
        ));
    }
    lines.extend(o.findings.iter().cloned());
    lines
}

/// `1234567` as `1,234,567`.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_has_the_agreed_fields_and_no_other() {
        let outcome = Outcome {
            name: "a \"b\"".to_string(),
            seconds: 0.5,
            ..Outcome::default()
        };
        assert_eq!(
            json(&[outcome]),
            "{\"traces\":[{\"name\":\"a \\\"b\\\"\",\"calls\":0,\"faults\":0,\"peak_pages\":0,\
             \"pages_different\":0,\"audits\":0,\"violations\":0,\"frames_leaked\":0,\
             \"unsupported\":0,\"seconds\":0.5}]}"
        );
        assert_eq!(json(&[]), "{\"traces\":[]}");
    }

    #[test]
    fn numbers_are_grouped() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1234567, "1,234,567"),
        ] {
            assert_eq!(thousands(n), text);
        }
    }
}
