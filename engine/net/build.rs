//! Makes the types of the wire from the protobufs. `protox` reads them, so that no `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["proto/link.proto", "proto/raft.proto", "proto/client.proto"];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
    }
    let set = protox::compile(files, ["proto"])?;
    let mut config = prost_build::Config::new();
    config.bytes(["."]);
    config.compile_fds(set)?;
    Ok(())
}
