//! How two ends get to know each other, and every reason why they may not want to.
//!
//! 1. TLS, if there is any: each end proves that the cluster's authority issued its certificate.
//! 2. Each looks at whom the other's certificate names: a member or client of this cluster, and the member that was dialled.
//! 3. The one who dialled says hello. What it says of itself must be what its certificate says.
//! 4. The other welcomes it with a version that both speak, and a salt.
//!
//! From the second step on, whoever refuses tells the other why. The whole has a deadline, and its frames are short.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, MemberId, PartitionId};
use quorate_env::rng::{Entropy, Rng as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::channel::{Channel, lock};
use super::error::{ConnectError, ReadError};
use super::incoming::LINGER_TIMEOUT;
use super::{Connection, Expect, Greeting, Incoming, Local, Outgoing, incoming, outgoing, socket};
use crate::certs::identity_of;
use crate::class::Class;
use crate::frame::{Agreed, Frame, Kind, VERSION_NEWEST, VERSION_OLDEST, negotiate};
use crate::identity::{Identity, Who};
use crate::tls::Security;
use crate::wire::link;

/// Within this time both ends know each other, or there is no connection.
pub const GREETING_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest address that a hello may give: a host's name and a port.
const ADDRESS_BYTES_MAX: usize = 300;

impl Connection {
    /// Reaches somebody.
    ///
    /// # Errors
    /// If nobody is there, it is somebody else, or either refuses the other.
    pub async fn dial(address: &str, us: &Local, whom: Expect, class: Class) -> Result<Self, ConnectError> {
        in_time(address, dial(address, us, whom, class)).await
    }

    /// Lets somebody in, if it belongs here and `admit` has nothing against it.
    ///
    /// # Errors
    /// If it is refused, refuses this end, or breaks off. The other end has been told; the caller should write it down.
    pub async fn accept(stream: TcpStream, us: &Local, admit: impl Fn(&Greeting) -> Result<(), String>) -> Result<Self, ConnectError> {
        let peer = stream.peer_addr().map_err(|error| ConnectError::Network { doing: "accepting", peer: "somebody".into(), error })?;
        in_time(&peer.to_string(), accept(stream, peer, us, admit)).await
    }
}

async fn in_time<T>(peer: &str, greeting: impl Future<Output = Result<T, ConnectError>>) -> Result<T, ConnectError> {
    let expired = |_| ConnectError::Timeout { peer: peer.to_owned(), after: GREETING_TIMEOUT };
    timeout(GREETING_TIMEOUT, greeting).await.unwrap_or_else(|elapsed| Err(expired(elapsed)))
}

async fn dial(address: &str, us: &Local, whom: Expect, class: Class) -> Result<Connection, ConnectError> {
    let named = match whom {
        Expect::Member(id) => format!("member {id} at {address}"),
        Expect::AnyMember => address.to_owned(),
    };
    let (stream, peer) = reach(address, us, &named).await?;
    let channel = match &us.security {
        Security::Plain => Channel::Plain,
        Security::Tls(credentials) => Channel::tls(credentials.dialling().map_err(|error| no_tls(&named, &error))?),
    };
    let mut ends = Ends::new(stream, channel, [Kind::Welcome, Kind::Hello], named);
    let certified = ends.certified(us).await?;
    if let Some(found) = &certified
        && let Err(reason) = expected(&found.who, whom)
    {
        return Err(ends.refuse(reason).await);
    }
    ends.say(Kind::Hello, &hello(us, class)).await?;
    let frame = ends.hear().await?;
    let welcome = link::Welcome::decode(frame.body).map_err(|error| format!("its welcome cannot be read: {error}"));
    let met = welcome.and_then(|welcome| {
        let remote = Greeting::of_welcome(us, &welcome, certified.as_ref(), whom, (class, address, peer))?;
        Ok((welcome, remote))
    });
    let (welcome, remote) = match met {
        Ok(met) => met,
        Err(reason) => return Err(ends.refuse(reason).await),
    };
    let compression = us.compression && welcome.compression;
    ends.agree([class.back(&us.limits), class.onward(&us.limits)], &remote, [!welcome.salt, welcome.salt], compression)?;
    Ok(ends.connection(remote))
}

async fn accept(
    stream: TcpStream,
    peer: SocketAddr,
    us: &Local,
    admit: impl Fn(&Greeting) -> Result<(), String>,
) -> Result<Connection, ConnectError> {
    let named = peer.to_string();
    us.socket.set(&stream).map_err(|error| ConnectError::Network { doing: "setting up the socket to", peer: named.clone(), error })?;
    let channel = match &us.security {
        Security::Plain => Channel::Plain,
        Security::Tls(credentials) => Channel::tls(credentials.accepting().map_err(|error| no_tls(&named, &error))?),
    };
    let mut ends = Ends::new(stream, channel, [Kind::Hello, Kind::Welcome], named);
    let certified = ends.certified(us).await?;
    if let Some(identity) = &certified {
        ends.peer = format!("{} at {peer}", identity.who);
    }
    let frame = ends.hear().await?;
    let hello = link::Hello::decode(frame.body).map_err(|error| format!("its hello cannot be read: {error}"));
    let met = hello.and_then(|hello| {
        let remote = Greeting::of_hello(us, &hello, certified.as_ref(), peer)?;
        admit(&remote)?;
        Ok((hello, remote))
    });
    let (hello, remote) = match met {
        Ok(met) => met,
        Err(reason) => return Err(ends.refuse(reason).await),
    };
    let (salt, compression) = (Entropy.next_u64(), us.compression && hello.compression);
    let member = us.identity.who.member().map_or(0, |id| id.0);
    let cluster_id = bytes_of(us.cluster_id);
    ends.say(Kind::Welcome, &link::Welcome { version: remote.version.into(), cluster_id, member, salt, compression }).await?;
    ends.agree([remote.class.onward(&us.limits), remote.class.back(&us.limits)], &remote, [salt, !salt], compression)?;
    Ok(ends.connection(remote))
}

/// Connects to the first of an address's hosts that answers.
async fn reach(address: &str, us: &Local, named: &str) -> Result<(TcpStream, SocketAddr), ConnectError> {
    let network = |doing, error| ConnectError::Network { doing, peer: named.to_owned(), error };
    let mut last = None;
    for host in lookup_host(address).await.map_err(|error| network("finding", error))? {
        match us.socket.connect(host).await {
            Ok(stream) => return Ok((stream, host)),
            Err(error) => last = Some(error),
        }
    }
    Err(network("connecting to", last.unwrap_or_else(|| std::io::Error::new(std::io::ErrorKind::NotFound, "it has no address"))))
}

fn hello(us: &Local, class: Class) -> link::Hello {
    let (member, client) = match &us.identity.who {
        Who::Member(id) => (id.0, String::new()),
        Who::Client(name) => (0, name.clone()),
    };
    link::Hello {
        oldest_version: VERSION_OLDEST.into(),
        newest_version: VERSION_NEWEST.into(),
        cluster: us.identity.cluster.to_string(),
        cluster_id: bytes_of(us.cluster_id),
        member,
        class: class.to_wire().into(),
        address: us.address.clone(),
        compression: us.compression,
        client,
    }
}

/// Whether somebody is the one who was dialled.
fn expected(found: &Who, whom: Expect) -> Result<(), String> {
    match (found, whom) {
        (Who::Member(found), Expect::Member(expected)) if *found == expected => Ok(()),
        (Who::Member(_), Expect::AnyMember) => Ok(()),
        (found, Expect::Member(expected)) => Err(format!("{found} answers; expected member {expected}")),
        (found, Expect::AnyMember) => Err(format!("{found} answers; expected a member")),
    }
}

impl Greeting {
    /// What the one who dialled says of itself, held against what this end expects and what the other's certificate says, if it has one.
    ///
    /// # Errors
    /// If it does not belong here; with what was found, and what was expected.
    pub fn of_hello(us: &Local, hello: &link::Hello, certified: Option<&Identity>, peer: SocketAddr) -> Result<Self, String> {
        let (ours, theirs) = (VERSION_OLDEST..=VERSION_NEWEST, hello.oldest_version..=hello.newest_version);
        let version = negotiate(ours, theirs).map_err(|error| error.to_string())?;
        let cluster = &us.identity.cluster;
        if hello.cluster != cluster.as_str() {
            return Err(format!("it means cluster {:?}; expected {cluster}", shown(&hello.cluster)));
        }
        let cluster_id = same_cluster(us, &hello.cluster_id)?;
        let who = match hello.member {
            0 => Who::client(&hello.client).map_err(|error| error.to_string())?,
            id => Who::Member(MemberId(id)),
        };
        if let Some(identity) = certified
            && identity.who != who
        {
            return Err(format!("the hello says {who}; expected {}, as in its certificate", identity.who));
        }
        let class = Class::from_wire(hello.class).ok_or_else(|| format!("its class is {}; expected a known one", hello.class))?;
        if class != Class::Client && who.member().is_none() {
            return Err(format!("{who} wants a {class} connection; expected a member, or a client connection"));
        }
        if class != Class::Client && who == us.identity.who {
            return Err(format!("it says that it is {who}, which is this one itself; expected another member"));
        }
        if hello.address.len() > ADDRESS_BYTES_MAX || !hello.address.bytes().all(|byte| byte.is_ascii_graphic()) {
            let (bytes, shown) = (hello.address.len(), shown(&hello.address));
            return Err(format!("its address is {shown:?}, {bytes} bytes; expected at most {ADDRESS_BYTES_MAX}, all of them visible"));
        }
        Ok(Self { who, class, address: hello.address.clone(), cluster_id, version, peer })
    }

    /// The same of the one who was dialled, at this address and for this.
    ///
    /// # Errors
    /// If it is somebody else, or does not belong here; with what was found, and what was expected.
    pub fn of_welcome(
        us: &Local,
        welcome: &link::Welcome,
        certified: Option<&Identity>,
        whom: Expect,
        (class, address, peer): (Class, &str, SocketAddr),
    ) -> Result<Self, String> {
        if welcome.member == 0 {
            return Err("it says that it is member 0; expected a member's id".into());
        }
        let who = Who::Member(MemberId(welcome.member));
        if let Some(identity) = certified
            && identity.who != who
        {
            return Err(format!("it says that it is {who}; expected {}, as in its certificate", identity.who));
        }
        expected(&who, whom)?;
        let (ours, found) = (VERSION_OLDEST..=VERSION_NEWEST, welcome.version);
        let version = u8::try_from(found).ok().filter(|version| ours.contains(version));
        let version = version.ok_or_else(|| format!("it speaks version {found}; expected one of {ours:?}"))?;
        let cluster_id = same_cluster(us, &welcome.cluster_id)?;
        Ok(Self { who, class, address: address.to_owned(), cluster_id, version, peer })
    }
}

/// The id of the other's cluster, which is this one's if both know it.
fn same_cluster(us: &Local, id: &Bytes) -> Result<Option<ClusterId>, String> {
    if id.is_empty() {
        return Ok(None);
    }
    let found = <[u8; 32]>::try_from(&id[..]).map_err(|_| format!("the cluster's id has {} bytes; expected 32", id.len()))?;
    let (found, own) = (ClusterId(Digest(found)), us.cluster_id);
    if own != ClusterId::default() && own != found {
        return Err(format!("its cluster's id is {found}; expected {own}"));
    }
    Ok(Some(found))
}

fn bytes_of(id: ClusterId) -> Bytes {
    if id == ClusterId::default() { Bytes::new() } else { Bytes::copy_from_slice(&id.0.0) }
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

fn no_tls(peer: &str, error: &rustls::Error) -> ConnectError {
    ConnectError::Tls { peer: peer.to_owned(), problem: crate::tls::reason(error) }
}

/// Both directions of a connection whose ends do not know each other yet.
struct Ends {
    incoming: Incoming,
    outgoing: Outgoing,
    channel: Channel,
    peer: String,
}

impl Ends {
    fn new(stream: TcpStream, channel: Channel, [comes, goes]: [Kind; 2], peer: String) -> Self {
        let (reading, writing) = stream.into_split();
        let incoming = Incoming::new(reading, incoming::State::new(channel.clone(), comes));
        let outgoing = Outgoing::new(writing, outgoing::State::new(channel.clone(), goes));
        Self { incoming, outgoing, channel, peer }
    }

    fn connection(self, remote: Greeting) -> Connection {
        Connection { incoming: self.incoming, outgoing: self.outgoing, remote }
    }

    /// Lets TLS come about, and says whom the other's certificate names; none without TLS. Somebody of another cluster is refused.
    async fn certified(&mut self, us: &Local) -> Result<Option<Identity>, ConnectError> {
        while self.channel.is_handshaking() {
            self.flush().await?;
            // An end that comes along with the end of the handshake has frames before it.
            if let Some(end) = self.incoming.fill().await.cloned().filter(|_| self.channel.is_handshaking()) {
                // What TLS has against the other end is in its queue, or with the system already.
                if let Ok(Ok(())) = timeout(LINGER_TIMEOUT, self.outgoing.end()).await {
                    self.incoming.drain().await;
                }
                return Err(self.ended(end));
            }
        }
        let Channel::Tls(tls) = &self.channel else { return Ok(None) };
        let named = lock(tls).peer_certificates().and_then(|chain| chain.first()).map(|certificate| identity_of(certificate));
        let ours = &us.identity.cluster;
        let reason = match named {
            Some(Ok(identity)) if identity.cluster == *ours => return Ok(Some(identity)),
            Some(Ok(identity)) => format!("its certificate names {identity}; expected somebody in cluster {ours}"),
            Some(Err(error)) => error.to_string(),
            None => "it showed no certificate; expected one from the cluster's authority".into(),
        };
        Err(self.refuse(reason).await)
    }

    async fn say(&mut self, kind: Kind, body: &impl prost::Message) -> Result<(), ConnectError> {
        let pushed = self.outgoing.push_with(kind, PartitionId(0), |out| body.encode_raw(out));
        pushed.map_err(|error| self.network(std::io::Error::other(error)))?;
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), ConnectError> {
        self.outgoing.flush().await.map_err(|error| self.network(error))
    }

    /// Waits for the other's greeting. What is none is refused.
    async fn hear(&mut self) -> Result<Frame, ConnectError> {
        match self.incoming.frame().await {
            Ok(frame) => Ok(frame),
            Err(ReadError::Frame(error)) => Err(self.refuse(error.to_string()).await),
            Err(error) => Err(self.ended(error)),
        }
    }

    fn agree(
        &mut self,
        kinds: [(Option<Kind>, usize); 2],
        remote: &Greeting,
        [comes, goes]: [u64; 2],
        compression: bool,
    ) -> Result<(), ConnectError> {
        let agreed = |(kind, limit), salt| Agreed { version: remote.version, salt, kind, limit, compression };
        self.incoming.agree(agreed(kinds[0], comes));
        self.outgoing.agree(agreed(kinds[1], goes));
        socket::known(self.incoming.stream(), remote.class).map_err(|error| self.network(error))
    }

    /// Tells the other end why there is no connection.
    async fn refuse(&mut self, reason: String) -> ConnectError {
        self.outgoing.push_refusal(&reason);
        // Whether the other end takes note of it changes nothing.
        if let Ok(Ok(())) = timeout(LINGER_TIMEOUT, self.outgoing.end()).await {
            self.incoming.drain().await;
        }
        ConnectError::Unwelcome { peer: self.peer.clone(), reason }
    }

    fn ended(&self, error: ReadError) -> ConnectError {
        let peer = self.peer.clone();
        match error {
            ReadError::Refused(reason) => ConnectError::Refused { peer, reason },
            ReadError::Tls(problem) => ConnectError::Tls { peer, problem },
            error => ConnectError::Ended { peer, error },
        }
    }

    fn network(&self, error: std::io::Error) -> ConnectError {
        ConnectError::Network { doing: "greeting", peer: self.peer.clone(), error }
    }
}
