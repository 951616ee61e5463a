//! A client of a running cluster: a value is written and read, a thousand commands are in flight at once, and changes are followed.
//!
//! `cargo run --example client -- client.toml`, where the file says how to reach the cluster; `quorate demo` writes one.

use std::path::Path;

use quorate::kv::{Command, Keys, Put, Revision, Watch};
use quorate::node::client::{Client, ClientConfig, SessionOptions, SubmitError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let profile = std::env::args().nth(1).ok_or("expected the path of a profile")?;
    let client = Client::connect(ClientConfig::read(Path::new(&profile))?).await?;

    let first = client.kv().put("greeting", "hello").await?.revision;
    let found = client.kv().get("greeting").await?;
    println!("at revision {first} the greeting is {:?}", found.map(|kv| String::from_utf8_lossy(&kv.value).into_owned()));

    // Each of these is carried out once, even if the leader changes in between.
    let mut session = client.session(SessionOptions::default());
    let (mut given, mut ended, mut batch) = (0, 0, Vec::new());
    while ended < 1000 {
        while given < 1000 {
            let put = Put::new(format!("example/{given}"), "x");
            match session.submit(Command::Put(put).encode().into(), given) {
                Ok(()) => given += 1,
                Err(SubmitError::Full(_)) => break,
                Err(error) => return Err(error.into()),
            }
        }
        session.next_batch(&mut batch).await;
        for (tag, outcome) in batch.drain(..) {
            outcome.map_err(|error| format!("command {tag}: {error}"))?;
            ended += 1;
        }
    }

    let mut follow = client.kv().watch(Watch::new(Keys::prefix("example/")), Some(Revision(first.0))).await?;
    let mut seen = 0;
    while seen < 1000 {
        seen += follow.next().await?.events.len();
    }
    println!("{seen} changes were followed; {:?}", client.counts(quorate::node::KV));
    client.close().await;
    Ok(())
}
