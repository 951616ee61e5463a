//! System packages that the tests need. Installed when that can be done without asking anyone, named otherwise.

use std::process::{Command, Stdio};

use crate::shell;

/// A Debian package, and the program by which one sees that it is there.
struct Package {
    name: &'static str,
    program: &'static str,
    overridden_by: &'static str,
    needed_for: &'static str,
}

const NEEDED: &[Package] = &[
    Package { name: "gcc", program: "cc", overridden_by: "CC", needed_for: "BLAKE3's assembly" },
    Package { name: "g++", program: "c++", overridden_by: "CXX", needed_for: "libFuzzer" },
];

/// Makes sure that every package is there.
pub(crate) fn ensure() -> Result<(), String> {
    let missing: Vec<&Package> = NEEDED.iter().filter(|package| !present(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    let reasons: Vec<String> = missing.iter().map(|package| format!("{} (for {})", package.name, package.needed_for)).collect();
    let by_hand = format!("missing: {}. Run: sudo apt-get install -y {}", reasons.join(", "), names.join(" "));
    if !shell::on_path("apt-get") {
        return Err(format!("missing: {}. Install them with your system's package manager.", reasons.join(", ")));
    }
    let Some(prefix) = prefix_to_become_root() else {
        return Err(by_hand);
    };
    println!("installing {}", names.join(" "));
    apt_get(prefix, &["update", "-qq"]).map_err(|error| format!("{error}\n{by_hand}"))?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(&names);
    apt_get(prefix, &install).map_err(|error| format!("{error}\n{by_hand}"))?;
    match missing.iter().find(|package| !present(package)) {
        None => Ok(()),
        Some(package) => Err(format!("{} is installed, but there is still no `{}`", package.name, package.program)),
    }
}

fn present(package: &Package) -> bool {
    shell::on_path(package.program) || std::env::var(package.overridden_by).is_ok_and(|named| shell::on_path(&named))
}

/// What to write before a command so that it runs as root: nothing, `sudo -n`, or it cannot be done.
fn prefix_to_become_root() -> Option<&'static [&'static str]> {
    let quiet =
        |program: &str, arguments: &[&str]| Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
    if quiet("id", &["-u"]).is_ok_and(|output| output.stdout == b"0\n") {
        return Some(&[]);
    }
    let asks_nothing = quiet("sudo", &["-n", "true"]).is_ok_and(|output| output.status.success());
    asks_nothing.then_some(&["sudo", "-n"])
}

fn apt_get(prefix: &[&str], arguments: &[&str]) -> Result<(), String> {
    let words: Vec<&str> = prefix.iter().copied().chain(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]).collect();
    shell::run(Command::new(words[0]).args(&words[1..]).args(arguments).stdin(Stdio::null()))
}
