//! The backends of this crate, held to the reference.

use quorate_pipeline::conformance::{differential, order_independence, planted_fault};
use quorate_pipeline::cpu::{Cpu, Settings};
use quorate_pipeline::reference::Reference;
use quorate_pipeline::{Backend, Isa};

fn cpu(isa: Isa, threads: usize) -> Box<dyn Backend> {
    Box::new(Cpu::new(Settings { threads, isa, ..Settings::default() }).expect("threads can be started"))
}

#[test]
fn every_instruction_set_gives_the_bits_of_the_reference() {
    for &isa in Isa::available() {
        let verdict = differential(&|| cpu(isa, 1), 1, 1500);
        assert!(verdict.passed(), "{isa:?}: {:#?}", &verdict.failures[..verdict.failures.len().min(3)]);
    }
}

#[test]
fn threads_change_nothing() {
    let verdict = differential(&|| cpu(Isa::detect(), 3), 2, 1200);
    assert!(verdict.passed(), "{:#?}", &verdict.failures[..verdict.failures.len().min(3)]);
}

#[test]
fn the_order_and_grouping_of_votes_change_nothing() {
    for make in [&(|| cpu(Isa::detect(), 2)) as &dyn Fn() -> Box<dyn Backend>, &|| Box::new(Reference::new())] {
        let verdict = order_independence(make, 3, 500);
        assert!(verdict.passed(), "{:#?}", &verdict.failures[..verdict.failures.len().min(3)]);
    }
}

#[test]
fn every_planted_fault_is_found() {
    let verdict = planted_fault(&|| cpu(Isa::detect(), 1), 4, 480);
    assert!(verdict.passed(), "{:#?}", verdict.failures);
}
