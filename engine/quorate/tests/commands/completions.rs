//! `quorate completions`.

use crate::quorate;

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = quorate(&["completions", shell]);
        assert_eq!(run.code, 0);
        assert!(run.out.contains("quorate") && run.out.contains("doctor") && run.out.contains("anchor"), "{shell}");
    }
}

#[test]
fn another_shell_is_a_usage_error_that_lists_the_shells() {
    let run = quorate(&["completions", "csh"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("fish"));
}
