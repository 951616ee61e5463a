//! Quorate's stages beside rivals: the same work, in one run. README.md says what is fair about it and what is not.
//!
//! Usage: `peers SUITE [--json]`, where the suites are `cpu` and `storage`. One line a comparison; `ratio` is how many times faster we are.
#![forbid(unsafe_code)]

mod cpu;
mod pairwise;
mod report;
mod storage;

use std::process::ExitCode;

use report::Format;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| *word != "--json").collect();
    let format = if words.len() < arguments.len() { Format::Json } else { Format::Table };
    match words.as_slice() {
        ["cpu"] => {
            cpu::run(format);
            ExitCode::SUCCESS
        }
        ["storage"] => {
            storage::run(format);
            ExitCode::SUCCESS
        }
        ["child", task, folder] => match storage::child(task, folder) {
            Some(result) => {
                println!("{result}");
                ExitCode::SUCCESS
            }
            None => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: peers cpu|storage [--json]");
    ExitCode::from(2)
}
