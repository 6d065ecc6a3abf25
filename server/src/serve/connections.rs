//! Tracks open connections, and chooses which to close when there are too many.
//!
//! A connection that waits for its client may be closed at any time: it is idle, or its client is slow to send a
//! request or to read a reply. A connection whose request is being processed is never closed. So a client that opens
//! connections and does nothing with them does not keep other clients out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long the head of a request may take to arrive, including the TLS handshake before it.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a connection may be idle between requests.
const IDLE_TIME: Duration = Duration::from_secs(75);
/// How long a client may pause before it counts as slow: while it sends a body, and while it reads a reply.
const SLOW_BODY: Duration = Duration::from_millis(500);
const SLOW_READER: Duration = Duration::from_secs(1);

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// A request was answered, and the next has not started.
    Idle,
    /// The head of a request is arriving, or the connection is new.
    Head,
    /// A request body is arriving.
    Body,
    /// The request is being processed or answered.
    Work,
}

/// One connection.
pub struct Connection {
    opened: Instant,
    address: IpAddr,
    phase: AtomicU8,
    /// When the phase began, or when data of a body last arrived, in milliseconds since the connection was opened.
    since: AtomicU64,
    /// When the client stopped reading, in the same unit, plus one; 0 if the client is reading.
    blocked: AtomicU64,
    close: Notify,
}

impl Connection {
    fn new(address: IpAddr) -> Self {
        Self {
            opened: Instant::now(),
            address,
            phase: AtomicU8::new(Phase::Head as u8),
            since: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            close: Notify::new(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn phase(&self) -> Phase {
        let phase = self.phase.load(Ordering::Acquire);
        let all = [Phase::Idle, Phase::Head, Phase::Body, Phase::Work];
        all.into_iter().find(|one| *one as u8 == phase).unwrap_or(Phase::Work)
    }

    fn enter(&self, phase: Phase) {
        self.since.store(self.now(), Ordering::Release);
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Records that data was read.
    pub fn has_read(&self) {
        match self.phase() {
            Phase::Idle => self.enter(Phase::Head),
            Phase::Body => self.since.store(self.now(), Ordering::Release),
            Phase::Head | Phase::Work => {}
        }
    }

    /// Records whether the client took data.
    pub fn has_written(&self, took_data: bool) {
        if took_data {
            self.blocked.store(0, Ordering::Release);
        } else {
            let _ = self.blocked.compare_exchange(0, self.now() + 1, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    /// Records that the head of a request is complete.
    pub fn has_head(&self) {
        self.enter(Phase::Body);
    }

    /// Records that the request is complete.
    pub fn has_request(&self) {
        if self.phase() == Phase::Body {
            self.enter(Phase::Work);
        }
    }

    /// Records that the request was answered.
    pub fn has_answered(&self) {
        self.enter(Phase::Idle);
    }

    /// Waits until the connection must be closed.
    pub async fn closed(&self) {
        self.close.notified().await;
    }

    fn age(&self) -> Duration {
        Duration::from_millis(self.now().saturating_sub(self.since.load(Ordering::Acquire)))
    }

    fn blocked_for(&self) -> Option<Duration> {
        let since = self.blocked.load(Ordering::Acquire).checked_sub(1)?;
        Some(Duration::from_millis(self.now().saturating_sub(since)))
    }

    /// Returns whether the connection exceeded a time limit.
    fn is_overdue(&self) -> bool {
        match self.phase() {
            Phase::Idle => self.age() > IDLE_TIME,
            Phase::Head => self.age() > HEAD_TIME,
            Phase::Body | Phase::Work => false,
        }
    }

    /// Returns the order in which connections are closed, lowest first; `None` if this one must stay open.
    fn rank(&self) -> Option<u8> {
        match (self.phase(), self.blocked_for()) {
            (_, Some(blocked)) => (blocked >= SLOW_READER).then_some(3),
            (Phase::Idle, None) => Some(0),
            (Phase::Head, None) => Some(1),
            (Phase::Body, None) => (self.age() >= SLOW_BODY).then_some(2),
            (Phase::Work, None) => None,
        }
    }
}

/// All open connections, and their limits.
pub struct Connections {
    most: usize,
    most_of_address: usize,
    open: Mutex<Open>,
    /// Notified when a connection is closed.
    change: Notify,
}

#[derive(Default)]
struct Open {
    next: u64,
    all: HashMap<u64, Arc<Connection>>,
    of_address: HashMap<IpAddr, usize>,
}

impl Open {
    fn remove(&mut self, number: u64) {
        let Some(connection) = self.all.remove(&number) else { return };
        let left = self.of_address.get_mut(&connection.address).map(|count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == Some(0) {
            self.of_address.remove(&connection.address);
        }
    }

    fn of(&self, address: &IpAddr) -> usize {
        self.of_address.get(address).copied().unwrap_or(0)
    }

    /// Closes one connection, and returns `false` if all must stay open. Chooses the address with the most connections
    /// among those with one to close; then the lowest rank; then the longest wait.
    fn close_one(&mut self, of: Option<IpAddr>) -> bool {
        let candidates = self.all.iter().filter(|(_, connection)| of.is_none_or(|of| of == connection.address));
        let ranked = candidates.filter_map(|(number, connection)| Some((connection.rank()?, number, connection)));
        let least = ranked.min_by_key(|(rank, number, connection)| {
            let others = usize::MAX - self.of(&connection.address);
            (others, *rank, std::cmp::Reverse(connection.age()), **number)
        });
        let Some((_, number, connection)) = least else { return false };
        connection.close.notify_one();
        let number = *number;
        self.remove(number);
        true
    }
}

/// An open connection's entry in [`Connections`], removed on drop.
pub struct Place {
    connections: Arc<Connections>,
    number: u64,
    /// The connection.
    pub connection: Arc<Connection>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().remove(self.number);
        self.connections.change.notify_one();
    }
}

impl Connections {
    /// Creates an empty set that admits at most `most` connections, and `most_of_address` per address. Loopback has no
    /// limit of its own, because proxies connect from there.
    pub fn new(most: usize, most_of_address: usize) -> Arc<Self> {
        Arc::new(Self { most, most_of_address, open: Mutex::default(), change: Notify::new() })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a connection, closing another if needed. Returns `None` if its address is at its limit and all of its
    /// connections are being processed.
    pub async fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = origin(address);
        loop {
            {
                let mut open = self.open();
                if !address.is_loopback() && open.of(&address) >= self.most_of_address && !open.close_one(Some(address))
                {
                    return None;
                }
                if open.all.len() < self.most || open.close_one(None) {
                    let (number, connection) = (open.next, Arc::new(Connection::new(address)));
                    open.next += 1;
                    open.all.insert(number, connection.clone());
                    *open.of_address.entry(address).or_default() += 1;
                    return Some(Place { connections: self.clone(), number, connection });
                }
            }
            // All connections are being processed. One of them may become slow.
            let _ = tokio::time::timeout(Duration::from_millis(100), self.change.notified()).await;
        }
    }

    /// Closes one connection that waits for its client, to free an open file.
    pub fn close_one(&self) {
        self.open().close_one(None);
    }

    /// Closes connections that exceed a time limit, as long as it is polled.
    pub async fn watch(&self) {
        let mut interval = tokio::time::interval(Duration::from_secs(1));
        loop {
            interval.tick().await;
            for connection in self.open().all.values().filter(|connection| connection.is_overdue()) {
                connection.close.notify_one();
            }
        }
    }
}

/// Returns what counts as one address: an IPv4 address, or the IPv6 /64 network that a single customer gets.
fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn is_closed(connection: &Connection) -> bool {
        use std::task::{Context, Waker};
        let closed = std::pin::pin!(connection.closed());
        closed.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[tokio::test]
    async fn waiting_connections_are_closed_and_busy_ones_stay() {
        let connections = Connections::new(3, 3);
        let mut places = Vec::new();
        for _ in 0..3 {
            places.push(connections.admit(LOOPBACK).await.unwrap());
        }
        places[0].connection.has_head();
        places[0].connection.has_request();
        places[1].connection.has_head();
        let new = connections.admit(LOOPBACK).await.unwrap();
        assert_eq!([0, 1, 2].map(|i| is_closed(&places[i].connection)), [false, false, true]);
        new.connection.has_head();
        new.connection.has_request();
        // The body stops arriving.
        tokio::time::sleep(SLOW_BODY).await;
        let newer = connections.admit(LOOPBACK).await.unwrap();
        assert_eq!([0, 1].map(|i| is_closed(&places[i].connection)), [false, true]);
        // Once a connection is idle, it is closed.
        newer.connection.has_head();
        newer.connection.has_request();
        let waits = tokio::time::timeout(Duration::from_millis(300), connections.admit(LOOPBACK)).await;
        assert!(waits.is_err() && !is_closed(&places[0].connection));
        places[0].connection.has_answered();
        assert!(connections.admit(LOOPBACK).await.is_some());
        assert!(is_closed(&places[0].connection) && !is_closed(&new.connection));
    }

    #[tokio::test]
    async fn addresses_with_many_connections_lose_them_first() {
        let connections = Connections::new(5, 4);
        let lonely = connections.admit(address(1)).await.unwrap();
        let mut many = Vec::new();
        for _ in 0..4 {
            many.push(connections.admit(address(2)).await.unwrap());
        }
        let other = connections.admit(address(3)).await.unwrap();
        assert!(is_closed(&many[0].connection) && !is_closed(&lonely.connection));
        // An address at its limit loses a connection of its own.
        drop(other);
        many.push(connections.admit(address(2)).await.unwrap());
        many.push(connections.admit(address(2)).await.unwrap());
        assert!(is_closed(&many[1].connection) && !is_closed(&lonely.connection));
        // If all of them are being processed, the new one is refused.
        for place in &many {
            place.connection.has_head();
            place.connection.has_request();
        }
        assert!(connections.admit(address(2)).await.is_none());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let network = |text: &str| origin(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:3::1"), network("2001:db8:1:2::1"));
        assert_eq!(network("::ffff:192.0.2.1"), address(1));
        assert!(network("::1").is_loopback() && network("::ffff:127.0.0.1").is_loopback());
    }
}
