//! The figures as a table with ratios, and as JSON.
use crate::contest::Row;
use comfy_table::{presets::ASCII_MARKDOWN, CellAlignment, Table};
use serde::Serialize;

/// Cost of the range lock, nanoseconds a pair.
#[derive(Serialize)]
pub struct LockCost {
    /// A bare one-byte compare-and-swap and its release store.
    pub bare: f64,
    /// `cursor_mut` over one leaf node, and its drop.
    pub cursor: f64,
}

#[derive(Serialize)]
struct Report<'a> {
    rows: &'a [Row],
    best_peer: &'a Row,
    lock: &'a LockCost,
}

fn figures(row: &Row) -> [f64; 5] {
    [
        row.map_each,
        row.map_range,
        row.translate,
        row.unmap_each,
        row.unmap_range,
    ]
}

/// The least figure of all peers, column by column.
pub fn best(peers: &[Row]) -> Row {
    let first = peers[0].clone();
    Row {
        name: "best peer",
        ..peers
            .iter()
            .fold(first, |a, b| crate::contest::least(&a, b))
    }
}

/// Prints one JSON object.
pub fn json(rows: &[Row], best_peer: &Row, lock: &LockCost) -> serde_json::Result<()> {
    println!(
        "{}",
        serde_json::to_string_pretty(&Report {
            rows,
            best_peer,
            lock
        })?
    );
    Ok(())
}

/// Prints the table: nanoseconds a page, and in brackets the ratio to the best peer.
pub fn table(rows: &[Row], best_peer: &Row, lock: &LockCost) {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN);
    table.set_header([
        "ns a page",
        "map each",
        "map range",
        "translate",
        "unmap each",
        "unmap range",
    ]);
    for row in rows.iter().chain([best_peer]) {
        let cells = figures(row).into_iter().zip(figures(best_peer));
        let cells = cells.map(|(ours, best)| format!("{ours:.2} ({:.2}x)", ours / best));
        table.add_row([row.name.to_string()].into_iter().chain(cells));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}\n");
    println!(
        "lock: cursor_mut and drop on one leaf node {:.1} ns, bare compare-and-swap pair {:.1} ns ({:.1}x)",
        lock.cursor,
        lock.bare,
        lock.cursor / lock.bare
    );
}
