//! Page-table operations side by side: the limits of the memory, four crates, and Veripage.
use clap::Parser;
use contest::{addresses, least, round, Contestant, Row};

mod arena;
mod contest;
mod flat;
mod limits;
mod lock_cost;
mod ours;
mod peers;
mod report;

/// Which of the contestants are peers.
const PEERS: std::ops::Range<usize> = 2..6;

/// Measures nanoseconds a page, all contestants in one process, in turn.
#[derive(Parser)]
struct Args {
    /// Rounds; the least figure of all rounds counts.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Prints JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// One round of a contestant, given the addresses to look up and its best figures so far.
type Measure = fn(&[usize], Option<&Row>) -> Row;

fn measure<T: Contestant>(vas: &[usize], best: Option<&Row>) -> Row {
    let row = round::<T>(vas);
    best.map_or(row.clone(), |b| least(b, &row))
}

fn main() -> std::io::Result<()> {
    let args = Args::parse();
    arena::map()?;
    flat::map()?;
    let vas = addresses();
    let contestants: &[Measure] = &[
        measure::<limits::Raw>,
        measure::<limits::HandWalk>,
        measure::<peers::x86::X86>,
        measure::<peers::multiarch::Multiarch>,
        measure::<peers::generic::Generic>,
        measure::<peers::aarch64::Aarch64>,
        measure::<ours::Untracked>,
        measure::<ours::Owned>,
        measure::<ours::PerPage>,
    ];
    let mut best: Vec<Option<Row>> = vec![None; contestants.len()];
    for _ in 0..args.rounds {
        for (row, run) in best.iter_mut().zip(contestants) {
            *row = Some(run(&vas, row.as_ref()));
        }
    }
    let rows: Vec<Row> = best.into_iter().flatten().collect();
    let best_peer = report::best(&rows[PEERS]);
    let lock = lock_cost::measure(args.rounds);
    if args.json {
        report::json(&rows, &best_peer, &lock)?;
    } else {
        report::table(&rows, &best_peer, &lock);
    }
    Ok(())
}
