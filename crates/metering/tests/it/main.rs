//! The batcher on a real PostgreSQL.

mod books;
mod charges;
