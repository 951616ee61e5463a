//! Writing configurations: every key with what it is, the chosen ones set, the others beside as comments with their defaults.

use clap::ValueEnum;
use quorate_node::config::{KEYS, Key, Loaded};

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// Sections and comments
    Toml,
    /// The same, indented
    Yaml,
    /// No comments: the chosen keys alone
    Json,
}

/// A member, as a list of members has it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) address: String,
    pub(super) client: String,
}

/// What a file says.
#[derive(Clone, Debug, Default)]
pub(super) struct Chosen {
    /// The values of keys, as TOML, YAML and JSON all write them.
    pub(super) values: Vec<(&'static str, String)>,
    /// The list of members, if there is one.
    pub(super) members: Vec<Member>,
}

/// What stands before the rest.
const HEAD: &str = "\
# A node of Quorate. What is behind a # is as it would be without the line; `quorate config check` looks for mistakes,
# and `quorate config show` for where each value comes from. Durations: \"150ms\", \"5s\". Sizes: \"64MiB\". Paths begin where this file is.
# The names in brackets are variables of the environment that count more than this file.
";

impl Form {
    /// The extension of a file's name.
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Toml => "toml",
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }

    /// The text of a file. `defaults` is what would hold without it.
    pub(super) fn text(self, chosen: &Chosen, defaults: &Loaded) -> String {
        if self == Self::Json {
            return json(chosen);
        }
        let mut text = HEAD.to_owned();
        let mut section = "";
        for key in KEYS {
            let (there, name) = key.path.split_once('.').unwrap_or(("", key.path));
            if there != section {
                section = there;
                text += &if self == Self::Toml { format!("\n[{section}]\n") } else { format!("\n{section}:\n") };
            }
            text += &self.entry(key, name, chosen, defaults);
        }
        text
    }

    /// One key, with what it is.
    fn entry(self, key: &Key, name: &str, chosen: &Chosen, defaults: &Loaded) -> String {
        let (indent, is) = if self == Self::Toml { ("", " = ") } else { ("  ", ": ") };
        let variable = key.environment.first().map_or_else(String::new, |variable| format!(" ({variable})"));
        let mut text = format!("{indent}# {}{variable}\n", key.says);
        if key.path == "cluster.members" && !chosen.members.is_empty() {
            return text + &self.members(&chosen.members);
        }
        let value = chosen.values.iter().find(|(path, _)| *path == key.path).map(|(_, value)| value.as_str());
        let default = || defaults.settings.iter().find(|set| set.path == key.path).map(|set| set.value.as_str());
        text += &match value {
            Some(value) => format!("{indent}{name}{is}{value}\n"),
            None => format!("{indent}# {name}{is}{}\n", example(key.path).or_else(default).unwrap_or_default()),
        };
        text
    }

    fn members(self, members: &[Member]) -> String {
        let line = |Member { id, address, client }: &Member| match self {
            Self::Toml => format!("  {{ id = {id}, address = \"{address}\", client = \"{client}\" }},\n"),
            _ => format!("    - {{ id: {id}, address: \"{address}\", client: \"{client}\" }}\n"),
        };
        let lines: String = members.iter().map(line).collect();
        if self == Self::Toml { format!("members = [\n{lines}]\n") } else { format!("  members:\n{lines}") }
    }
}

/// What to show of a key that has no default.
fn example(path: &str) -> Option<&'static str> {
    Some(match path {
        "cluster.members" => "[\"1=10.0.0.1:7000\", \"2=10.0.0.2:7000\", \"3=10.0.0.3:7000\"]",
        "cluster.peers" => "[\"node-2.example.net:7000\", \"node-3.example.net:7000\"]",
        "cluster.min_size" => "3",
        "consensus.timing" => "\"lan\"",
        "storage.sync_interval" => "\"100ms\"",
        "security.ca" => "\"certs/ca.pem\"",
        "security.cert" => "\"certs/node-1.pem\"",
        "security.key" => "\"certs/node-1.key\"",
        "network.send_buffer" | "network.receive_buffer" => "\"1MiB\"",
        _ => return None,
    })
}

fn json(chosen: &Chosen) -> String {
    let mut sections: Vec<(&str, Vec<String>)> = Vec::new();
    for key in KEYS {
        let (section, name) = key.path.split_once('.').unwrap_or(("", key.path));
        let value = match chosen.values.iter().find(|(path, _)| *path == key.path) {
            Some((_, value)) => value.clone(),
            None if key.path == "cluster.members" && !chosen.members.is_empty() => {
                let line = |Member { id, address, client }: &Member| {
                    format!("      {{ \"id\": {id}, \"address\": \"{address}\", \"client\": \"{client}\" }}")
                };
                format!("[\n{}\n    ]", chosen.members.iter().map(line).collect::<Vec<_>>().join(",\n"))
            }
            None => continue,
        };
        let line = format!("    \"{name}\": {value}");
        match sections.last_mut().filter(|(last, _)| *last == section) {
            Some((_, lines)) => lines.push(line),
            None => sections.push((section, vec![line])),
        }
    }
    let sections: Vec<String> =
        sections.iter().map(|(section, lines)| format!("  \"{section}\": {{\n{}\n  }}", lines.join(",\n"))).collect();
    format!("{{\n{}\n}}\n", sections.join(",\n"))
}
