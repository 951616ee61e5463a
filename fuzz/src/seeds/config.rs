//! A node in each form, and the files of earlier engines.

use super::Seed;

macro_rules! seeds {
    ($($name:literal $form:literal $path:literal;)*) => {
        vec![$({
            let text = include_str!(concat!("../../../fixtures/config/", $path));
            Seed { target: "config", name: $name, bytes: [$form, text].concat().into() }
        }),*]
    };
}

pub(super) fn all() -> Vec<Seed> {
    seeds! {
        "toml" "t" "node.toml";
        "yaml" "y" "node.yaml";
        "json" "j" "node.json";
        "gpu_optimized_raft" "t" "seeds/gpu_optimized_raft.toml";
        "paxos" "y" "seeds/paxos.yaml";
        "snowball" "y" "seeds/snowball.yaml";
        "hybrid" "j" "seeds/hybrid.json";
    }
}
