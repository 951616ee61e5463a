//! The command line: which chores there are, what each takes, and what `--help` says.
//!
//! Parsed by hand, since `cargo xtask` is typed all day and should build in a second.

use std::fmt::Write as _;

use crate::nearest::nearest;

/// One thing that `cargo xtask` can do.
pub(crate) struct Chore {
    pub(crate) name: &'static str,
    takes: &'static str,
    about: &'static str,
    more: &'static str,
    flags: &'static [&'static str],
    words_max: usize,
    pub(crate) run: fn(&Options) -> Result<(), String>,
}

/// What was typed after the chore's name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// The target or suite named, if any.
    pub(crate) word: Option<String>,
    pub(crate) seconds: Option<u64>,
    pub(crate) list: bool,
    pub(crate) json: bool,
    pub(crate) seed: bool,
}

/// What to do.
pub(crate) enum Request {
    Print(String),
    Run(&'static Chore, Options),
}

/// Every chore, in the order in which `--help` shows them.
pub(crate) static CHORES: &[Chore] = &[
    Chore {
        name: "test",
        takes: "",
        about: "Pass every test and every check. What `.ci/run` runs.",
        more: "In order: system packages, fmt, clippy, layers, licences, tidy, tests, the rivals' workspace, the engine's\n\
               self-test, and every fuzz target for a few seconds. Stops at the first failure with the command that repeats it alone.",
        flags: &[],
        words_max: 0,
        run: crate::test::run,
    },
    Chore {
        name: "fuzz",
        takes: "[TARGET] [--seconds N] [--list] [--seed]",
        about: "Fuzz one decoder, or each in turn, from the saved corpus.",
        more: "Needs stable Rust and a C++ compiler, neither nightly nor cargo-fuzz. Known regressions are replayed first.\n\
               New inputs gather in fuzz/work; an input that crashes is left in fuzz/artifacts: once the bug is mended, move\n\
               it to fuzz/regressions/TARGET.\n\
               \n    --seconds N  how long each target runs [default: 60]\
               \n    --list       name the targets\
               \n    --seed       write the saved corpus anew, from the inputs fixed in fuzz/src/seeds.rs",
        flags: &["--seconds", "--list", "--seed"],
        words_max: 1,
        run: crate::fuzz::run,
    },
    Chore {
        name: "bench",
        takes: "SUITE [--json]",
        about: "Measure the engine beside its rivals, the same work in one run.",
        more: "Builds benches/peers (a workspace of its own: rivals are never dependencies of the engine) with the default\n\
               flags and runs one suite of it. Suites: cpu; storage, which writes 10 GiB beside the build, keeps at most 2 GiB of\n\
               them, and takes minutes; QUORATE_BENCH_GIB says how many else. Our own benches run by `cargo bench`.\n\
               \n    --json       one JSON object a line, for scripts",
        flags: &["--json"],
        words_max: 1,
        run: crate::bench::run,
    },
    Chore {
        name: "kill",
        takes: "[TIMES]",
        about: "Kill a writer of the log so many times, and see that nothing it acknowledged is lost.",
        more: "The writer is a process of its own, on the disk that has the target folder, and is ended by SIGKILL at a random moment.\n\
               `cargo xtask test` does it 20 times; 500 [default] take about three minutes.",
        flags: &[],
        words_max: 1,
        run: crate::kill::run,
    },
    Chore {
        name: "failover",
        takes: "[TIMES]",
        about: "Kill the leader of a real cluster so many times, then stop it as often, and time how long until another leads.",
        more: "Three processes over TLS on loopback. `cargo xtask test` does it 10 times; 200 [default] hold the times against what is\n\
               promised, which takes a machine that does nothing else.",
        flags: &[],
        words_max: 1,
        run: crate::cluster::failover,
    },
    Chore {
        name: "overload",
        takes: "[SECONDS]",
        about: "Ask ten times as much of a real cluster as it can do, and see that it refuses in order and gets over it.",
        more: "`cargo xtask test` does it for 5 seconds; 60 is the default here.",
        flags: &[],
        words_max: 1,
        run: crate::cluster::overload,
    },
    Chore {
        name: "layers",
        takes: "",
        about: "Check that imports run only the way the design allows.",
        more: "A crate imports from lower layers only; core, protocol and sim see no clock, no socket, no thread and no\n\
               randomness but what they are given; rivals are dependencies of nothing.",
        flags: &[],
        words_max: 0,
        run: |_| said(crate::layers::run()),
    },
    Chore {
        name: "licences",
        takes: "",
        about: "Check the licence of every crate in every lockfile, and that none was yanked.",
        more: "Licences are SPDX expressions held against an allow-list. Yanks are read from cargo's copy of the registry\n\
               index, refreshed first; without a network that part says so and passes.",
        flags: &[],
        words_max: 0,
        run: |_| said(crate::licences::run()),
    },
    Chore {
        name: "tidy",
        takes: "",
        about: "Check the rules of the house that neither rustfmt nor clippy knows.",
        more: "Lines to 140 columns, files to 700 lines, no todo!, dbg! or unimplemented!, `//!` at the top of every module,\n\
               `#![forbid(unsafe_code)]` outside the pipeline, and every folder of engine/ named in ARCHITECTURE.md.",
        flags: &[],
        words_max: 0,
        run: |_| said(crate::tidy::run()),
    },
];

/// Reads the command line, or says what is wrong with it.
pub(crate) fn parse(arguments: &[String]) -> Result<Request, String> {
    let Some((first, rest)) = arguments.split_first() else {
        return Err(overview());
    };
    if matches!(first.as_str(), "-h" | "--help" | "help") {
        return Ok(Request::Print(match rest.first() {
            Some(name) => manual(find(name)?),
            None => overview(),
        }));
    }
    let chore = find(first)?;
    if rest.iter().any(|word| word == "-h" || word == "--help") {
        return Ok(Request::Print(manual(chore)));
    }
    Ok(Request::Run(chore, options(chore, rest)?))
}

/// Ends a check that was asked for alone with what it has to say.
fn said(check: Result<String, String>) -> Result<(), String> {
    check.map(|note| println!("ok: {note}"))
}

fn find(name: &str) -> Result<&'static Chore, String> {
    CHORES.iter().find(|chore| chore.name == name).ok_or_else(|| match nearest(name, CHORES.iter().map(|chore| chore.name)) {
        Some(near) => format!("there is no chore `{name}`; did you mean `cargo xtask {near}`?"),
        None => format!("there is no chore `{name}`\n\n{}", overview()),
    })
}

fn options(chore: &Chore, arguments: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let (flag, mut value) = match argument.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value)),
            _ => (argument.as_str(), None),
        };
        if !flag.starts_with('-') {
            words.push(argument.clone());
            continue;
        }
        if !chore.flags.contains(&flag) {
            let hint = match nearest(flag, chore.flags.iter().copied()) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => format!("; it takes: {}", if chore.takes.is_empty() { "nothing" } else { chore.takes }),
            };
            return Err(format!("`cargo xtask {}` has no `{flag}`{hint}", chore.name));
        }
        match flag {
            "--seconds" => {
                let text = value.take().or_else(|| arguments.next().map(String::as_str)).unwrap_or("nothing");
                let seconds = text.parse().ok().filter(|seconds| (1..=1_000_000).contains(seconds));
                options.seconds = Some(seconds.ok_or_else(|| format!("--seconds wants a number from 1 to 1000000, not `{text}`"))?);
            }
            "--list" => options.list = true,
            "--json" => options.json = true,
            "--seed" => options.seed = true,
            other => unreachable!("{other} is in the table of flags and nowhere else"),
        }
        if value.is_some() {
            return Err(format!("`{flag}` takes no value"));
        }
    }
    if words.len() > chore.words_max {
        return Err(format!("`cargo xtask {}` does not know what to do with `{}`", chore.name, words[chore.words_max]));
    }
    options.word = words.pop();
    Ok(options)
}

fn overview() -> String {
    let mut text = String::from("The chores of Quorate.\n\nUsage: cargo xtask CHORE\n\n");
    for chore in CHORES {
        let _ = writeln!(text, "  {:<10} {}", chore.name, chore.about);
    }
    text.push_str("\n`cargo xtask CHORE --help` says more about one. `cargo xtask test` is the one to run before a commit.\n");
    text
}

fn manual(chore: &Chore) -> String {
    let usage = format!("cargo xtask {} {}", chore.name, chore.takes);
    format!("{}\n\nUsage: {}\n\n{}\n", chore.about, usage.trim_end(), chore.more)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Request, String> {
        parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    fn error(line: &str) -> String {
        match parse_words(line) {
            Err(message) => message,
            Ok(_) => panic!("`{line}` was understood"),
        }
    }

    #[test]
    fn an_unknown_chore_is_answered_with_the_nearest() {
        assert!(error("tset").contains("cargo xtask test"));
        assert!(error("deploy").contains("Usage:"));
    }

    #[test]
    fn options_are_read_and_nonsense_is_named() {
        let Ok(Request::Run(chore, options)) = parse_words("fuzz blocks --seconds=9") else {
            panic!("a good command line was refused");
        };
        assert_eq!((chore.name, options.word.as_deref(), options.seconds), ("fuzz", Some("blocks"), Some(9)));
        assert!(error("fuzz --seconds 0").contains("`0`"));
        assert!(error("fuzz --second 4").contains("--seconds"));
        assert!(error("fuzz --list=yes").contains("takes no value"));
        assert!(error("fuzz a b").contains("`b`"));
        assert!(error("tidy --json").contains("nothing"));
    }

    #[test]
    fn every_chore_has_a_page_of_help() {
        for chore in CHORES {
            let Ok(Request::Print(page)) = parse_words(&format!("{} --help", chore.name)) else {
                panic!("{} has no help", chore.name);
            };
            assert!(page.contains(chore.name) && page.len() > 120, "{page}");
            for flag in chore.flags {
                assert!(page.contains(flag), "the help of {} does not mention {flag}", chore.name);
            }
        }
    }
}
