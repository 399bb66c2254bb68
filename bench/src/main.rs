//! Page-table operations side by side: the limits of the memory, four crates, and Veripage.
use clap::Parser;
use contest::{addresses, least, round, Contestant, Row};

mod arena;
mod contest;
mod limits;
mod peers;

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

fn measure<T: Contestant>(vas: &[usize], best: Option<&Row>) -> Row {
    let row = round::<T>(vas);
    best.map_or(row.clone(), |b| least(b, &row))
}

fn main() -> std::io::Result<()> {
    let args = Args::parse();
    arena::map()?;
    let vas = addresses();
    let contestants: &[fn(&[usize], Option<&Row>) -> Row] = &[
        measure::<limits::Raw>,
        measure::<limits::HandWalk>,
        measure::<peers::x86::X86>,
        measure::<peers::multiarch::Multiarch>,
        measure::<peers::generic::Generic>,
        measure::<peers::aarch64::Aarch64>,
    ];
    let mut best: Vec<Option<Row>> = vec![None; contestants.len()];
    for _ in 0..args.rounds {
        for (row, run) in best.iter_mut().zip(contestants) {
            *row = Some(run(&vas, row.as_ref()));
        }
    }
    let rows: Vec<Row> = best.into_iter().flatten().collect();
    println!("{}", serde_json::to_string_pretty(&rows).expect("rows are plain data"));
    Ok(())
}
