//! The examples at the top of the module are run, in order, by the shell with the real `curl`; where there is none, by this file.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use serde_json::Value;

use crate::client::{Events, PATIENCE, ask};
use crate::served::Served;

const MODULE: &str = include_str!("../../src/http/mod.rs");

/// Commands, each with the lines that it is said to print.
fn examples() -> Vec<(String, Vec<String>)> {
    let block = MODULE.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of examples");
    let mut examples: Vec<(String, Vec<String>)> = Vec::new();
    let mut unfinished = false;
    for line in block.lines().filter_map(|line| line.strip_prefix("//! ")).filter(|line| !line.is_empty()) {
        if let Some(command) = line.strip_prefix("$ ") {
            examples.push((String::from(command.trim_end_matches('\\')), Vec::new()));
        } else {
            let (command, printed) = examples.last_mut().expect("a command before what it prints");
            // A command goes on behind a backslash, and what is printed where a line is indented.
            match (unfinished, line.strip_prefix("  ")) {
                (true, Some(more)) => *command += more.trim_end_matches('\\'),
                (_, Some(more)) => *printed.last_mut().expect("a line before its other half") += more,
                (_, None) => printed.push(line.to_owned()),
            }
        }
        unfinished = line.ends_with('\\');
    }
    examples
}

/// The same, whatever the order of a JSON object's fields.
fn same(found: &str, expected: &str) -> bool {
    let parsed = |line: &str| serde_json::from_str::<Value>(line.strip_prefix("data: ").unwrap_or(line)).ok();
    match (parsed(found), parsed(expected)) {
        (Some(found), Some(expected)) => found == expected,
        _ => found == expected,
    }
}

#[test]
fn the_examples_print_what_they_are_said_to_print() {
    let served = Served::begin(Default::default());
    let has_curl = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    let examples = examples();
    assert!(examples.len() >= 15, "only {} examples were found", examples.len());
    for (command, expected) in examples {
        let found =
            if has_curl { run(&command, served.address, expected.len()) } else { imitate(&command, served.address, expected.len()) };
        let all = found.len() == expected.len() && found.iter().zip(&expected).all(|(found, expected)| same(found, expected));
        assert!(all, "$ {command}\nexpected\n{}\nfound\n{}", expected.join("\n"), found.join("\n"));
    }
}

/// Runs a command in a shell until it ends, or has printed so many lines that are not empty.
fn run(command: &str, address: SocketAddr, lines: usize) -> Vec<String> {
    let command = command.replace("127.0.0.1:7002", &address.to_string()).replacen("curl", "exec curl --silent --show-error", 1);
    let mut child = Command::new("sh").args(["-c", &command]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (said, heard) = mpsc::channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
    let (begun, mut found) = (Instant::now(), Vec::new());
    while found.len() < lines {
        match heard.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
            Ok(line) if line.is_empty() => {}
            Ok(line) => found.push(line),
            Err(_) => break,
        }
    }
    drop(heard);
    if command.contains("/v1/watch") {
        child.kill().unwrap();
    }
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    child.wait().unwrap();
    let _ = reader.join().unwrap();
    assert!(errors.is_empty(), "$ {command}\n{errors}");
    found
}

/// Does what `curl` would.
fn imitate(command: &str, address: SocketAddr, lines: usize) -> Vec<String> {
    let mut words = words(command).into_iter().skip(1);
    let (mut method, mut headers, mut body, mut target) = (None, Vec::new(), None, String::new());
    while let Some(word) = words.next() {
        let mut next = || words.next().expect("something behind an option");
        match word.as_str() {
            "-X" => method = Some(next()),
            "-d" => body = Some(next()),
            "-H" => headers.push(next()),
            "-N" => {}
            url => target = url.strip_prefix("http://127.0.0.1:7002").expect("the address of the examples").to_owned(),
        }
    }
    if target.starts_with("/v1/watch") {
        let mut events = Events::open(address, &target, &[]);
        let mut found = Vec::new();
        while found.len() < lines {
            let event = events.next().expect("more");
            match event.comment.as_str() {
                "" => {
                    found.extend([format!("event: {}", event.name), format!("data: {}", event.data), format!("id: {}", event.id.unwrap())])
                }
                comment => found.push(format!(": {comment}")),
            }
        }
        return found;
    }
    let method = method.unwrap_or_else(|| if body.is_some() { "POST".into() } else { "GET".into() });
    let headers: Vec<_> = headers.iter().map(|header| header.split_once(": ").expect("a header")).collect();
    let answer = ask(address, &method, &target, &headers, body.unwrap_or_default().as_bytes());
    answer.text().lines().map(str::to_owned).collect()
}

/// The words of a command, as the shell takes them apart.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in command.chars() {
        match quote {
            None if c == ' ' => words.push(std::mem::take(&mut word)),
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(end) if c == end => quote = None,
            _ => word.push(c),
        }
    }
    words.push(word);
    words
}

#[test]
fn without_curl_the_same_is_found() {
    let served = Served::begin(Default::default());
    for (command, expected) in examples() {
        let found = imitate(&command, served.address, expected.len());
        let all = found.len() == expected.len() && found.iter().zip(&expected).all(|(found, expected)| same(found, expected));
        assert!(all, "$ {command}\nexpected\n{}\nfound\n{}", expected.join("\n"), found.join("\n"));
    }
}
