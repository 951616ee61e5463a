//! Help texts, and command lines that are wrong.

use crate::quorate;

#[test]
fn every_command_explains_itself_with_an_example_and_its_exit_codes() {
    let all = quorate(&["--help"]);
    assert_eq!(all.code, 0);
    for command in ["demo", "node", "config", "kv", "cluster", "test", "benchmark", "verify", "sim", "trace", "doctor", "completions"] {
        assert!(all.out.contains(&format!("\n  {command} ")), "{command} is not in the list");
        assert_eq!(quorate(&[command, "--help"]).code, 0);
    }
    for command in ["demo", "node", "config", "kv", "cluster", "test", "benchmark", "verify", "sim", "trace", "doctor", "completions"] {
        let help = quorate(&[command, "--help"]).out;
        assert!(help.contains("Example") && help.contains("Exit codes:"), "{help}");
    }
    let own = [("kv", ["put", "get", "del", "watch"].as_slice()), ("cluster", ["status", "members", "transfer"].as_slice())];
    for (command, own) in own.into_iter().flat_map(|(command, own)| own.iter().map(move |own| (command, own))) {
        let help = quorate(&[command, own, "--help"]).out;
        assert!(help.contains("Example") && help.contains("Exit codes:"), "{help}");
    }
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    for arguments in [&[][..], &["tset"], &["test", "--sede", "1"], &["test", "--rounds", "0"], &["test", "--isa", "sse2"], &["verify"]] {
        let run = quorate(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}");
        assert!(!run.err.is_empty());
    }
    assert!(quorate(&["tset"]).err.contains("'test'"));
}
