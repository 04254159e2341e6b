//! A wire that is as slow as it is told to be, and counts the round trips over it.
//!
//! Threads, not tasks: a runtime's timer ticks in whole milliseconds, and the wire must not compete for the
//! runtime of what is measured. The delay is the same for every piece of data, so one queue holds all that
//! is on its way, and it arrives in the order in which it was sent.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::Failure;

/// Where the wire leads.
#[derive(Debug, Clone)]
pub enum Upstream {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A host and a port.
    Tcp(String, u16),
}

/// A TCP port on this machine that leads to a server, with a delay each way. Its threads end with the
/// connections, its port with the process.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    trips: Arc<AtomicU64>,
}

/// One end of a connection.
enum End {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl End {
    fn another(&self) -> std::io::Result<Self> {
        Ok(match self {
            Self::Unix(socket) => Self::Unix(socket.try_clone()?),
            Self::Tcp(socket) => Self::Tcp(socket.try_clone()?),
        })
    }
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.read(into),
            Self::Tcp(socket) => socket.read(into),
        }
    }
    fn write(&mut self, data: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Unix(socket) => socket.write_all(data),
            Self::Tcp(socket) => socket.write_all(data),
        }
    }
    fn close(&self) {
        // Closed already is closed.
        let _ = match self {
            Self::Unix(socket) => socket.shutdown(Shutdown::Both),
            Self::Tcp(socket) => socket.shutdown(Shutdown::Both),
        };
    }
}

/// Data on its way, or the end of a connection.
struct Piece {
    due: Instant,
    to: Arc<std::sync::Mutex<End>>,
    data: Option<Vec<u8>>,
}

/// Who spoke last on a connection.
const CLIENT: u8 = 1;
const SERVER: u8 = 2;

impl Proxy {
    /// Opens a port that leads to the server, `delay` each way.
    ///
    /// # Errors
    /// When no port is to be had.
    pub fn start(upstream: Upstream, delay: Duration) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let trips = Arc::new(AtomicU64::new(0));
        let (to_wire, on_wire) = channel();
        std::thread::Builder::new().name("wire".into()).spawn(move || carry(&on_wire))?;
        let counter = trips.clone();
        std::thread::Builder::new().name("wire-port".into()).spawn(move || {
            for client in listener.incoming().flatten() {
                // A client whose server cannot be reached sees its connection closed.
                let _ = connect(client, &upstream, delay, &counter, &to_wire);
            }
        })?;
        Ok(Self { address, trips })
    }

    /// The port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often a client has spoken after the server had: round trips, over all connections so far.
    pub fn round_trips(&self) -> u64 {
        self.trips.load(Ordering::SeqCst)
    }
}

/// Delivers what is on its way when it is due.
fn carry(on_wire: &Receiver<Piece>) {
    for piece in on_wire {
        let now = Instant::now();
        if piece.due > now {
            std::thread::sleep(piece.due - now);
        }
        if let Ok(mut to) = piece.to.lock() {
            let sent = match piece.data {
                Some(data) => to.write(&data),
                None => Err(std::io::ErrorKind::ConnectionAborted.into()),
            };
            if sent.is_err() {
                to.close();
            }
        }
    }
}

fn connect(
    client: TcpStream,
    upstream: &Upstream,
    delay: Duration,
    trips: &Arc<AtomicU64>,
    to_wire: &Sender<Piece>,
) -> std::io::Result<()> {
    let server = match upstream {
        Upstream::Unix(path) => End::Unix(UnixStream::connect(path)?),
        Upstream::Tcp(host, port) => {
            let socket = TcpStream::connect((host.as_str(), *port))?;
            socket.set_nodelay(true)?;
            End::Tcp(socket)
        }
    };
    client.set_nodelay(true)?;
    let client = End::Tcp(client);
    let last = Arc::new(AtomicU8::new(SERVER));
    let (to_client, to_server) = (client.another()?, server.another()?);
    for (mut from, to, who) in [(client, to_server, CLIENT), (server, to_client, SERVER)] {
        let (last, trips, to_wire) = (last.clone(), trips.clone(), to_wire.clone());
        let to = Arc::new(std::sync::Mutex::new(to));
        std::thread::spawn(move || {
            let mut buffer = vec![0_u8; 64 * 1024];
            loop {
                let data = match from.read(&mut buffer) {
                    Ok(n) if n > 0 => buffer.get(..n).map(<[u8]>::to_vec),
                    _ => None,
                };
                let over = data.is_none();
                if last.swap(who, Ordering::SeqCst) == SERVER && who == CLIENT && !over {
                    trips.fetch_add(1, Ordering::SeqCst);
                }
                let piece = Piece { due: Instant::now() + delay, to: to.clone(), data };
                if to_wire.send(piece).is_err() || over {
                    return;
                }
            }
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An echo behind the wire: the count is the number of questions, the time at least both ways.
    #[test]
    fn counts_round_trips_and_takes_its_time() {
        let echo = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = echo.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut socket in echo.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut buffer = [0_u8; 64];
                    while let Ok(n @ 1..) = socket.read(&mut buffer) {
                        socket.write_all(&buffer[..n]).unwrap();
                    }
                });
            }
        });
        let delay = Duration::from_millis(2);
        let proxy = Proxy::start(Upstream::Tcp("127.0.0.1".into(), port), delay).unwrap();
        let mut socket = TcpStream::connect(proxy.address()).unwrap();
        let started = Instant::now();
        for n in 0..10_u8 {
            let mut answer = [0_u8; 2];
            socket.write_all(&[n, n]).unwrap();
            socket.read_exact(&mut answer).unwrap();
            assert_eq!(answer, [n, n]);
        }
        assert_eq!(proxy.round_trips(), 10);
        assert!(started.elapsed() >= 20 * delay);
    }
}
