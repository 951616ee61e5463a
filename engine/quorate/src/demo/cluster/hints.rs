//! Where to look and what to type while the demo runs: lines that work as they are, pasted into another terminal.

use std::path::Path;

use super::model::Hint;
use super::plan::{Plan, profile_path};
use super::ports::Ports;

/// The hints for a cluster.
pub(crate) fn of(plan: &Plan, home: &Path) -> Vec<Hint> {
    let hint = |what: &str, text: String| Hint { what: what.into(), text };
    let http = plan.ports_of(1).http;
    let profile = profile_path(home);
    let quorate = |command: &str| format!("{} kv {command} --profile {}", program(), quoted(&profile));
    let others = |at: fn(&Ports) -> u16| plan.ports.iter().map(|ports| at(ports).to_string()).collect::<Vec<_>>();
    let (doors, clients) = (others(|ports| ports.http), others(|ports| ports.clients));
    let also = if doors.len() > 1 { format!("also {}; ", doors[1..].join(", ")) } else { String::new() };
    vec![
        hint("open", format!("http://127.0.0.1:{http}/ ({also}clients: {})", clients.join(", "))),
        hint("write", quorate("put hello world")),
        hint("read", quorate("get hello")),
        hint("over HTTP", format!("curl -s http://127.0.0.1:{http}/v1/kv/hello")),
        hint("metrics", format!("curl -s http://127.0.0.1:{http}/metrics")),
    ]
}

/// This program, as a shell finds it: by its name if that is where it was found, and otherwise by its path.
fn program() -> String {
    let Ok(path) = std::env::current_exe() else { return "quorate".into() };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let found = std::env::var_os("PATH")
        .and_then(|places| std::env::split_paths(&places).map(|place| place.join(&name)).find(|file| file.is_file()));
    let is_it = found.and_then(|file| file.canonicalize().ok()).is_some_and(|file| path.canonicalize().is_ok_and(|path| path == file));
    if is_it { name } else { quoted(&path) }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "/._-+:@%".contains(sign);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_where_a_shell_would_take_them_apart() {
        assert_eq!(quoted(Path::new("/tmp/quorate-demo-1/client.toml")), "/tmp/quorate-demo-1/client.toml");
        assert_eq!(quoted(Path::new("/tmp/my data/it's")), r"'/tmp/my data/it'\''s'");
    }
}
