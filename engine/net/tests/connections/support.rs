//! Members and clients with certificates, and connections between them.

use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, MemberId, PartitionId};
use quorate_net::certs::{Authority, Issued};
use quorate_net::class::Class;
use quorate_net::connection::{ConnectError, Connection, Expect, Greeting, Local, SocketOptions};
use quorate_net::frame::{Agreed, Frame, FrameLimits, FrameReader, FrameWriter, Kind};
use quorate_net::identity::{Identity, Who};
use quorate_net::tls::{Credentials, Security};
use quorate_net::wire::link;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
pub(crate) const CLUSTER: ClusterId = ClusterId(Digest([0xc1; 32]));

pub(crate) static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| authority("demo"));

pub(crate) fn authority(cluster: &str) -> Authority {
    Authority::new(cluster.parse().unwrap(), SystemTime::now(), YEAR).unwrap()
}

pub(crate) fn member(id: u64) -> Who {
    Who::Member(MemberId(id))
}

pub(crate) fn client(name: &str) -> Who {
    Who::client(name).unwrap()
}

pub(crate) fn issued(authority: &Authority, who: &Who) -> Issued {
    authority.issue(who, &["localhost".into(), "127.0.0.1".into()], SystemTime::now(), YEAR).unwrap()
}

pub(crate) fn credentials(trusted: &str, issued: &Issued) -> Security {
    Security::Tls(Arc::new(Credentials::from_pem(trusted, &issued.cert_pem, &issued.key_pem).unwrap()))
}

/// Somebody of the cluster, with a good certificate.
pub(crate) fn secure(who: Who) -> Local {
    let security = credentials(AUTHORITY.cert_pem(), &issued(&AUTHORITY, &who));
    Local { security, ..plain(who) }
}

/// Somebody of the cluster, without TLS.
pub(crate) fn plain(who: Who) -> Local {
    Local {
        identity: Identity::new("demo".parse().unwrap(), who),
        cluster_id: CLUSTER,
        address: "127.0.0.1:7000".into(),
        security: Security::Plain,
        limits: FrameLimits::default(),
        socket: SocketOptions::default(),
        compression: false,
    }
}

pub(crate) async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

pub(crate) async fn accept(listener: &TcpListener, us: &Local) -> Result<Connection, ConnectError> {
    let (stream, _) = listener.accept().await.unwrap();
    Connection::accept(stream, us, |_| Ok(())).await
}

/// What becomes of it at both ends when one dials the other.
pub(crate) async fn meet(
    dialler: &Local,
    acceptor: &Local,
    whom: Expect,
    class: Class,
    admit: impl Fn(&Greeting) -> Result<(), String>,
) -> (Result<Connection, ConnectError>, Result<Connection, ConnectError>) {
    let (listener, address) = listen().await;
    let accepting = async {
        let (stream, _) = listener.accept().await.unwrap();
        Connection::accept(stream, acceptor, admit).await
    };
    tokio::join!(Connection::dial(&address, dialler, whom, class), accepting)
}

pub(crate) async fn connected(dialler: &Local, acceptor: &Local, class: Class) -> (Connection, Connection) {
    let whom = Expect::Member(acceptor.identity.who.member().unwrap());
    let (dialled, accepted) = meet(dialler, acceptor, whom, class, |_| Ok(())).await;
    (dialled.unwrap(), accepted.unwrap())
}

pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("it happens in time")
}

pub(crate) fn frame(kind: Kind, partition: u32, body: impl Into<Bytes>) -> Frame {
    Frame { kind, partition: PartitionId(partition), body: body.into() }
}

/// Somebody who speaks the wire by hand, without TLS, and can say anything.
pub(crate) struct Stranger {
    pub(crate) stream: TcpStream,
    pub(crate) writer: FrameWriter,
    pub(crate) reader: FrameReader,
    come: BytesMut,
}

impl Stranger {
    pub(crate) async fn dialling(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self { stream, writer: FrameWriter::greeting(Kind::Hello), reader: FrameReader::greeting(Kind::Welcome), come: BytesMut::new() }
    }

    pub(crate) fn accepting(stream: TcpStream) -> Self {
        Self { stream, writer: FrameWriter::greeting(Kind::Welcome), reader: FrameReader::greeting(Kind::Hello), come: BytesMut::new() }
    }

    pub(crate) fn hello() -> link::Hello {
        link::Hello {
            oldest_version: 1,
            newest_version: 1,
            cluster: "demo".into(),
            member: 2,
            class: link::Class::Log.into(),
            ..link::Hello::default()
        }
    }

    /// One who was let in as member 2, for entries of the log.
    pub(crate) async fn welcomed(address: &str) -> Self {
        let mut stranger = Self::dialling(address).await;
        stranger.say(Kind::Hello, &Self::hello().encode_to_vec()).await;
        let welcome = link::Welcome::decode(stranger.hear().await.unwrap().body).unwrap();
        let kind = Some(Kind::Raft);
        stranger.writer.agree(Agreed { version: 1, salt: welcome.salt, kind, limit: usize::MAX, compression: false });
        stranger.reader.agree(Agreed { version: 1, salt: !welcome.salt, kind: None, limit: 0, compression: false });
        stranger
    }

    pub(crate) fn bytes(&mut self, kind: Kind, body: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        self.writer.push(&mut out, kind, PartitionId(1), |out| out.extend_from_slice(body)).unwrap();
        out
    }

    pub(crate) async fn say(&mut self, kind: Kind, body: &[u8]) {
        let bytes = self.bytes(kind, body);
        self.send(&bytes).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame; none if the stream ends.
    pub(crate) async fn hear(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.reader.next(&mut self.come).unwrap() {
                return Some(frame);
            }
            if self.stream.read_buf(&mut self.come).await.unwrap() == 0 {
                return None;
            }
        }
    }

    /// The reason that it is told for being refused.
    pub(crate) async fn refusal(&mut self) -> String {
        let frame = self.hear().await.expect("a refusal");
        assert_eq!(frame.kind, Kind::Refusal);
        link::Refusal::decode(frame.body).unwrap().reason
    }
}
