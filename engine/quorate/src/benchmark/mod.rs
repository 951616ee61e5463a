//! `quorate benchmark`: this engine's stages and whole rounds, each beside what the machine could do at most.
//!
//! No rivals are measured here; `cargo xtask bench` does that. A line's value and its limit are measured in the same run, taking turns
//! in short slices, and every figure is a median of slices. One thread does the work unless a line says otherwise.
//! A line names its clock, its shape and its limit, and "votes/s" always says whether they were verified or aggregated only.

mod aggregate;
mod cluster;
pub mod cumulative;
mod limits;
mod line;
mod merkle;
mod pairwise;
mod peak;
mod round;
mod verify;
pub mod world;

use std::io::Write;

use clap::{Args, ValueEnum};
use miette::{IntoDiagnostic, Result, miette};
use quorate_pipeline::backend::Descriptor;
use quorate_pipeline::cpu::{Cpu, Settings};
use quorate_pipeline::reference::Reference;
use quorate_pipeline::{Backend, Isa};

use line::{Line, What};
use pairwise::{Plan, Rates};
use peak::Peak;

const AFTER: &str = "\
Examples:
  quorate benchmark --suite verify
  quorate benchmark --backend cpu --json | jq 'select(.met == false)'

Exit codes: 0 measured, 2 usage, 3 could not measure. A missed target is printed, and is no failure of the command.";

/// What to measure, and how.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER)]
pub struct Options {
    /// Which backend to measure
    #[arg(long, value_enum, default_value = "best")]
    pub backend: BackendName,
    /// Which stages to measure
    #[arg(long, value_enum, default_value = "all")]
    pub suite: Suite,
    /// One JSON object a line: stage, backend, variant, shape, unit, value, limit, limit_value, ratio, peak_memory_bytes, and more
    ///
    /// `ratio` is the part of the limit that is reached. `peak_memory_bytes` is the highest resident set of the whole process while
    /// the line was prepared and measured, with its inputs, its limit, and what earlier lines left to the allocator; it is null where
    /// the system does not tell. `pipeline_memory_bytes` is what the backend's buffers and tables take, and no more than that.
    #[arg(long)]
    pub json: bool,
    /// Measure each line for some hundredths of a second: figures are good to their first digit
    #[arg(long)]
    pub quick: bool,
    /// Which instructions the cpu backend may use, instead of the best that this machine has (trees always use the best)
    #[arg(long, value_enum)]
    pub isa: Option<IsaName>,
}

/// A backend that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendName {
    /// The fastest that this machine has
    Best,
    /// SIMD on the CPU
    Cpu,
    /// The scalar referee, slow on purpose
    Reference,
}

/// What belongs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// Signatures by known and unknown keys
    Verify,
    /// Unsigned votes: decode, aggregate and quorum in one pass
    Aggregate,
    /// Rounds of "all up to here": what many partitions have committed
    Cumulative,
    /// Trees over a million records
    Merkle,
    /// Whole rounds, from opening to closing
    Round,
    /// Three nodes on this machine, over TLS, and their clients
    Cluster,
    /// All of them
    All,
}

impl Suite {
    fn run(self, bench: &mut Bench<'_>) -> Result<()> {
        match self {
            Self::Verify => verify::run(bench),
            Self::Aggregate => aggregate::run(bench),
            Self::Cumulative => cumulative::run(bench),
            Self::Merkle => merkle::run(bench),
            Self::Round => round::run(bench),
            Self::Cluster => cluster::run(bench),
            Self::All => [Self::Verify, Self::Aggregate, Self::Cumulative, Self::Merkle, Self::Round, Self::Cluster]
                .into_iter()
                .try_for_each(|suite| suite.run(bench)),
        }
    }
}

/// An instruction set of the cpu backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IsaName {
    /// Plain 64-bit integers
    Portable,
    /// AVX2
    Avx2,
    /// AVX-512 with its 52-bit multipliers
    #[value(name = "avx512-ifma")]
    Avx512Ifma,
}

/// Measures, and prints a line for each figure as soon as it is known.
///
/// # Errors
/// If the machine lacks the instructions that were asked for, a backend fails, or the output cannot be written.
pub fn run(options: &Options) -> Result<()> {
    run_to(options, &mut std::io::stdout())
}

/// As [`run`], with the lines going elsewhere.
///
/// # Errors
/// As [`run`].
pub fn run_to(options: &Options, out: &mut dyn Write) -> Result<()> {
    let mut bench = Bench::new(options, out)?;
    if !options.json {
        let Descriptor { name, variant, threads, .. } = &bench.descriptor;
        let plural = if *threads == 1 { "" } else { "s" };
        writeln!(
            bench.out,
            "{name} backend, {variant}, {threads} thread{plural}, in process; medians of slices that alternate with the limit"
        )
        .into_diagnostic()?;
    }
    options.suite.run(&mut bench)
}

/// What all suites share.
struct Bench<'a> {
    plan: Plan,
    quick: bool,
    json: bool,
    /// The cpu backend's instruction set; none on another backend.
    isa: Option<Isa>,
    descriptor: Descriptor,
    out: &'a mut dyn Write,
    peak: Peak,
    /// The heading that was printed last.
    heading: String,
}

impl<'a> Bench<'a> {
    fn new(options: &Options, out: &'a mut dyn Write) -> Result<Self> {
        let isa = match (options.backend, options.isa) {
            (BackendName::Reference, None) => None,
            (BackendName::Reference, Some(_)) => return Err(miette!("the reference backend is scalar; leave out --isa")),
            (_, None) => Some(Isa::detect()),
            (_, Some(IsaName::Portable)) => Some(Isa::Portable),
            (_, Some(IsaName::Avx2)) => Some(Isa::Avx2),
            (_, Some(IsaName::Avx512Ifma)) => Some(Isa::Avx512Ifma),
        };
        if let Some(wanted) = isa.filter(|isa| !Isa::available().contains(isa)) {
            let there: Vec<&str> = Isa::available().iter().map(|isa| isa.name()).collect();
            return Err(miette!("this machine has no {}; it has: {}", wanted.name(), there.join(", ")));
        }
        let descriptor = backend(isa)?.descriptor();
        let plan = Plan::new(options.quick);
        Ok(Self { plan, quick: options.quick, json: options.json, isa, descriptor, out, peak: Peak::begin(), heading: String::new() })
    }

    /// Starts a line: its peak of memory counts from here. Gives a fresh backend.
    fn begin(&mut self) -> Result<Box<dyn Backend>> {
        self.begin_memory();
        backend(self.isa)
    }

    /// Starts a line that makes its own backends.
    fn begin_memory(&mut self) {
        self.peak = Peak::begin();
    }

    /// What was measured since [`Self::begin`], as a line to be completed and written.
    fn line<'b>(&self, what: &What<'b>, rates: Rates) -> Line<'b> {
        Line::new(what, rates, self.peak.bytes(), &self.descriptor)
    }

    /// Writes a line, under its heading.
    fn write(&mut self, what: &What<'_>, line: &Line<'_>) -> Result<()> {
        let limit = what.limit.unwrap_or("none known");
        let heading = format!("{} {limit}", what.stage);
        if !self.json && heading != self.heading {
            line::heading(what.stage, limit, what.clock, self.out)?;
            self.heading = heading;
        }
        line.write(self.json, self.out)
    }
}

/// A backend on one thread.
fn backend(isa: Option<Isa>) -> Result<Box<dyn Backend>> {
    Ok(match isa {
        Some(isa) => Box::new(Cpu::new(Settings { threads: 1, isa, ..Settings::default() }).into_diagnostic()?),
        None => Box::new(Reference::default()),
    })
}
