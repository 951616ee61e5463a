//! Writes the saved corpus: `seed <folder>`, or checks that it is the one that [`quorate_fuzz::seeds`] makes: `--check`.
#![forbid(unsafe_code)]

// The coverage counters that are compiled in want libFuzzer's half of them to link.
use libfuzzer_sys as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use quorate_fuzz::seeds;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: seed FOLDER [--check]");
        return ExitCode::from(2);
    };
    let check = arguments.next().as_deref() == Some("--check");
    let mut wrong = 0;
    for seed in seeds::all() {
        let path = folder.join(seed.target).join(seed.name);
        if !check {
            let written = fs::create_dir_all(folder.join(seed.target)).and_then(|()| fs::write(&path, &seed.bytes));
            if let Err(error) = written {
                eprintln!("{}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        } else if fs::read(&path).ok().as_ref() != Some(&seed.bytes) {
            eprintln!("{} is not what fuzz/src/seeds.rs makes; run `cargo xtask fuzz --seed`", path.display());
            wrong += 1;
        }
    }
    ExitCode::from(u8::from(wrong > 0))
}
