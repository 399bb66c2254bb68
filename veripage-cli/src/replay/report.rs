//! Reports: the table for people, the object for programs.
use super::outcome::Outcome;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};
use serde::Serialize;

/// Width of the table if the output is no terminal, in columns.
const WIDTH: u16 = 168;

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
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        table.set_width(WIDTH);
    }
    let heads = [
        "program",
        "calls",
        "by kind",
        "faults served",
        "peak pages",
        "nodes peak/end",
        "TLB flushes",
        "compared with Linux",
        "pages different",
        "audits",
        "violations",
        "frames leaked",
        "unsupported",
        "ops/s",
    ];
    table.set_header(heads);
    for o in outcomes {
        table.add_row(row(o));
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for left in [0, 2] {
        if let Some(column) = table.column_mut(left) {
            column.set_cell_alignment(CellAlignment::Left);
        }
    }
    table.to_string()
}

fn row(o: &Outcome) -> Vec<Cell> {
    let kinds: Vec<String> = o.calls.iter().map(|(k, n)| format!("{k} {n}")).collect();
    let compared = match o.compared {
        0 => "-".to_string(),
        _ => format!("{} pages", thousands(o.pages_compared)),
    };
    vec![
        Cell::new(&o.name),
        Cell::new(thousands(o.all_calls())),
        Cell::new(kinds.join(", ")),
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
