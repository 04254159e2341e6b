//! A connection that never goes back to the pool inside a transaction.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

/// A connection of the pool. A caller that goes away while a transaction is being begun leaves it open, and
/// the driver does not know of it yet: such a connection would stand in the pool inside a transaction, and
/// behind a transaction pooler keep a server of the pooler's from everybody else. It is closed instead.
pub(crate) struct Held {
    conn: PoolConnection<Postgres>,
    inside: bool,
}

impl Held {
    pub(crate) async fn of(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Ok(Self { conn: pool.acquire().await?, inside: false })
    }

    /// A transaction begins: until [`Held::left`], whoever drops this closes the connection.
    pub(crate) fn enter(&mut self) -> &mut PgConnection {
        self.inside = true;
        &mut self.conn
    }

    /// The transaction is over, one way or the other.
    pub(crate) fn left(&mut self) {
        self.inside = false;
    }

    /// The pool must not hand it out again.
    pub(crate) fn close(&mut self) {
        self.conn.close_on_drop();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.inside {
            self.conn.close_on_drop();
        }
    }
}

impl Deref for Held {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.conn
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.conn
    }
}
